"""Where every call to a platform passes: at its pace, in fair turns, while it answers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple, TypeVar

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
_OF_A_WINDOW = 0.95
_OF_A_CHAT = 0.9
"""The part used of what a platform takes: it counts when a call arrives, and one may be slower
on its way than the next. One chat has the wider margin: what comes to it is not averaged."""
_MINUTE = 60.0
_AT_ONCE_TO_A_GROUP = 0.25
"""The part of a group's minute that may go at once."""


class Bucket(NamedTuple):
    """What keeps a pace: refilled by `rate` a second, up to `size`."""

    rate: float
    size: float


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
        here = self._account(account)
        left = [
            (f"pace:{account}:{address}:{name}", bucket)
            for name, bucket in chat_buckets(address, limits)
        ]
        while True:
            await here.turns.acquire(conversation)
            try:
                probe = await here.breaker.enter()
                try:
                    # In its turn, for the wait for it must not lie between leave and call.
                    wait = await self._take_first(left)
                    if not wait:
                        await self._pace_account(account, limits)
                        return Permit(here, address, partial(self._tell, account), probe=probe)
                except BaseException:
                    here.breaker.withdrawn(probe=probe)
                    raise
                here.breaker.withdrawn(probe=probe)
            finally:
                here.turns.release()
            await asyncio.sleep(max(wait, _SHORTEST))

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

    async def _pace_account(self, account: AccountId, limits: Capabilities) -> None:
        if limits.per_second is None:
            return
        bucket = windowed(limits.per_second, 1.0, burst=limits.burst)
        key = f"pace:{account}"
        wait = await self._take(key, bucket)
        while wait:
            await asyncio.sleep(max(wait, _SHORTEST))
            wait = await self._take(key, bucket)

    async def _take_first(self, left: list[tuple[str, Bucket]]) -> float:
        """Take from the buckets in `left`, dropping those; return the wait for the next one."""
        while left:
            wait = await self._take(*left[0])
            if wait:
                return wait
            del left[0]
        return 0.0

    async def _take(self, key: str, bucket: Bucket) -> float:
        if self._rates is None:
            return 0.0
        return await persist(partial(self._rates.take, key, rate=bucket.rate, burst=bucket.size))


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


def chat_buckets(address: str, limits: Capabilities) -> list[tuple[str, Bucket]]:
    """Return what keeps the pace to one chat, each by a name."""
    buckets = []
    if limits.per_chat_per_second is not None:
        buckets.append(("chat", _chat_bucket(limits.per_chat_per_second, limits.per_chat_burst)))
    if limits.per_group_per_minute is not None and _is_group(address, limits):
        most = limits.per_group_per_minute
        burst = int(most * _AT_ONCE_TO_A_GROUP)
        buckets.append(("group", windowed(most, _MINUTE, burst=burst)))
    return buckets


def _chat_bucket(rate: float, burst: int) -> Bucket:
    # Of a burst one message less leaves the margin, and costs nothing in the long run.
    return Bucket(rate, burst - 1.0) if burst > 1 else Bucket(rate * _OF_A_CHAT, 1.0)


def _is_group(address: str, limits: Capabilities) -> bool:
    shape = limits.group_address
    return shape is not None and re.fullmatch(shape, address) is not None


def windowed(count: float, seconds: float, *, burst: int) -> Bucket:
    """Return what lets at most `count` through in any `seconds`.

    What may go at once is taken off the rate; below 2 there is no room for that.
    """
    used = count * _OF_A_WINDOW
    if count < 2:  # noqa: PLR2004 - one at once, and one more
        return Bucket(min(used, 1.0) / seconds, 1.0)
    size = max(min(float(burst), used / 2), 1.0)
    return Bucket(max(used - size, used / 2) / seconds, size)
