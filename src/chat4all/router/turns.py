"""One at a time, and by turns: who brings many waits longer than who brings one."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque


class Turns:
    """A lock whose waiters are let in round robin over their groups.

    Within a group the first comes first. For one event loop.
    """

    def __init__(self) -> None:
        self._taken = False
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @property
    def idle(self) -> bool:
        """Say whether nobody holds it or waits for it."""
        return not self._taken and not self._waiting

    async def acquire(self, group: str) -> None:
        """Wait for one's turn; `release` gives it on."""
        if self.idle:
            self._taken = True
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(group, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release()
            else:
                self._leave(group, turn)
            raise

    def release(self) -> None:
        """Let the next one in."""
        while self._waiting:
            group, queue = self._waiting.popitem(last=False)
            turn = queue.popleft()
            if queue:
                self._waiting[group] = queue  # to the end of the round
            if not turn.done():  # else its task was cancelled just now
                turn.set_result(None)
                return
        self._taken = False

    def _leave(self, group: str, turn: asyncio.Future[None]) -> None:
        queue = self._waiting.get(group)
        if queue is not None and turn in queue:
            queue.remove(turn)
            if not queue:
                del self._waiting[group]
