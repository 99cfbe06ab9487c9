"""The whole way of one message, hop by hop, without what it says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from chat4all.domain.errors import MessageNotFound
from chat4all.domain.events import Event, MessageDeleted, MessageEdited, ReactionChanged
from chat4all.domain.ids import ConversationId, MessageId, UserId
from chat4all.domain.messages import APP, Cursor
from chat4all.domain.status import Status, StatusEntry
from chat4all.ports.message_store import Kept, MessageHistory, MessageStore, SupportsMoments


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """Something that befell the message.

    `what` is one of accepted, stored, authored, sent, delivered, read, failed, edited,
    deleted, hidden, reacted, unreacted. `user_id` is the recipient or the actor.
    """

    at: datetime
    what: str
    detail: str
    user_id: UserId | None = None
    channel: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The hops of one message, oldest first."""

    message_id: MessageId
    conversation_id: ConversationId
    seq: int
    hops: Sequence[Hop]


class TraceMessage:
    """For operators: it checks no membership and never tells the text."""

    def __init__(
        self, store: MessageStore, history: MessageHistory, moments: SupportsMoments
    ) -> None:
        self._store = store
        self._history = history
        self._moments = moments

    async def __call__(self, message_id: MessageId) -> Trace:
        """Return the way of a message. Raises `MessageNotFound`."""
        kept = (await self._store.find([message_id])).get(message_id)
        if kept is None:
            raise MessageNotFound(f"no message {message_id} is stored")
        message = kept.message
        statuses = await self._history.statuses([message_id])
        cursors = await self._history.cursor_history(
            message.conversation_id, covering_seq=message.seq
        )
        events = await self._moments.journal_of(message_id)
        hops = [
            *_origin(kept),
            *_attempts(statuses, message.sender),
            *_seen(cursors, kept, {(one.user_id, one.status) for one in statuses}),
            *_changes(events),
        ]
        # A stable sort: what has the same time keeps the order of cause and effect.
        return Trace(
            message_id=message_id,
            conversation_id=message.conversation_id,
            seq=message.seq,
            hops=sorted(hops, key=lambda hop: hop.at),
        )


def _origin(kept: Kept) -> Iterator[Hop]:
    message, place = kept.message, kept.position
    yield Hop(
        at=message.created_at,
        what="accepted",
        detail=f"in the log at {place.partition}.{place.offset}",
        user_id=message.sender,
        channel=message.channel,
    )
    yield Hop(at=message.created_at, what="stored", detail=f"as number {message.seq}")


def _attempts(statuses: Iterable[StatusEntry], sender: UserId) -> Iterator[Hop]:
    for entry in statuses:
        parts = [
            f"to {entry.address}" if entry.address else "",
            f"as {entry.external_id}" if entry.external_id else "",
            f"{entry.error.code}: {entry.error.text}" if entry.error else "",
            entry.note or "",
        ]
        own = entry.user_id == sender
        if own:  # how the platform knows a message that came in from it
            parts[0] = f"in {entry.address}" if entry.address else ""
        yield Hop(
            at=entry.at,
            what="authored" if own else entry.status.word,
            detail=", ".join(part for part in parts if part),
            user_id=entry.user_id,
            channel=entry.channel,
        )


def _seen(cursors: Iterable[Cursor], kept: Kept, told: set[tuple[UserId, Status]]) -> Iterator[Hop]:
    """Return what the members' cursors tell, unless a channel told it already."""
    message = kept.message
    for cursor in cursors:
        if cursor.user_id == message.sender or cursor.updated_at is None:
            continue
        status = Status.READ if cursor.last_read_seq >= message.seq else Status.DELIVERED
        if (cursor.user_id, status) in told:
            continue
        yield Hop(
            at=cursor.updated_at,
            what=status.word,
            detail=f"up to {max(cursor.last_read_seq, cursor.last_delivered_seq)}",
            user_id=cursor.user_id,
            channel=APP,
        )


def _changes(events: Iterable[Event]) -> Iterator[Hop]:
    for event in events:
        place = f"in the log at {event.position.partition}.{event.position.offset}"
        if isinstance(event, MessageEdited):
            at = event.message.edited_at or event.message.created_at
            yield Hop(at=at, what="edited", detail=place, user_id=event.message.sender)
        elif isinstance(event, MessageDeleted):
            what = "hidden" if event.only_for else "deleted"
            yield Hop(at=event.at, what=what, detail=place, user_id=event.actor)
        elif isinstance(event, ReactionChanged):
            what = "unreacted" if event.removed else "reacted"
            detail = f"{event.emoji} {place}"
            yield Hop(at=event.at, what=what, detail=detail, user_id=event.user_id)
