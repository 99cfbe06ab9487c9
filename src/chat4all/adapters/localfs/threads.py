"""The threads that wait for the disk, so that the event loop does not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import ParamSpec, TypeVar

from chat4all.adapters.localfs.errors import translate

P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """Some threads, from `start` to `stop`; a work that was begun is always brought to its end."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._pool: ThreadPoolExecutor | None = None

    def start(self) -> None:
        """Be ready for work."""
        self._pool = ThreadPoolExecutor(self._count, thread_name_prefix="objects")

    def stop(self) -> None:
        """Let the works that were begun come to their end."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    def begin(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        """Have `work` done by a thread; `finished` waits for it."""
        assert self._pool is not None, "open the store first: async with store"  # noqa: S101 - a mistake of the program
        assert not kwargs  # noqa: S101 - `run_in_executor` takes none
        return asyncio.get_running_loop().run_in_executor(self._pool, work, *args)

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Have `work` done by a thread and return what it returns."""
        return await finished(self.begin(work, *args, **kwargs))


async def finished(work: asyncio.Future[T]) -> T:
    """Wait for a work; being cancelled counts only once it is done, for it cannot be stopped.

    Raises what the work raised, an error of the system in the words of our tree.
    """
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        while not work.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([work])
        work.exception()  # looked at: nobody else will
        raise
    except OSError as error:
        raise translate(error) from error
