"""Many look-ups of single things, asked of a storage as few."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Batched(Generic[K, V]):
    """Asks one question at a time; those who come meanwhile share the next one.

    A look-up costs a hop to another thread or process, whether for one key or for a hundred.
    The answer to everybody is of after they asked.
    """

    def __init__(self, ask: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]]) -> None:
        self._ask_for = ask
        self._next: dict[K, asyncio.Future[V | None]] = {}
        self._asking: asyncio.Task[None] | None = None

    async def __call__(self, key: K) -> V | None:
        """Return what is found for `key`, or None. Raises what the storage raises."""
        future = self._next.get(key)
        if future is None:
            future = asyncio.get_running_loop().create_future()
            self._next[key] = future
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
        return await asyncio.shield(future)

    async def _ask(self) -> None:
        try:
            while self._next:
                asked, self._next = self._next, {}
                try:
                    found = await self._ask_for(list(asked))
                except Exception as error:  # noqa: BLE001 - whoever asked is told
                    _settle(asked, {}, error)
                else:
                    _settle(asked, found, None)
        finally:
            self._asking = None


def _settle(
    asked: Mapping[K, asyncio.Future[V | None]],
    found: Mapping[K, V],
    error: Exception | None,
) -> None:
    for key, future in asked.items():
        if future.cancelled():
            continue
        if error is not None:
            future.set_exception(error)
            future.exception()  # seen: nobody may be waiting any more
        else:
            future.set_result(found.get(key))
