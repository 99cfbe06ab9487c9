"""Where every call to a platform passes: at its pace, in fair turns, while it answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from chat4all.domain.capabilities import Capabilities
from chat4all.domain.errors import ChannelError
from chat4all.domain.ids import AccountId
from chat4all.ports.ephemeral import RateLimits
from chat4all.router.breaker import Breaker, BreakerPolicy, Circuit
from chat4all.router.outcomes import NoOutcomes, Outcomes
from chat4all.router.persist import persist
from chat4all.router.turns import Turns

T = TypeVar("T")

_SHORTEST = 0.001
"""Seconds of the shortest wait: a bucket may round down to almost a token."""
_LOWEST = 2.0
"""Messages a second below which a pace leaves no room for a burst."""


class Gate:
    """Paces the calls of each account by its platform's capabilities.

    The token buckets lie in `rates`, so all processes share them; without it nothing is
    paced. Within one account conversations take turns, and at most `window` calls are under
    way. Accounts never wait for each other.
    """

    def __init__(
        self,
        rates: RateLimits | None = None,
        *,
        window: int = 1_000,
        breaker: BreakerPolicy | None = None,
        outcomes: Outcomes | None = None,
    ) -> None:
        self._outcomes = outcomes or NoOutcomes()
        self._rates = rates
        self._window = window
        self._policy = breaker or BreakerPolicy()
        self._accounts: dict[AccountId, _Account] = {}

    def circuit(self, account: AccountId) -> Circuit:
        """Return how the circuit of an account stands."""
        known = self._accounts.get(account)
        return known.breaker.circuit if known else Circuit.CLOSED

    async def permit(
        self, account: AccountId, address: str, conversation: str, limits: Capabilities
    ) -> Permit:
        """Wait until one call may be made to a chat; use or close what is returned."""
        await self._pace(f"pace:{account}:{address}", limits.per_chat_per_second, 1)
        here = self._account(account)
        await here.turns.acquire(conversation)
        try:
            probe = await here.breaker.enter()
            try:
                await self._pace(f"pace:{account}", limits.per_second, limits.burst)
            except BaseException:
                here.breaker.withdrawn(probe=probe)
                raise
        finally:
            here.turns.release()
        return Permit(here, address, partial(self._tell, account), probe=probe)

    def _tell(self, account: AccountId, error: ChannelError | None) -> None:
        if error is None:
            self._outcomes.sent(account)
        else:
            self._outcomes.refused(account, error)

    def _account(self, account: AccountId) -> _Account:
        if account not in self._accounts:
            now = asyncio.get_running_loop().time
            breaker = Breaker(account, self._policy, now)
            self._accounts[account] = _Account(breaker, self._window)
        return self._accounts[account]

    async def _pace(self, key: str, per_second: float | None, burst: int) -> None:
        if self._rates is None or per_second is None:
            return
        rate, size = bucket(per_second, burst)
        take = partial(self._rates.take, key, rate=rate, burst=size)
        wait = await persist(take)
        while wait:
            await asyncio.sleep(max(wait, _SHORTEST))
            wait = await persist(take)


class _Account:
    def __init__(self, breaker: Breaker, window: int) -> None:
        self.breaker = breaker
        self.turns = Turns()
        self.slots = asyncio.Semaphore(window)


class Permit:
    """Leave to make one call."""

    def __init__(
        self,
        account: _Account,
        address: str,
        tell: Callable[[ChannelError | None], None],
        *,
        probe: bool,
    ) -> None:
        self._tell = tell
        self._account = account
        self._address = address
        self._probe = probe
        self._open = True

    async def use(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make the call, and learn from how it ends."""
        breaker = self._account.breaker
        async with self._account.slots:
            try:
                answer = await call()
            except ChannelError as error:
                self._open = False
                breaker.failed(self._address, error, probe=self._probe)
                self._tell(error)
                raise
        self._open = False
        breaker.succeeded(probe=self._probe)
        self._tell(None)
        return answer

    def close(self) -> None:
        """Give an unused permit back."""
        if self._open:
            self._open = False
            self._account.breaker.withdrawn(probe=self._probe)


def bucket(per_second: float, burst: int) -> tuple[float, float]:
    """Return the rate and the size of a bucket that keeps a platform's pace.

    In no second does it let more than `per_second` through: what may go at once is taken
    off the rate.
    """
    if per_second < _LOWEST:
        return per_second, 1.0
    size = min(float(max(burst, 1)), per_second / 2)
    return per_second - size, size
