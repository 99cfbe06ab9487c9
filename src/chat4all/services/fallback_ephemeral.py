"""Goes on with what this process knows while the shared ephemeral state does not answer.

Nothing durable lies there, so its loss must not stop a message: limits hold per process
instead of for all of them, a claim is checked here alone (the store's indexes decide in the
end), and nobody hears of other nodes' signals.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import TypeVar

import structlog

from chat4all.domain.errors import Unavailable
from chat4all.ports.ephemeral import Bus, Drawn, Ephemeral, Leases, RateLimits, Routing

T = TypeVar("T")

log = structlog.get_logger(__name__)

PAUSE = 1.0
"""Seconds for which the shared state is left alone after it did not answer."""


class FallbackEphemeral:
    """An `Ephemeral` of two: `shared` while it answers, else `local`."""

    def __init__(
        self, shared: Ephemeral, local: Ephemeral, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._choice = choice = _Choice(clock)
        self._leases = _Leases(shared.leases, local.leases, choice)
        self._rates = _RateLimits(shared.rates, local.rates, choice)
        self._bus = _Bus(shared.bus, choice)
        self._routing = shared.routing

    @property
    def is_shared(self) -> bool:
        """Say whether the shared state answered when it was last asked."""
        return self._choice.is_shared

    @property
    def leases(self) -> Leases:
        """Values that vanish unless renewed."""
        return self._leases

    @property
    def rates(self) -> RateLimits:
        """Token buckets."""
        return self._rates

    @property
    def bus(self) -> Bus:
        """Messages between nodes."""
        return self._bus

    @property
    def routing(self) -> Routing:
        """Who is connected where: nobody knows while the shared state is down."""
        return self._routing


class _Choice:
    """Whom to ask: one call in `PAUSE` seconds finds out whether the shared state is back."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._ask_after = 0.0
        self.is_shared = True

    async def ask(self, shared: Callable[[], Awaitable[T]], local: Callable[[], Awaitable[T]]) -> T:
        """Return what `shared` says, or `local` while that does not answer."""
        now = self._clock()
        if not self.is_shared and now < self._ask_after:
            return await local()
        self._ask_after = now + PAUSE  # the others need not wait for this one
        try:
            answer = await shared()
        except Unavailable as error:
            if self.is_shared:
                log.warning("shared state is lost; limits hold per process", detail=str(error))
            self.is_shared = False
            self._ask_after = self._clock() + PAUSE
            return await local()
        if not self.is_shared:
            log.info("shared state is back")
        self.is_shared = True
        return answer


class _Leases:
    """See `Leases`. What was put is known here too, for as long as it lives."""

    def __init__(self, shared: Leases, local: Leases, choice: _Choice) -> None:
        self._shared = shared
        self._local = local
        self._choice = choice

    async def put(self, key: str, value: str, *, ttl: float) -> None:
        await self._local.put(key, value, ttl=ttl)
        await self._choice.ask(partial(self._shared.put, key, value, ttl=ttl), _nothing)

    async def get_many(self, keys: Collection[str]) -> Mapping[str, str]:
        return await self._choice.ask(
            partial(self._shared.get_many, keys), partial(self._local.get_many, keys)
        )

    async def drop(self, key: str) -> None:
        await self._local.drop(key)
        await self._choice.ask(partial(self._shared.drop, key), _nothing)

    async def claim(self, key: str, value: str, *, ttl: float) -> str | None:
        there = await self._local.claim(key, value, ttl=ttl)
        if there is not None:
            return there
        return await self._choice.ask(partial(self._shared.claim, key, value, ttl=ttl), _nothing)


class _RateLimits:
    """See `RateLimits`."""

    def __init__(self, shared: RateLimits, local: RateLimits, choice: _Choice) -> None:
        self._shared = shared
        self._local = local
        self._choice = choice

    async def take(self, key: str, *, rate: float, burst: float, cost: float = 1.0) -> float:
        arguments = {"rate": rate, "burst": burst, "cost": cost}
        return await self._choice.ask(
            partial(self._shared.take, key, **arguments),
            partial(self._local.take, key, **arguments),
        )

    async def draw(self, key: str, *, rate: float, burst: float, cost: float = 1.0) -> Drawn:
        arguments = {"rate": rate, "burst": burst, "cost": cost}
        return await self._choice.ask(
            partial(self._shared.draw, key, **arguments),
            partial(self._local.draw, key, **arguments),
        )


class _Bus:
    """See `Bus`. What is published while the bus is down is heard by nobody."""

    def __init__(self, shared: Bus, choice: _Choice) -> None:
        self._shared = shared
        self._choice = choice

    async def publish(self, topic: str, payload: bytes) -> None:
        await self._choice.ask(partial(self._shared.publish, topic, payload), _nothing)

    def listen(self, topic: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        return self._shared.listen(topic)


async def _nothing() -> None:
    return None
