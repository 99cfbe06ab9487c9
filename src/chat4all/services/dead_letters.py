"""What could not be done: kept with its reason, shown, and tried again when asked."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from chat4all.domain.errors import Chat4AllError, RecordNotFound
from chat4all.domain.events import Position
from chat4all.ports.event_log import DEAD_LETTERS, EventLog, LogRecord, Record, SupportsRead


class _Letter(msgspec.Struct):
    stream: str
    key: str
    code: str
    reason: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One parked record: where it came from, why it is here, and its bytes."""

    id: str
    stream: str
    key: str
    code: str
    reason: str
    parked_at: datetime
    value: bytes


def dead_letter(stream: str, key: str, value: bytes, error: Exception) -> Record:
    """Return the record that parks `value` of `stream` because of `error`."""
    code = error.code if isinstance(error, Chat4AllError) else "internal_error"
    letter = _Letter(stream, key, code, str(error), base64.b64encode(value).decode())
    return Record(DEAD_LETTERS, key, msgspec.json.encode(letter))


class DeadLetters:
    """The parked records of one log."""

    def __init__(self, event_log: EventLog, reader: SupportsRead) -> None:
        self._log = event_log
        self._reader = reader

    async def list(self, *, after: str | None = None, limit: int = 100) -> Sequence[DeadLetter]:
        """Return up to `limit` letters later than the id `after`, oldest first."""
        records = await self._reader.read(
            DEAD_LETTERS, after=_position(after) if after else None, limit=limit
        )
        return [_read(record) for record in records]

    async def redrive(self, letter_id: str) -> DeadLetter:
        """Append the parked record to its stream again; its effect is still made once.

        Raises `RecordNotFound` for an unknown id.
        """
        position = _position(letter_id)
        before = Position(position.partition, position.offset - 1)
        found = await self._reader.read(DEAD_LETTERS, after=before, limit=1)
        if not found or found[0].position != position:
            raise RecordNotFound(f"there is no dead letter {letter_id}")
        letter = _read(found[0])
        await self._log.append([Record(letter.stream, letter.key, letter.value)])
        return letter


def _position(letter_id: str) -> Position:
    partition, _, offset = letter_id.partition(".")
    short = len(letter_id) <= 30  # noqa: PLR2004 - two 64-bit numbers
    if not (short and letter_id.isascii() and partition.isdigit() and offset.isdigit()):
        raise RecordNotFound(f"{letter_id!r} is no id of a dead letter; they look like 0.17")
    return Position(int(partition), int(offset))


def _read(record: LogRecord) -> DeadLetter:
    letter = msgspec.json.decode(record.value, type=_Letter)
    return DeadLetter(
        id=f"{record.position.partition}.{record.position.offset}",
        stream=letter.stream,
        key=letter.key,
        code=letter.code,
        reason=letter.reason,
        parked_at=record.appended_at,
        value=base64.b64decode(letter.value),
    )
