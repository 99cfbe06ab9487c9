"""Keeps who comes in from taking the event loop away from all others."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from chat4all.domain.errors import Unavailable

HOLD_SECONDS = 0.5
"""How long somebody waits at most for who works off what was let in before."""
LOOK_SECONDS = 0.002
"""How often it is seen whether that was done."""

_InLine = tuple[int, float, asyncio.Future[None]]
"""For how many things, since when, and who waits."""


def _never() -> bool:
    return False


class Turns:
    """Lets in so many at most in one turn of the event loop; the others wait in line.

    A loop runs all that is ready before it looks again. When two thousand requests are ready at
    once, everybody else on the loop waits for them at each of their steps: who routes and
    tells what was accepted before came to a tenth of their work.

    A loop whose others wait for their threads has turns to spare: so nobody is let in either
    while `is_behind` says that they have enough to do, but after `HOLD_SECONDS` all the same.
    """

    def __init__(
        self, most: int, *, line: int, is_behind: Callable[[], bool] | None = None
    ) -> None:
        self._most = most
        self._longest = line
        self._is_behind = is_behind or _never
        self._left = most
        self._line: deque[_InLine] = deque()
        self._is_due = False

    async def take(self, count: int = 1) -> None:
        """Return when it is time for `count` things; they may be more than one turn has.

        Raises `Unavailable` when too many wait.
        """
        if self._left > 0 and not self._line and not self._is_behind():
            self._left -= count
            self._come_back()
            return
        if len(self._line) >= self._longest:
            raise Unavailable("too many messages come at once; try again", retry_after=1)
        loop = asyncio.get_running_loop()
        mine = loop.create_future()
        self._line.append((count, loop.time(), mine))
        self._come_back()
        await mine

    def _come_back(self) -> None:
        if self._is_due:
            return
        self._is_due = True
        loop = asyncio.get_running_loop()
        if self._is_held():
            loop.call_later(LOOK_SECONDS, self._next_turn)
        else:
            loop.call_soon(self._next_turn)

    def _next_turn(self) -> None:
        self._is_due = False
        self._left = min(self._left + self._most, self._most)
        while self._line and self._left > 0 and not self._is_held():
            count, _, who = self._line.popleft()
            if not who.done():  # else it was cancelled
                who.set_result(None)
                self._left -= count
        if self._line or self._left < self._most:
            self._come_back()

    def _is_held(self) -> bool:
        """Say whether the first in line waits for others than those before it."""
        if not self._line or not self._is_behind():
            return False
        _, since, who = self._line[0]
        waited = asyncio.get_running_loop().time() - since
        return not who.done() and waited < HOLD_SECONDS
