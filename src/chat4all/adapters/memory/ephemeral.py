"""Leases, token buckets and a bus for one process: nothing to run beside it."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Generic, TypeVar

from chat4all.ports.ephemeral import Drawn

V = TypeVar("V")

Clock = Callable[[], float]
"""Seconds that never go back, such as `time.monotonic`."""

LISTENER_LIMIT = 10_000
SWEEP_AFTER = 1_024  # keys gained since the last sweep


class MemoryEphemeral:
    """An `Ephemeral` that dies with the process."""

    def __init__(self, *, clock: Clock = time.monotonic) -> None:
        self._leases = MemoryLeases(clock)
        self._rates = MemoryRateLimits(clock)
        self._bus = MemoryBus()
        self._routing = MemoryRouting(clock)

    @property
    def leases(self) -> MemoryLeases:
        """Values that vanish unless renewed."""
        return self._leases

    @property
    def rates(self) -> MemoryRateLimits:
        """Token buckets."""
        return self._rates

    @property
    def bus(self) -> MemoryBus:
        """Messages between the parts of this process."""
        return self._bus

    @property
    def routing(self) -> MemoryRouting:
        """Who is connected where."""
        return self._routing


class _Expiring(Generic[V]):
    """A dict whose values end; what has ended is swept out as the dict grows.

    A sweep looks at every key, and comes after the dict has doubled, so its cost per key
    kept is constant and memory stays within twice what is alive.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._held: dict[str, tuple[V, float]] = {}
        self._sweep_at = SWEEP_AFTER

    def __len__(self) -> int:
        return len(self._held)

    def get(self, key: str) -> V | None:
        held = self._held.get(key)
        if held is None:
            return None
        if held[1] <= self._clock():
            del self._held[key]
            return None
        return held[0]

    def put(self, key: str, value: V, *, ttl: float) -> None:
        now = self._clock()
        self._held[key] = (value, now + ttl)
        if len(self._held) >= self._sweep_at:
            self._held = {name: held for name, held in self._held.items() if held[1] > now}
            self._sweep_at = 2 * len(self._held) + SWEEP_AFTER

    def drop(self, key: str) -> None:
        self._held.pop(key, None)


class MemoryLeases:
    """See `Leases`."""

    def __init__(self, clock: Clock) -> None:
        self._held: _Expiring[str] = _Expiring(clock)

    def __len__(self) -> int:
        return len(self._held)

    async def put(self, key: str, value: str, *, ttl: float) -> None:
        """See `Leases.put`."""
        self._held.put(key, value, ttl=ttl)

    async def get_many(self, keys: Collection[str]) -> Mapping[str, str]:
        """See `Leases.get_many`."""
        return {key: value for key in keys if (value := self._held.get(key)) is not None}

    async def drop(self, key: str) -> None:
        """See `Leases.drop`."""
        self._held.drop(key)

    async def claim(self, key: str, value: str, *, ttl: float) -> str | None:
        """See `Leases.claim`. Nothing is awaited in it, which is what makes it atomic."""
        there = self._held.get(key)
        if there is None:
            self._held.put(key, value, ttl=ttl)
        return there


class MemoryRouting:
    """See `Routing`."""

    def __init__(self, clock: Clock) -> None:
        self._held: _Expiring[dict[str, float]] = _Expiring(clock)
        self._clock = clock

    async def arrive(self, node: str, users: Collection[str], *, ttl: float) -> Collection[str]:
        """See `Routing.arrive`."""
        new = []
        for user in users:
            there = self._nodes(user)
            if node not in there:
                new.append(user)
            there[node] = self._clock() + ttl
            self._held.put(user, there, ttl=max(there.values()) - self._clock())
        return new

    async def leave(self, node: str, users: Collection[str]) -> None:
        """See `Routing.leave`."""
        for user in users:
            there = self._nodes(user)
            if there.pop(node, None) is not None and not there:
                self._held.drop(user)

    async def nodes_of(self, users: Collection[str]) -> Mapping[str, Collection[str]]:
        """See `Routing.nodes_of`."""
        return {user: set(there) for user in users if (there := self._nodes(user))}

    def _nodes(self, user: str) -> dict[str, float]:
        there = self._held.get(user) or {}
        for node in [one for one, until in there.items() if until <= self._clock()]:
            del there[node]
        return there


_Bucket = tuple[float, float]
"""How many tokens there were, and when."""


class MemoryRateLimits:
    """See `RateLimits`. A bucket that would be full again is forgotten."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: _Expiring[_Bucket] = _Expiring(clock)

    def __len__(self) -> int:
        return len(self._buckets)

    async def take(self, key: str, *, rate: float, burst: float, cost: float = 1.0) -> float:
        """See `RateLimits.take`."""
        return self._draw(key, rate, burst, cost)[0]

    async def draw(self, key: str, *, rate: float, burst: float, cost: float = 1.0) -> Drawn:
        """See `RateLimits.draw`."""
        return Drawn(*self._draw(key, rate, burst, cost))

    def _draw(self, key: str, rate: float, burst: float, cost: float) -> tuple[float, float]:
        """Return how long to wait, and what is left."""
        now = self._clock()
        bucket = self._buckets.get(key)
        tokens = burst
        if bucket is not None:
            left, at = bucket
            tokens = min(burst, left + (now - at) * rate)
        if tokens < cost:
            return (cost - tokens) / rate if rate > 0 else math.inf, tokens
        left = tokens - cost
        full_in = (burst - left) / rate if rate > 0 else math.inf
        self._buckets.put(key, (left, now), ttl=full_in)
        return 0.0, left


class MemoryBus:
    """See `Bus`."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[_Listener]] = {}

    async def publish(self, topic: str, payload: bytes) -> None:
        """See `Bus.publish`."""
        for listener in self._listeners.get(topic, ()):
            listener.hear(payload)

    def listen(self, topic: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """See `Bus.listen`."""
        return self._listen(topic)

    @asynccontextmanager
    async def _listen(self, topic: str) -> AsyncIterator[AsyncIterator[bytes]]:
        listener = _Listener()
        self._listeners.setdefault(topic, set()).add(listener)
        try:
            yield listener
        finally:
            listeners = self._listeners[topic]
            listeners.discard(listener)
            if not listeners:
                del self._listeners[topic]


class _Listener:
    """What was published and not yet taken; ended when that is too much."""

    def __init__(self) -> None:
        self._heard: deque[bytes] = deque()
        self._ended = False
        self._woken = asyncio.Event()

    def hear(self, payload: bytes) -> None:
        if self._ended:
            return
        if len(self._heard) >= LISTENER_LIMIT:
            self._ended = True
            self._heard.clear()
        else:
            self._heard.append(payload)
        self._woken.set()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        while not self._heard:
            if self._ended:
                raise StopAsyncIteration
            self._woken.clear()
            await self._woken.wait()
        return self._heard.popleft()
