"""What waits for one connected client: bounded, so a slow client costs no memory."""

from __future__ import annotations

import asyncio
from typing import Protocol

from chat4all.domain.events import Position
from chat4all.domain.ids import UserId

MAX_FRAMES = 2_000
MAX_CHARACTERS = 4 * 1024 * 1024


class Hand(Protocol):
    """Takes frames past an empty mailbox. It never waits, and never raises."""

    def takes(self, position: Position | None, frame: str) -> bool:
        """Take a frame for good, or return False: then it waits in the mailbox."""
        ...

    def roused(self) -> None:
        """Hear that the mailbox `waits` for somebody to take what is in it, or may do so."""
        ...


class Mailbox:
    """Frames for one connection, in order.

    When more waits than the limits allow, the mailbox empties itself and says so by
    `overflowed`: the connection is closed and the client resumes from its cursor. A mailbox
    that is `behind` may lack frames: the connection asks the store for them. With a `hand`
    only what that does not take at once comes to wait.
    """

    __slots__ = ("_characters", "_frames", "_waiter", "behind", "hand", "overflowed", "user_id")

    def __init__(self, user_id: UserId) -> None:
        self.user_id = user_id
        self.hand: Hand | None = None
        self.overflowed = False
        self.behind = False
        self._frames: list[tuple[Position | None, str]] = []
        self._characters = 0
        self._waiter: asyncio.Future[None] | None = None

    @property
    def waits(self) -> bool:
        """Say whether there is something to take, to ask the store for, or an overflow to tell."""
        return bool(self._frames) or self.behind or self.overflowed

    def offer(self, position: Position | None, frame: str) -> None:
        """Put a frame in; `position` is that of its event, None for a passing signal.

        The frame of an event is a JSON object that lacks its `cursor`.
        """
        if self.overflowed:
            return
        hand = self.hand
        if hand is not None and not (self._frames or self.behind) and hand.takes(position, frame):
            return
        self._frames.append((position, frame))
        self._characters += len(frame)
        if len(self._frames) > MAX_FRAMES or self._characters > MAX_CHARACTERS:
            self.overflow()
        self.wake()

    def overflow(self) -> None:
        """Give up: not all that should be told can be, and the client must resume."""
        self.overflowed = True
        self._frames.clear()
        self.wake()

    def fall_behind(self) -> None:
        """Say that frames may be missing."""
        self.behind = True
        self.wake()

    def wake(self) -> None:
        """Let a waiting `take` return, with or without frames; rouse the hand."""
        if self.hand is not None:
            self.hand.roused()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def take(self) -> list[tuple[Position | None, str]]:
        """Return all that waits, waiting for the first; empty after `wake` or an overflow."""
        if not self._frames and not self.overflowed:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self.take_waiting()

    def take_waiting(self) -> list[tuple[Position | None, str]]:
        """Return all that waits."""
        taken, self._frames = self._frames, []
        self._characters = 0
        return taken
