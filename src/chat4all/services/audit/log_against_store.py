"""Every accepted command has its effect in the store, or was refused with a reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from chat4all.domain.commands import (
    AdvanceCursor,
    Command,
    DeleteMessage,
    EditMessage,
    ReportStatus,
    SubmitMessage,
)
from chat4all.domain.errors import UnreadableRecord
from chat4all.domain.ids import ConversationId, MessageId, UserId
from chat4all.domain.messages import Cursor
from chat4all.domain.status import Status, moves_forward
from chat4all.ports.event_log import LogRecord
from chat4all.ports.integrity import CURSOR_BACK, LOST_RECORD, Finding
from chat4all.ports.message_store import Head, Kept, MessageData
from chat4all.services.audit.refusals import Refusals
from chat4all.services.records import decode_command

_Attempt = tuple[MessageId, UserId, str]
_Member = tuple[ConversationId, UserId]


@dataclass(slots=True)
class _Stored:
    """What the store says about the commands of one batch."""

    kept: Mapping[MessageId, Kept]
    cursors: Mapping[_Member, Cursor]
    heads: Mapping[ConversationId, Head]
    attempts: dict[_Attempt, list[Status]] = field(default_factory=dict)


class LogAgainstStore:
    """Judges commands that the router has committed, so all of their effects are stored.

    What a reaction, a hiding or an announcement left behind cannot be told from the state of
    a message; those are passed over.
    """

    def __init__(self, store: MessageData, refusals: Refusals) -> None:
        self._store = store
        self._refusals = refusals

    async def judge(self, records: Sequence[LogRecord]) -> list[Finding]:
        """Return what is neither stored nor refused."""
        read = [(record, _command(record)) for record in records]
        stored = await self._look_up([one for _, one in read if one is not None])
        findings = []
        for record, command in read:
            missing = _unreadable(record) if command is None else _missing(command, stored)
            if missing is not None and not await self._refusals.has(record.value):
                findings.append(missing)
        return findings

    async def _look_up(self, commands: Sequence[Command]) -> _Stored:
        entries = [one.entry for one in commands if isinstance(one, ReportStatus)]
        moves = [one for one in commands if isinstance(one, AdvanceCursor)]
        asked = [
            one.message_id
            for one in commands
            if isinstance(one, SubmitMessage | EditMessage | DeleteMessage)
        ]
        stored = _Stored(
            kept=await self._store.find(asked) if asked else {},
            cursors=await self._store.cursors({(one.conversation_id, one.user_id) for one in moves})
            if moves
            else {},
            heads=await self._store.heads({one.conversation_id for one in moves}) if moves else {},
        )
        if entries:
            for entry in await self._store.statuses({one.message_id for one in entries}):
                attempt = (entry.message_id, entry.user_id, entry.channel)
                stored.attempts.setdefault(attempt, []).append(entry.status)
        return stored


def _command(record: LogRecord) -> Command | None:
    try:
        return decode_command(record.value)
    except UnreadableRecord:
        return None


def _unreadable(record: LogRecord) -> Finding:
    at = record.position
    return Finding(
        check=LOST_RECORD,
        conversation_id=None,
        detail=f"the command at {at.partition}.{at.offset} cannot be read, and was not parked",
    )


def _missing(command: Command, stored: _Stored) -> Finding | None:
    """Return what lacks of the effects of a command; None when nothing does."""
    for kind, look in _LOOKS.items():
        if isinstance(command, kind):
            return next(look(command, stored), None)
    return None


def _submitted(command: SubmitMessage, stored: _Stored) -> Iterator[Finding]:
    kept = stored.kept.get(command.message_id)
    if kept is None:
        yield _lost(command, f"message {command.message_id} was accepted and is not stored")
    elif kept.digest != command.digest:
        yield _lost(command, f"message {command.message_id} is stored with another content")


def _reported(command: ReportStatus, stored: _Stored) -> Iterator[Finding]:
    entry = command.entry
    statuses = stored.attempts.get((entry.message_id, entry.user_id, entry.channel), [])
    latest = statuses[-1] if statuses else None
    if entry.status not in statuses and moves_forward(latest, entry.status):
        where = f"message {entry.message_id} for user {entry.user_id} on {entry.channel}"
        yield _lost(command, f"{where} was reported {entry.status.word}, which is not stored")


def _advanced(command: AdvanceCursor, stored: _Stored) -> Iterator[Finding]:
    """Tell a cursor that is not where it was moved to; a move beyond the end was cut down."""
    head = stored.heads.get(command.conversation_id)
    high = 0 if head is None else head.max_seq
    delivered = command.delivered_seq if command.delivered_seq <= high else 0
    read = command.read_seq if command.read_seq <= high else 0
    cursor = stored.cursors.get((command.conversation_id, command.user_id))
    there = (cursor.last_delivered_seq, cursor.last_read_seq) if cursor else (0, 0)
    if there[0] < max(delivered, read) or there[1] < read:
        yield Finding(
            check=CURSOR_BACK,
            conversation_id=command.conversation_id,
            detail=f"user {command.user_id} had delivered {delivered} and read {read}, and the "
            f"cursor stands at {there[0]} and {there[1]}",
        )


def _edited(command: EditMessage, stored: _Stored) -> Iterator[Finding]:
    kept = stored.kept.get(command.message_id)
    if kept is None:
        yield _lost(command, f"an edit of message {command.message_id}, which is not stored")
    elif (
        kept.message.edited_at is None
        and kept.message.deleted_at is None
        and kept.message.payload != command.payload
    ):
        yield _lost(command, f"an edit of message {command.message_id} is not stored")


def _deleted(command: DeleteMessage, stored: _Stored) -> Iterator[Finding]:
    kept = stored.kept.get(command.message_id)
    if kept is None:
        yield _lost(command, f"a deletion of message {command.message_id}, which is not stored")
    elif command.for_everyone and kept.message.deleted_at is None:
        yield _lost(command, f"message {command.message_id} was deleted, and is still shown")


_LOOKS: dict[type, Callable[..., Iterator[Finding]]] = {
    SubmitMessage: _submitted,
    ReportStatus: _reported,
    AdvanceCursor: _advanced,
    EditMessage: _edited,
    DeleteMessage: _deleted,
}


def _lost(command: Command, detail: str) -> Finding:
    return Finding(check=LOST_RECORD, conversation_id=command.conversation_id, detail=detail)
