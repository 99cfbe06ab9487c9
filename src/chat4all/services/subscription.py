"""What one connected client is told: each event once, in order, live or from the store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

from chat4all.domain.events import NOWHERE, Position, SyncCursor
from chat4all.domain.ids import UserId
from chat4all.services.mailbox import Hand, Mailbox
from chat4all.services.notify import Notifier
from chat4all.services.sync import Sync
from chat4all.services.told import Told

Waiting = Sequence[tuple[Position | None, str]]
"""Frames, with the positions of those that are events."""


class Overflowed(Exception):
    """The client reads too slowly: not all that it should be told was kept for it."""


class Subscription:
    """One connection of `user_id`, from `begin` to `end`. One at a time may tell of it."""

    __slots__ = ("_mailbox", "_notifier", "_sync", "_told")

    def __init__(self, user_id: UserId, notifier: Notifier, sync: Sync) -> None:
        self._mailbox = Mailbox(user_id)
        self._notifier = notifier
        self._sync = sync
        self._told = Told(NOWHERE, notifier.steps)

    @property
    def cursor(self) -> SyncCursor:
        """Return what the client has: what is told next stands after it."""
        return self._told.cursor

    async def begin(self, hand: Hand | None = None) -> None:
        """Be told what happens from now on; a `hand` may take it as it comes."""
        start = await self._notifier.connect(self._mailbox)
        self._told = Told(start, self._notifier.steps)
        self._mailbox.hand = hand

    async def end(self) -> bool:
        """Be told no more; return whether the user has no connection left, at any node."""
        self._mailbox.hand = None
        return await self._notifier.disconnect(self._mailbox)

    async def missed(self, since: SyncCursor) -> AsyncIterator[Mapping[str, Any]]:
        """Yield what the client missed while it was away, each with its `cursor`."""
        async for missed in self._sync.missed(self._mailbox.user_id, since):
            for position, frame in missed.frames:
                if self._told.wants_missed(position):
                    yield frame
            self._told.resumed(missed.cursor)

    async def take(self) -> Waiting:
        """Return what waits to be told, waiting for it; perhaps nothing. Raises `Overflowed`."""
        return self._whole(await self._mailbox.take())

    @property
    def waits(self) -> bool:
        """Say whether `take` would return at once, or `behind` has something to ask for."""
        return self._mailbox.waits

    def take_waiting(self) -> Waiting:
        """Return what waits to be told, perhaps nothing. Raises `Overflowed`."""
        return self._whole(self._mailbox.take_waiting())

    def _whole(self, waiting: Waiting) -> Waiting:
        if self._mailbox.overflowed:
            raise Overflowed("you read too slowly; connect and resume")
        return waiting

    async def behind(self) -> AsyncIterator[Mapping[str, Any]]:
        """Yield from the store what may have been missed; it stands before what `take` gave."""
        if not self._mailbox.behind:
            return
        self._mailbox.behind = False
        async for missed in self._sync.missed(self._mailbox.user_id, self._told.cursor):
            for position, frame in missed.frames:
                self._told.live(position)
                yield frame
            self._told.caught_up(missed.cursor)

    def live(self, waiting: Waiting) -> Iterator[tuple[SyncCursor | None, str]]:
        """Yield those of `waiting` that are to be told, each with the cursor that goes with it.

        A passing signal has none.
        """
        for position, frame in waiting:
            if position is None:
                yield None, frame
            elif (cursor := self.step(position)) is not None:
                yield cursor, frame

    def step(self, position: Position) -> SyncCursor | None:
        """Note that an event is told now; return its cursor, None if it was told before."""
        if not self._told.wants_live(position):
            return None
        return self._told.live(position)
