"""One signal for everything that moves, so that waiting needs no sleeping."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Changes:
    """Counts the changes of a simulated network and wakes whoever waits for one.

    Belongs to one event loop; from other threads use the HTTP control API.
    """

    def __init__(self) -> None:
        self.version = 0
        self.closed = False
        self._next = asyncio.Event()

    def announce(self) -> None:
        """Say that something changed."""
        self.version += 1
        self._next.set()
        self._next = asyncio.Event()

    def open(self) -> None:
        """Let waits last again, since the server starts."""
        self.closed = False

    def close(self) -> None:
        """Let every present and later wait end at once, since the server stops."""
        self.closed = True
        self.announce()

    async def until(self, condition: Callable[[], bool], *, within: float) -> bool:
        """Wait until `condition()` holds, the network closes or `within` seconds pass.

        Returns whether the condition holds.
        """
        try:
            async with asyncio.timeout(within):
                while not condition() and not self.closed:
                    await self._next.wait()
        except TimeoutError:
            return condition()
        return condition()
