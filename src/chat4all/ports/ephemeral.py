"""State that may be lost: presence leases, claims, rate buckets, messages between nodes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol


class Leases(Protocol):
    """Values that vanish unless renewed. Times to live are in seconds."""

    async def put(self, key: str, value: str, *, ttl: float) -> None:
        """Keep `value` for `ttl` seconds; a repeat renews it."""
        ...

    async def get_many(self, keys: Collection[str]) -> Mapping[str, str]:
        """Return the values that have not expired."""
        ...

    async def drop(self, key: str) -> None:
        """Forget a value now; an unknown key is no error."""
        ...

    async def claim(self, key: str, value: str, *, ttl: float) -> str | None:
        """Keep `value` if the key is free and return None, else return what is there.

        Atomic: of two callers with one key, one gets None.
        """
        ...


@dataclass(frozen=True, slots=True)
class Drawn:
    """What came of asking a bucket: the seconds to `wait` (0: it gave), and what is `left`."""

    wait: float
    left: float


class RateLimits(Protocol):
    """Token buckets."""

    async def take(self, key: str, *, rate: float, burst: float, cost: float = 1.0) -> float:
        """Take `cost` tokens from a bucket refilled by `rate` a second up to `burst`.

        Returns 0 when they were taken, else the seconds until they would be there, and
        takes nothing.
        """
        ...

    async def draw(self, key: str, *, rate: float, burst: float, cost: float = 1.0) -> Drawn:
        """Do as `take` does, on the same buckets, and tell also what is left."""
        ...


class Bus(Protocol):
    """Fire and forget between nodes: nobody listening, nothing kept."""

    async def publish(self, topic: str, payload: bytes) -> None:
        """Hand `payload` to whoever listens to `topic` now."""
        ...

    def listen(self, topic: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Listen from entering the context; a listener that falls 10,000 behind is ended."""
        ...


class Routing(Protocol):
    """At which nodes users are connected. What is not renewed vanishes."""

    async def arrive(self, node: str, users: Collection[str], *, ttl: float) -> Collection[str]:
        """Say for `ttl` seconds that `users` are at `node`; a repeat renews it.

        Returns those of them who were not known to be there.
        """
        ...

    async def leave(self, node: str, users: Collection[str]) -> None:
        """Say that `users` are not at `node` any more."""
        ...

    async def nodes_of(self, users: Collection[str]) -> Mapping[str, Collection[str]]:
        """Return the nodes each user is at; who is nowhere is left out."""
        ...


class Ephemeral(Protocol):
    """The four of them. Every implementation passes `EphemeralContract`."""

    @property
    def leases(self) -> Leases:
        """Values that vanish unless renewed."""
        ...

    @property
    def rates(self) -> RateLimits:
        """Token buckets."""
        ...

    @property
    def bus(self) -> Bus:
        """Messages between nodes."""
        ...

    @property
    def routing(self) -> Routing:
        """Who is connected where."""
        ...
