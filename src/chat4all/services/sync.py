"""All that happened for one member since a cursor, for clients that were away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chat4all.domain.events import CursorMoved, Event, Position, SyncCursor
from chat4all.domain.ids import UserId
from chat4all.domain.status import Status
from chat4all.ports.message_store import MessageHistory
from chat4all.services.mailbox import Mailbox
from chat4all.services.messages import Directory
from chat4all.services.notify import Notifier, frames_of

PAGE = 200
MAX_WAIT = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """Some frames with the positions of their events, in order, and the cursor after them.

    `more` says that further ones are known to wait.
    """

    frames: Sequence[tuple[Position, Mapping[str, Any]]]
    cursor: SyncCursor
    more: bool = False


class Sync:
    """Catching up, and waiting for news without a socket."""

    def __init__(self, history: MessageHistory, people: Directory, notifier: Notifier) -> None:
        self._history = history
        self._people = people
        self._notifier = notifier

    async def missed(self, viewer: UserId, cursor: SyncCursor) -> AsyncIterator[Missed]:
        """Yield all that `viewer` missed since `cursor`, page by page, to its end."""
        while True:
            page = await self._page(viewer, cursor)
            if page is None:
                return
            yield page
            cursor = page.cursor

    async def poll(
        self, viewer: UserId, cursor: SyncCursor | None, *, wait: float, limit: int = PAGE
    ) -> Missed:
        """Return the next frames after `cursor`, waiting up to `wait` seconds for one.

        `limit` is how many events are looked at; one may have several frames.

        Without a cursor it returns at once where the log stands now.
        """
        if cursor is None:
            return Missed(frames=[], cursor=await self._now(viewer))
        mailbox = Mailbox(viewer)
        await self._notifier.connect(mailbox)
        try:
            page = await self._page(viewer, cursor, limit)
            if page is not None or wait <= 0:
                return page or Missed(frames=[], cursor=cursor)
            try:
                async with asyncio.timeout(min(wait, MAX_WAIT)):
                    while page is None and not mailbox.overflowed:
                        await mailbox.take()  # a passing signal wakes as well
                        await self._notifier.until_stored()
                        page = await self._page(viewer, cursor, limit)
            except TimeoutError:
                return Missed(frames=[], cursor=cursor)
            return page or Missed(frames=[], cursor=cursor)
        finally:
            await self._notifier.disconnect(mailbox)

    async def _now(self, viewer: UserId) -> SyncCursor:
        mailbox = Mailbox(viewer)
        try:
            return await self._notifier.connect(mailbox)
        finally:
            await self._notifier.disconnect(mailbox)

    async def _page(self, viewer: UserId, cursor: SyncCursor, limit: int = PAGE) -> Missed | None:
        """Return the next page that has frames; None when nothing is missing."""
        conversations = await self._people.conversations_of(viewer)
        while True:
            events = await self._history.changes(conversations, after=cursor.offsets, limit=limit)
            if not events:
                return None
            frames: list[tuple[Position, Mapping[str, Any]]] = []
            for event, told in zip(events, await self._told(events, viewer), strict=True):
                cursor = cursor.at(event.position)
                frames += [(event.position, {**one, "cursor": str(cursor)}) for one in told]
            if frames:
                return Missed(frames=frames, cursor=cursor, more=len(events) == limit)

    async def _told(
        self, events: Sequence[Event], viewer: UserId
    ) -> list[list[Mapping[str, object]]]:
        """Return the frames of each event; the store is asked for all of them together."""
        moves = [one for one in events if isinstance(one, CursorMoved)]
        others = [one for one in moves if one.after.user_id != viewer]
        covered = await self._notifier.covering.of_sender(viewer, others)
        statuses = await self._notifier.current_statuses(events)
        return [
            frames_of(
                one,
                covered.get(one.position, ()),
                viewer=viewer,
                status=statuses.get(one.position, Status.SENT),
            )
            for one in events
        ]
