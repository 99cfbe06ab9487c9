"""Messages in memory: the same promises as a database, except that they end with it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice

from chat4all.domain.errors import StaleSequence
from chat4all.domain.events import CursorMoved, Event, MessageAdded, Position, message_concerned
from chat4all.domain.ids import AccountId, ConversationId, MessageId, UserId
from chat4all.domain.messages import Cursor, Message
from chat4all.domain.status import Status, StatusEntry, moves_forward
from chat4all.domain.words import holds
from chat4all.ports.integrity import Numbered, Reported
from chat4all.ports.message_store import Effects, Head, Kept, NewMessage, Summary

UNREAD_LIMIT = 1_000

_Member = tuple[ConversationId, UserId]


@dataclass(slots=True)
class MemoryMessages:
    """What is stored; several `MemoryMessageStore` may share it."""

    kept: dict[MessageId, Kept] = field(default_factory=dict)
    places: defaultdict[ConversationId, dict[int, MessageId]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    hidden: set[tuple[MessageId, UserId]] = field(default_factory=set)
    cursors: dict[_Member, Cursor] = field(default_factory=dict)
    statuses: list[StatusEntry] = field(default_factory=list)
    journal: dict[tuple[ConversationId, Position], Event] = field(default_factory=dict)
    unfinished: bool = False
    notes: bytes | None = None


class MemoryMessageStore:
    """MessageStore, MessageHistory, SupportsSearch, SupportsMoments, Integrity and AuditNotes."""

    def __init__(self, messages: MemoryMessages | None = None) -> None:
        self._all = MemoryMessages() if messages is None else messages

    async def heads(
        self, conversations: Collection[ConversationId]
    ) -> Mapping[ConversationId, Head]:
        """Return where conversations stand; see the port."""
        places = self._all.places
        return {name: Head(max(places[name])) for name in conversations if places.get(name)}

    async def find(self, messages: Collection[MessageId]) -> Mapping[MessageId, Kept]:
        """Return stored messages; see the port."""
        kept = self._all.kept
        return {id_: kept[id_] for id_ in messages if id_ in kept}

    async def cursors(self, members: Collection[_Member]) -> Mapping[_Member, Cursor]:
        """Return stored cursors; see the port."""
        cursors = self._all.cursors
        return {member: cursors[member] for member in members if member in cursors}

    async def apply(self, effects: Effects) -> None:
        """Store effects; see the port."""
        self._add(effects.added)
        for message in effects.changed:
            self._change(message, effects.journal)
        kept = self._all.kept
        self._all.hidden.update(pair for pair in effects.hidden if pair[0] in kept)
        for cursor in effects.cursors:
            self._move(cursor)
        for entry in effects.statuses:
            self._report(entry)
        for event in effects.journal:
            self._all.journal.setdefault((event.conversation_id, event.position), event)

    async def status_of(
        self, account: AccountId, address: str, external_id: str
    ) -> StatusEntry | None:
        """Return the entry of what a platform calls `external_id`; see the port."""
        asked = (account, address, external_id)
        found = [
            entry
            for entry in self._all.statuses
            if (entry.account_id, entry.address, entry.external_id) == asked
            and entry.status >= Status.SENT
        ]
        return min(found, key=lambda entry: entry.status is not Status.SENT, default=None)

    async def page(
        self,
        conversation: ConversationId,
        *,
        viewer: UserId,
        after_seq: int | None = None,
        before_seq: int | None = None,
        limit: int,
    ) -> Sequence[Message]:
        """Return one page; see the port."""
        window = [
            message
            for message in self._in(conversation)
            if (after_seq is None or message.seq > after_seq)
            and (before_seq is None or message.seq < before_seq)
            and (message.message_id, viewer) not in self._all.hidden
        ]
        limit = max(limit, 0)
        return window[max(len(window) - limit, 0) :] if after_seq is None else window[:limit]

    async def summaries(
        self, user: UserId, conversations: Collection[ConversationId]
    ) -> Mapping[ConversationId, Summary]:
        """Return what a list of conversations shows; see the port."""
        return {name: self._summary(user, name) for name in conversations if self._in(name)}

    async def conversation_cursors(self, conversation: ConversationId) -> Sequence[Cursor]:
        """Return the cursors of a conversation; see the port."""
        found = [cursor for (name, _), cursor in self._all.cursors.items() if name == conversation]
        return sorted(found, key=lambda cursor: cursor.user_id)

    async def statuses(self, messages: Collection[MessageId]) -> Sequence[StatusEntry]:
        """Return the status entries of these messages; see the port."""
        return [entry for entry in self._all.statuses if entry.message_id in messages]

    async def changes(
        self, conversations: Collection[ConversationId], *, after: Mapping[int, int], limit: int
    ) -> Sequence[Event]:
        """Return what happened later than `after`; see the port."""
        names = set(conversations)
        events: list[Event] = [
            MessageAdded(position=kept.position, message=kept.message)
            for kept in self._all.kept.values()
        ]
        events.extend(self._all.journal.values())
        later = [
            event
            for event in events
            if event.conversation_id in names
            and event.position.offset > after.get(event.position.partition, -1)
        ]
        return sorted(later, key=lambda event: event.position)[: max(limit, 0)]

    async def cursor_history(
        self, conversation: ConversationId, *, covering_seq: int
    ) -> Sequence[Cursor]:
        """Return who first received and read up to `covering_seq`; see the port."""
        received: set[UserId] = set()
        read: set[UserId] = set()
        history: list[Cursor] = []
        for event in self._events():
            if not isinstance(event, CursorMoved) or event.conversation_id != conversation:
                continue
            after = event.after
            first_received = after.last_delivered_seq >= covering_seq
            first_received = first_received and after.user_id not in received
            first_read = after.last_read_seq >= covering_seq and after.user_id not in read
            if first_received:
                received.add(after.user_id)
            if first_read:
                read.add(after.user_id)
            if first_received or first_read:
                history.append(after)
        return history

    async def journal_of(self, message: MessageId) -> Sequence[Event]:
        """Return the events that concern one message; see the port."""
        if message not in self._all.kept:
            return []
        return [event for event in self._events() if message_concerned(event) == message]

    async def search(
        self,
        words: str,
        *,
        conversations: Collection[ConversationId],
        viewer: UserId,
        since: datetime | None = None,
        until: datetime | None = None,
        before: tuple[datetime, MessageId] | None = None,
        limit: int,
    ) -> Sequence[Message]:
        """Return the messages that hold every word; see the port."""
        found = [
            message
            for name in set(conversations)
            for message in self._in(name)
            if (message.message_id, viewer) not in self._all.hidden
            and message.payload is not None
            and message.deleted_at is None
            and (since is None or message.created_at >= since)
            and (until is None or message.created_at < until)
            and (before is None or (message.created_at, message.message_id) < before)
            and holds(message.payload.words, words)
        ]
        found.sort(key=lambda message: (message.created_at, message.message_id), reverse=True)
        return found[: max(limit, 0)]

    async def numbered(
        self, *, start: tuple[ConversationId, int] | None, limit: int
    ) -> Sequence[Numbered]:
        """Return messages by their places; see the port."""
        places = self._all.places
        found = (
            Numbered(name, seq, places[name][seq])
            for name in sorted(places)
            if start is None or name >= start[0]
            for seq in sorted(places[name])
            if start is None or (name, seq) >= start
        )
        return list(islice(found, limit))

    async def repeated(self, messages: Collection[Numbered]) -> Mapping[MessageId, int]:
        """Return what is there more than once; see the port."""
        asked = {one.message_id for one in messages}
        there = Counter(id_ for place in self._all.places.values() for id_ in place.values())
        return {id_: there[id_] for id_ in asked if there[id_] > 1}

    async def cursors_after(
        self, *, member: tuple[ConversationId, UserId] | None, limit: int
    ) -> Sequence[Cursor]:
        """Return cursors in turn; see the port."""
        cursors = self._all.cursors
        later = (one for one in sorted(cursors) if member is None or one > member)
        return [cursors[one] for one in islice(later, limit)]

    async def statuses_after(self, *, token: str, limit: int) -> Sequence[Reported]:
        """Return status entries in turn; see the port."""
        first = int(token or 0)
        found = self._all.statuses[first : first + limit]
        return [Reported(str(number), one) for number, one in enumerate(found, first + 1)]

    async def read_notes(self) -> bytes | None:
        """Return what the auditor wrote last; see `AuditNotes`."""
        return self._all.notes

    async def write_notes(self, notes: bytes) -> None:
        """Keep what the auditor knows; see `AuditNotes`."""
        self._all.notes = notes

    async def counts(self) -> dict[str, int]:
        """Return how much there is; see the port."""
        return {
            "conversations": sum(1 for places in self._all.places.values() if places),
            "messages": len(self._all.kept),
            "cursors": len(self._all.cursors),
            "statuses": len(self._all.statuses),
        }

    async def is_unfinished(self) -> bool:
        """Say whether a copy was begun; see `SupportsCopies`."""
        return self._all.unfinished

    async def set_unfinished(self, unfinished: bool) -> None:  # noqa: FBT001 - as in the port
        """Keep that a copy was begun, or ended; see `SupportsCopies`."""
        self._all.unfinished = unfinished

    async def conversations(self) -> AsyncIterator[ConversationId]:
        """Yield all of which anything is kept; see `SupportsConversations`."""
        found = {name for name, places in self._all.places.items() if places}
        found |= {name for name, _ in self._all.cursors} | {name for name, _ in self._all.journal}
        for name in sorted(found):
            yield name

    def _in(self, conversation: ConversationId) -> list[Message]:
        places = self._all.places.get(conversation, {})
        return [self._all.kept[places[seq]].message for seq in sorted(places)]

    def _events(self) -> list[Event]:
        return sorted(self._all.journal.values(), key=lambda event: event.position)

    def _summary(self, user: UserId, conversation: ConversationId) -> Summary:
        messages = self._in(conversation)
        cursor = self._all.cursors.get((conversation, user))
        read = 0 if cursor is None else cursor.last_read_seq
        unread = sum(1 for message in messages if message.seq > read and message.sender != user)
        shown = [m for m in messages if (m.message_id, user) not in self._all.hidden]
        return Summary(
            conversation_id=conversation,
            max_seq=messages[-1].seq,
            unread=min(unread, UNREAD_LIMIT),
            last_message=shown[-1] if shown else None,
            last_activity=messages[-1].created_at,
        )

    def _add(self, added: Sequence[NewMessage]) -> None:
        """Add all or none: what is taken shows before anything is kept."""
        new: dict[MessageId, Kept] = {}
        taken: dict[tuple[ConversationId, int], MessageId] = {}
        for one in added:
            message = one.message
            kept = new.get(message.message_id) or self._all.kept.get(message.message_id)
            place = (message.conversation_id, message.seq)
            if kept is not None:
                there = (kept.message.conversation_id, kept.message.seq, kept.digest)
                if there == (*place, one.digest):
                    continue
            elif place not in taken and message.seq not in self._all.places.get(place[0], ()):
                new[message.message_id] = Kept(message, one.digest, one.position)
                taken[place] = message.message_id
                continue
            raise StaleSequence(f"message {message.message_id} or seq {message.seq} is taken")
        self._all.kept.update(new)
        for (conversation, seq), id_ in taken.items():
            self._all.places[conversation][seq] = id_

    def _change(self, message: Message, journal: Sequence[Event]) -> None:
        kept = self._all.kept.get(message.message_id)
        if kept is None or not self._is_news(message, kept.message, journal):
            return
        changed = replace(
            kept.message,
            payload=message.payload,
            to=message.to,
            reply_to=message.reply_to,
            metadata=message.metadata,
            edited_at=message.edited_at,
            deleted_at=message.deleted_at,
            reactions=message.reactions,
        )
        self._all.kept[message.message_id] = replace(kept, message=changed)

    def _is_news(self, message: Message, stored: Message, journal: Sequence[Event]) -> bool:
        events = [event for event in journal if message_concerned(event) == message.message_id]
        if events:
            stored_events = self._all.journal
            return any((e.conversation_id, e.position) not in stored_events for e in events)
        if stored.deleted_at is not None and message.deleted_at is None:
            return False
        if stored.edited_at is None:
            return True
        return message.edited_at is not None and message.edited_at >= stored.edited_at

    def _move(self, cursor: Cursor) -> None:
        member = (cursor.conversation_id, cursor.user_id)
        before = self._all.cursors.get(member)
        if before is None:
            self._all.cursors[member] = cursor
        elif (
            cursor.last_delivered_seq > before.last_delivered_seq
            or cursor.last_read_seq > before.last_read_seq
        ):
            self._all.cursors[member] = replace(
                cursor,
                last_delivered_seq=max(cursor.last_delivered_seq, before.last_delivered_seq),
                last_read_seq=max(cursor.last_read_seq, before.last_read_seq),
            )

    def _report(self, entry: StatusEntry) -> None:
        attempt = (entry.message_id, entry.user_id, entry.channel)
        latest: Status | None = None
        for known in self._all.statuses:
            if known == entry:
                return
            if (known.message_id, known.user_id, known.channel) == attempt:
                latest = known.status
        if moves_forward(latest, entry.status):
            self._all.statuses.append(entry)
