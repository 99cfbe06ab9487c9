"""A circuit breaker: a platform that does not answer is left alone, then asked carefully.

https://learn.microsoft.com/azure/architecture/patterns/circuit-breaker
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import structlog

from chat4all.domain.errors import ChannelError

log = structlog.get_logger(__name__)


class Circuit(StrEnum):
    """Closed: calls go through. Open: they wait. Half open: one call tries."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """Opens after calls to `chats` chats in a row failed, first for `first` seconds.

    Each probe that fails doubles the pause, up to `most` seconds.
    """

    chats: int = 5
    first: float = 5.0
    most: float = 60.0


class Breaker:
    """The circuit of one account.

    Only failures that may pass count, one per chat: a chat that always fails says nothing
    about the account, unless the error says that it concerns all of it. A refusal for good
    is an answer, so the platform is there.
    """

    def __init__(self, name: str, policy: BreakerPolicy, now: Callable[[], float]) -> None:
        self._name = name
        self._policy = policy
        self._now = now
        self._failing: set[str] = set()
        self._until: float | None = None
        self._pause = policy.first
        self._probing = False
        self._changed = asyncio.Event()

    @property
    def circuit(self) -> Circuit:
        """Return how it stands."""
        if self._until is None:
            return Circuit.CLOSED
        return Circuit.HALF_OPEN if self._probing else Circuit.OPEN

    async def enter(self) -> bool:
        """Wait until a call may be made; return whether it is the probe."""
        while self._until is not None:
            wait = self._until - self._now()
            if wait > 0:
                await asyncio.sleep(max(wait, 0.001))
            elif self._probing:
                self._changed.clear()
                await self._changed.wait()
            else:
                self._probing = True
                return True
        return False

    def succeeded(self, *, probe: bool) -> None:
        """Note that the platform answered."""
        self._failing.clear()
        if probe:
            self._close()

    def failed(self, address: str, error: ChannelError, *, probe: bool) -> None:
        """Note how a call to a chat failed."""
        if not error.retry:
            self.succeeded(probe=probe)
            return
        self._failing.add(address)
        wish = error.retry_after or 0.0
        if error.of_account and (wish or not probe):
            self._open(wish or self._pause, error)  # a platform that says when is asked then
        elif probe:
            self._pause = min(self._pause * 2, self._policy.most)
            self._open(max(self._pause, wish), error)
        elif len(self._failing) >= self._policy.chats and self._until is None:
            self._open(max(self._pause, wish), error)

    def withdrawn(self, *, probe: bool) -> None:
        """Note that a call was not made, or ended without an answer."""
        if probe:
            self._probing = False
            self._changed.set()

    def _open(self, seconds: float, error: ChannelError) -> None:
        until = self._now() + seconds
        self._until = until if self._until is None else max(self._until, until)
        self._probing = False
        self._changed.set()
        log.warning("account paused", account=self._name, wait=seconds, code=error.reason)

    def _close(self) -> None:
        self._until = None
        self._pause = self._policy.first
        self._probing = False
        self._changed.set()
        log.info("account resumed", account=self._name)
