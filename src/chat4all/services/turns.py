"""Keeps who comes in from taking the event loop away from all others."""

from __future__ import annotations

import asyncio
from collections import deque

from chat4all.domain.errors import Unavailable


class Turns:
    """Lets in so many at most in one turn of the event loop; the others wait in line.

    A loop runs all that is ready before it looks again. When two thousand requests are ready at
    once, everybody else on the loop waits for them at each of their steps: who routes and
    tells what was accepted before came to a tenth of their work.
    """

    def __init__(self, most: int, *, line: int) -> None:
        self._most = most
        self._longest = line
        self._left = most
        self._line: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._is_due = False

    async def take(self, count: int = 1) -> None:
        """Return when it is time for `count` things; they may be more than one turn has.

        Raises `Unavailable` when too many wait.
        """
        if self._left > 0:  # then nobody is in line
            self._left -= count
            self._come_back()
            return
        if len(self._line) >= self._longest:
            raise Unavailable("too many messages come at once; try again", retry_after=1)
        mine = asyncio.get_running_loop().create_future()
        self._line.append((count, mine))
        await mine

    def _come_back(self) -> None:
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._next_turn)

    def _next_turn(self) -> None:
        self._is_due = False
        self._left = min(self._left + self._most, self._most)
        while self._line and self._left > 0:
            count, who = self._line.popleft()
            if not who.done():  # else it was cancelled
                who.set_result(None)
                self._left -= count
        if self._line or self._left < self._most:
            self._come_back()
