"""The whole way of one message, hop by hop, without what it says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from chat4all.domain.commands import Command, ReportStatus, SubmitMessage
from chat4all.domain.errors import MessageNotFound, UnreadableRecord
from chat4all.domain.events import (
    Event,
    MessageDeleted,
    MessageEdited,
    Position,
    ReactionChanged,
    StatusChanged,
)
from chat4all.domain.failover import Instead
from chat4all.domain.ids import ConversationId, MessageId, UserId
from chat4all.domain.messages import APP, Cursor, Message
from chat4all.domain.status import Failure, Status, StatusEntry
from chat4all.ports.event_log import COMMANDS
from chat4all.ports.message_store import Kept, MessageHistory, MessageStore, SupportsMoments
from chat4all.services.catching_up import CatchingUp
from chat4all.services.forwarded_log import WholeLog
from chat4all.services.records import decode_command

MOST_READS, NEAR, LONGEST = 20, 50, 500
"""How often the log is read for one trace, and how many records apart and in all one read takes."""
PASSAGE = frozenset(
    {"logged", "stored", "routed", "tried", "rerouted", "sent", "delivered", "read", "failed"}
)
"""What follows from an earlier hop; the rest is what people did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """Something that befell the message.

    `what` is one of accepted, logged, stored, routed, tried, rerouted, authored, sent,
    delivered, read, failed, edited, deleted, hidden, reacted, unreacted. `user_id` is the
    recipient or the actor. `after` is the time since the hop that it follows from, if known.

    `why` tells why it was `routed` there, as a plan does; `channels` are those that the sender
    asked for; `place` is where the log has it; `address` and `external_id` are the platform's.
    """

    at: datetime
    what: str
    user_id: UserId | None = None
    channel: str | None = None
    after: timedelta | None = None
    why: str | None = None
    channels: Sequence[str] = ()
    instead: Instead | None = None
    place: Position | None = None
    address: str | None = None
    external_id: str | None = None
    error: Failure | None = None
    note: str | None = None

    @property
    def detail(self) -> str:
        """Return all that is known besides, in one line of English."""
        parts = [
            f"asked for {', then '.join(self.channels)}" if self.channels else "",
            self.why or "",
            f"{'in' if self.what == 'authored' else 'to'} {self.address}" if self.address else "",
            f"as {self.external_id}" if self.external_id else "",
            f"{self.error.code}: {self.error.text}" if self.error else "",
            self.note or "",
            f"in the log at {self.place.partition}.{self.place.offset}" if self.place else "",
        ]
        return ", ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The hops of one message, oldest first, each after what it follows from."""

    message_id: MessageId
    conversation_id: ConversationId
    seq: int
    hops: Sequence[Hop]

    def seen_by(self, member: UserId) -> Trace:
        """Return what a member may know: no addresses of others, and not who hid it from view."""
        return replace(
            self,
            hops=[
                replace(hop, address=None)
                for hop in self.hops
                if hop.what != "hidden" or hop.user_id == member
            ],
        )


@dataclass(frozen=True, slots=True)
class _Logged:
    """A command that the log still has, and when it had it."""

    command: Command
    at: datetime


class TraceMessage:
    """For operators: it checks no membership and never tells the text."""

    def __init__(
        self,
        store: MessageStore,
        history: MessageHistory,
        moments: SupportsMoments,
        event_log: WholeLog,
    ) -> None:
        self._store = store
        self._history = history
        self._moments = moments
        self._log = event_log

    async def __call__(self, message_id: MessageId) -> Trace:
        """Return the way of a message. Raises `MessageNotFound`.

        One that was accepted a moment ago is waited for; `Unavailable` when the store is too far
        behind to tell. What the log has forgotten is left out: when it had the message, why a
        channel was chosen, and the tries in vain.
        """
        kept = await CatchingUp(self._log).find(partial(self._stored, message_id))
        if kept is None:
            raise MessageNotFound(f"no message {message_id} is stored")
        message = kept.message
        statuses = await self._history.statuses([message_id])
        cursors = await self._history.cursor_history(
            message.conversation_id, covering_seq=message.seq
        )
        events = await self._moments.journal_of(message_id)
        logged = await self._logged([kept.position, *_reports(events)])
        submitted = logged.get(kept.position)
        stored_at = submitted.at if submitted else message.created_at
        later = [
            *_choices([one.command for one in logged.values()], stored_at),
            *_attempts(statuses, message.sender),
            *_seen(cursors, message, {(one.user_id, one.status) for one in statuses}),
            *_changes(events),
        ]
        return Trace(
            message_id=message_id,
            conversation_id=message.conversation_id,
            seq=message.seq,
            hops=_in_order(list(_origin(kept, submitted)), later),
        )

    async def _stored(self, message_id: MessageId) -> Kept | None:
        return (await self._store.find([message_id])).get(message_id)

    async def _logged(self, places: Sequence[Position]) -> Mapping[Position, _Logged]:
        """Return the commands at `places` that the log still has, in its order."""
        wanted = set(places)
        found = {}
        for first, count in _stretches(places)[:MOST_READS]:
            before = Position(first.partition, first.offset - 1)
            for record in await self._log.read(COMMANDS, after=before, limit=count):
                if record.position in wanted:
                    try:
                        command = decode_command(record.value)
                    except UnreadableRecord:  # of another version: it was parked, and is told there
                        continue
                    found[record.position] = _Logged(command, record.appended_at)
        return found


def _stretches(places: Iterable[Position]) -> list[tuple[Position, int]]:
    """Return where to read and how many records, so that what stands near is read at once."""
    found: list[tuple[Position, int]] = []
    for place in sorted(places, key=lambda one: (one.partition, one.offset)):
        if found:
            first, count = found[-1]
            span = place.offset - first.offset + 1
            if place.partition == first.partition and span <= min(count + NEAR, LONGEST):
                found[-1] = (first, span)
                continue
        found.append((place, 1))
    return found


def _reports(events: Iterable[Event]) -> list[Position]:
    """Return where the log has what channels reported."""
    return [one.position for one in events if isinstance(one, StatusChanged)]


def _origin(kept: Kept, submitted: _Logged | None) -> Iterator[Hop]:
    message = kept.message
    command = submitted.command if submitted else None
    yield Hop(
        at=message.created_at,
        what="accepted",
        user_id=message.sender,
        channel=message.channel,
        channels=command.channels if isinstance(command, SubmitMessage) else (),
    )
    if submitted is not None:
        yield Hop(at=submitted.at, what="logged", place=kept.position)
    yield Hop(
        at=submitted.at if submitted else message.created_at,
        what="stored",
        note=f"as number {message.seq}",
        place=None if submitted else kept.position,
    )


def _choices(commands: Iterable[Command], at: datetime) -> Iterator[Hop]:
    """Return the channels that were chosen, and the calls in vain, as the log tells them."""
    told: set[tuple[UserId, str]] = set()
    for command in commands:
        if not isinstance(command, ReportStatus):
            continue
        entry = command.entry
        lane = (entry.user_id, entry.channel)
        if command.why is not None and lane not in told:
            told.add(lane)
            yield _hop(entry, "routed", at, why=command.why)
        for one in command.tries:
            error = Failure(code=one.code, text=one.text)
            yield _hop(entry, "tried", one.at, error=error)


def _attempts(statuses: Iterable[StatusEntry], sender: UserId) -> Iterator[Hop]:
    for entry in statuses:
        instead = Instead.of(entry.note) if entry.status is Status.ACCEPTED else None
        what = "rerouted" if instead else entry.status.word
        yield _hop(
            entry,
            # how the platform knows a message that came in from it
            "authored" if entry.user_id == sender else what,
            entry.at,
            instead=instead,
            address=entry.address,
            external_id=entry.external_id,
            error=entry.error,
            note=entry.note,
        )


def _hop(entry: StatusEntry, what: str, at: datetime, **about: Any) -> Hop:
    return replace(Hop(at=at, what=what, user_id=entry.user_id, channel=entry.channel), **about)


def _seen(
    cursors: Iterable[Cursor], message: Message, told: set[tuple[UserId, Status]]
) -> Iterator[Hop]:
    """Return what the members' cursors tell, unless a channel told it already."""
    for cursor in cursors:
        if cursor.user_id == message.sender or cursor.updated_at is None:
            continue
        status = Status.READ if cursor.last_read_seq >= message.seq else Status.DELIVERED
        if (cursor.user_id, status) in told:
            continue
        yield Hop(
            at=cursor.updated_at,
            what=status.word,
            note=f"up to {max(cursor.last_read_seq, cursor.last_delivered_seq)}",
            user_id=cursor.user_id,
            channel=APP,
        )


def _changes(events: Iterable[Event]) -> Iterator[Hop]:
    for event in events:
        place = event.position
        if isinstance(event, MessageEdited):
            at = event.message.edited_at or event.message.created_at
            yield Hop(at=at, what="edited", place=place, user_id=event.message.sender)
        elif isinstance(event, MessageDeleted):
            what = "hidden" if event.only_for else "deleted"
            yield Hop(at=event.at, what=what, place=place, user_id=event.actor)
        elif isinstance(event, ReactionChanged):
            what = "unreacted" if event.removed else "reacted"
            yield Hop(at=event.at, what=what, place=place, user_id=event.user_id, note=event.emoji)


def _in_order(origin: Sequence[Hop], later: Iterable[Hop]) -> list[Hop]:
    """Return the hops, each with the time it took after what it follows from.

    The sort is stable, so what has the same time keeps the order of cause and effect.
    Nothing happens to a message before it is stored, whatever another machine's clock says.
    """
    found: list[Hop] = []
    lanes: dict[tuple[UserId | None, str | None], Hop] = {}
    for hop in origin:
        found.append(_following(hop, found[-1] if found else None))
    stored = found[-1]
    for hop in sorted(later, key=lambda one: one.at):
        lane = (hop.user_id, hop.channel)
        # The next channel is tried because of what became of the one before.
        cause = lanes.get((hop.user_id, hop.instead.channel) if hop.instead else lane, stored)
        found.append(_following(hop, cause))
        if hop.what in PASSAGE:
            lanes[lane] = hop
    return found


def _following(hop: Hop, cause: Hop | None) -> Hop:
    if cause is None or hop.what not in PASSAGE or hop.at < cause.at:
        return hop
    return replace(hop, after=hop.at - cause.at)
