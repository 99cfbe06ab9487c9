"""Messages, what happened to them, statuses and cursors: all that a message store keeps.

They keep their places in the log. So what a client has seen stays true, and the router finds
by its place what was done.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from chat4all.domain.errors import MoveRefused, StaleSequence, TooLarge
from chat4all.domain.events import Event, MessageAdded, MessageDeleted, SyncCursor
from chat4all.domain.ids import ConversationId, MessageId
from chat4all.domain.messages import Cursor
from chat4all.domain.status import StatusEntry
from chat4all.ports.integrity import Integrity
from chat4all.ports.message_store import Effects, Kept, MessageData, NewMessage
from chat4all.ports.moving import SupportsConversations, SupportsCopies
from chat4all.services.audit.whole_check import stored_findings
from chat4all.services.moving.part import Meter, differs, foreign, grouped

TOGETHER = 100
"""Conversations that are read and written together."""
PAGE = 500
"""Events that are written at once."""


class Messages(MessageData, SupportsConversations, SupportsCopies, Integrity, Protocol):
    """A message store that can be moved, from or to."""


@dataclass(frozen=True, slots=True)
class _Page:
    """What happened next in some conversations, with all that is kept of the messages in it."""

    events: Sequence[Event]
    kept: Mapping[MessageId, Kept]
    statuses: Mapping[MessageId, Sequence[StatusEntry]]

    @property
    def hidden(self) -> list[MessageDeleted]:
        """Return the events that hid a message from one member."""
        return [
            event
            for event in self.events
            if isinstance(event, MessageDeleted) and event.only_for is not None
        ]

    def effects(self, events: Sequence[Event]) -> Effects:
        """Return what stores `events` of this page as they are."""
        added = [self.kept[one.message.message_id] for one in events if type(one) is MessageAdded]
        return Effects(
            added=[NewMessage(kept.message, kept.digest, kept.position) for kept in added],
            hidden=[
                (one.message_id, one.only_for)
                for one in events
                if isinstance(one, MessageDeleted) and one.only_for is not None
            ],
            statuses=[
                entry for kept in added for entry in self.statuses.get(kept.message.message_id, ())
            ],
            journal=[one for one in events if type(one) is not MessageAdded],
        )


class MoveMessages:
    """Moves them group by group of conversations, each in the order of the log."""

    def __init__(self, source: Messages, target: Messages, meter: Meter) -> None:
        self._source = source
        self._target = target
        self._meter = meter
        self._begun = False

    async def require(self) -> None:
        """Refuse a target with conversations that the source does not have; see `Part`."""
        ours = self._source.conversations()
        here: ConversationId | None = None
        async for theirs in self._target.conversations():
            while here is None or here < theirs:
                here = await anext(ours, None)
                if here is None:
                    break
            if here != theirs:
                raise foreign(f"the conversation {theirs}")

    async def copy(self) -> None:
        """Bring what is missing; see `Part`."""
        self._meter.begin("messages", (await self._source.counts())["messages"])
        fresh = await anext(self._target.conversations(), None) is None
        async for group in grouped(self._source.conversations(), TOGETHER):
            await self._copy_events(group, fresh=fresh)
            await self._copy_cursors(group)

    async def verify(self) -> dict[str, int]:
        """Compare both sides, prove the promises on the copy, and end it; see `Part`."""
        counts = await self._source.counts()
        self._meter.begin("comparing messages", counts["messages"])
        async for group in grouped(self._source.conversations(), TOGETHER):
            await self._compare_events(group)
            await self._compare_cursors(group)
        there = await self._target.counts()
        if there != counts:
            raise differs(f"it counts {_told(there)}, and the source {_told(counts)}")
        async for finding in stored_findings(self._target):
            raise differs(
                f"{finding.check} in {finding.conversation_id}: {finding.detail} (look whether "
                "`chat4all check` finds it at the source too)"
            )
        await self._target.set_unfinished(False)
        return counts

    async def _copy_events(self, group: Sequence[ConversationId], *, fresh: bool) -> None:
        seen = SyncCursor({})
        while True:
            page = await _page(self._source, group, seen)
            there: Sequence[Event] = ()
            if not fresh:
                there = await self._there(group, seen, page)
            if not page.events:
                return
            if len(there) < len(page.events):
                await self._apply(page, page.events)
            self._count(page)
            seen = _after(seen, page.events)

    async def _there(
        self, group: Sequence[ConversationId], seen: SyncCursor, page: _Page
    ) -> Sequence[Event]:
        """Return what of `page` the target has. Raises `MoveRefused` when it has more."""
        found = await self._target.changes(group, after=seen.offsets, limit=PAGE)
        if page.events:
            last = page.events[-1].position
            found = [one for one in found if one.position <= last]
        for one in found:
            if one not in page.events:
                raise foreign(f"something at {_place(one)}")
        return found

    async def _apply(self, page: _Page, events: Sequence[Event]) -> None:
        try:
            await self._store(page.effects(events))
        except StaleSequence as error:
            raise foreign(f"something else ({error})") from error
        except TooLarge:
            if len(events) == 1:
                raise
            half = len(events) // 2
            await self._apply(page, events[:half])
            await self._apply(page, events[half:])

    async def _copy_cursors(self, group: Sequence[ConversationId]) -> None:
        ours = await self._cursors(group)
        members = [(one.conversation_id, one.user_id) for one in ours]
        there = await self._target.cursors(members) if members else {}
        missing = [one for one in ours if (one.conversation_id, one.user_id) not in there]
        if missing:
            await self._store(Effects(cursors=missing))

    async def _store(self, effects: Effects) -> None:
        if not self._begun:  # and not before there is something to write: it may be in use
            await self._target.set_unfinished(True)
            self._begun = True
        await self._target.apply(effects)

    async def _compare_events(self, group: Sequence[ConversationId]) -> None:
        seen = SyncCursor({})
        while True:
            page = await _page(self._source, group, seen)
            there = await _page(self._target, group, seen)
            if page != there:
                raise differs(_difference(page, there))
            if not page.events:
                return
            for event in page.hidden:
                if await self._is_shown(event):
                    raise differs(f"message {event.message_id} is not hidden from who hid it")
            self._count(page)
            seen = _after(seen, page.events)

    async def _is_shown(self, event: MessageDeleted) -> bool:
        assert event.only_for is not None  # noqa: S101 - `_Page.hidden` has no other
        found = await self._target.page(
            event.conversation_id,
            viewer=event.only_for,
            after_seq=event.seq - 1,
            before_seq=event.seq + 1,
            limit=1,
        )
        return bool(found)

    async def _compare_cursors(self, group: Sequence[ConversationId]) -> None:
        for name in group:
            ours = await self._source.conversation_cursors(name)
            theirs = await self._target.conversation_cursors(name)
            if _by_user(ours) != _by_user(theirs):
                raise differs(f"the cursors of conversation {name}")

    async def _cursors(self, group: Sequence[ConversationId]) -> list[Cursor]:
        return [one for name in group for one in await self._source.conversation_cursors(name)]

    def _count(self, page: _Page) -> None:
        self._meter.moved(sum(type(one) is MessageAdded for one in page.events))


async def _page(store: Messages, group: Sequence[ConversationId], seen: SyncCursor) -> _Page:
    events = await store.changes(group, after=seen.offsets, limit=PAGE)
    names = [one.message.message_id for one in events if type(one) is MessageAdded]
    if not names:
        return _Page(events, {}, {})
    kept = await store.find(names)
    if len(kept) < len(names):
        raise MoveRefused("a message is told and not found: is a server still running?")
    statuses: defaultdict[MessageId, list[StatusEntry]] = defaultdict(list)
    for entry in await store.statuses(names):
        statuses[entry.message_id].append(entry)
    return _Page(events, dict(kept), dict(statuses))


def _after(seen: SyncCursor, events: Sequence[Event]) -> SyncCursor:
    for event in events:
        seen = seen.at(event.position)
    return seen


def _difference(here: _Page, there: _Page) -> str:
    for ours, theirs in zip(here.events, there.events, strict=False):
        if ours != theirs:
            return f"what happened at {_place(ours)}"
    if len(here.events) != len(there.events):
        longer = max(here.events, there.events, key=len)
        return f"one of them lacks what happened at {_place(longer[-1])}"
    for name, entries in here.statuses.items():
        if there.statuses.get(name) != entries:
            return f"the statuses of message {name}"
    return f"what was kept of a message before {_place(here.events[-1])}"


def _place(event: Event) -> str:
    at = event.position
    return f"{at.partition}.{at.offset} of the log, in conversation {event.conversation_id}"


def _by_user(cursors: Sequence[Cursor]) -> dict[str, Cursor]:
    return {one.user_id: one for one in cursors}


def _told(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{many} {what}" for what, many in counts.items())
