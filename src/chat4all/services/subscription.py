"""What one connected client is told: each event once, in order, live or from the store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

from chat4all.domain.events import Position, SyncCursor
from chat4all.domain.ids import UserId
from chat4all.services.mailbox import Mailbox
from chat4all.services.notify import Notifier
from chat4all.services.sync import Sync
from chat4all.services.told import Told

Waiting = Sequence[tuple[Position | None, str]]
"""Frames, with the positions of those that are events."""


class Overflowed(Exception):
    """The client reads too slowly: not all that it should be told was kept for it."""


class Subscription:
    """One connection of `user_id`, from `begin` to `end`. One at a time may tell of it."""

    def __init__(self, user_id: UserId, notifier: Notifier, sync: Sync) -> None:
        self._mailbox = Mailbox(user_id)
        self._notifier = notifier
        self._sync = sync
        self._told = Told(SyncCursor({}))

    @property
    def cursor(self) -> SyncCursor:
        """Return what the client has: what is told next stands after it."""
        return self._told.cursor

    async def begin(self) -> None:
        """Be told what happens from now on."""
        self._told = Told(await self._notifier.connect(self._mailbox))

    async def end(self) -> bool:
        """Be told no more; return whether the user has no connection left, at any node."""
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
        waiting = await self._mailbox.take()
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
            elif self._told.wants_live(position):
                yield self._told.live(position), frame
