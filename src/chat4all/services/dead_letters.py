"""What could not be done: kept with its reason, shown, and tried again when asked, once."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec

from chat4all.domain.errors import (
    ChannelError,
    Chat4AllError,
    Conflict,
    RecordNotFound,
    UnreadableRecord,
)
from chat4all.domain.events import Position
from chat4all.domain.ids import ConversationId, UserId, derived_id
from chat4all.domain.status import Status
from chat4all.ports.event_log import (
    DEAD_LETTERS,
    EVENTS,
    EventLog,
    LogRecord,
    Record,
    SupportsRead,
    outbound,
)
from chat4all.services.clock import utc_now
from chat4all.services.dead_letter_contents import Contents, contents
from chat4all.services.records import decode_task, encode_task

WORTH = timedelta(hours=24)
"""How long a delivery that is tried again may take."""
_BLOCK = 500
_SCANNED = 20 * _BLOCK
"""Records that one page looks at, at most."""


class _Stored(msgspec.Struct, omit_defaults=True):
    """A record of the stream: a letter, or with `redriven` the note that one was redriven.

    Both have the same key, so they share a partition and keep their order. `at` is when it
    came into another log, from which it was moved.
    """

    stream: str = ""
    key: str = ""
    code: str = ""
    reason: str = ""
    value: str = ""
    attempts: int = 1
    platform_error: dict[str, Any] | None = None
    redriven: str | None = None
    by: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One parked record: where it came from, why it is here, and its bytes.

    `attempts` were made before it was given up; `platform_error` is what the platform said
    to the last. `redriven_at` is when somebody had it tried again, None for an open letter.
    """

    id: str
    stream: str
    key: str
    code: str
    reason: str
    parked_at: datetime
    value: bytes
    attempts: int = 1
    platform_error: Mapping[str, Any] | None = None
    redriven_at: datetime | None = None
    redriven_by: UserId | None = None

    @property
    def contents(self) -> Contents | None:
        """Return kind and ids of the parked record; None when it cannot be read."""
        return contents(self.stream, self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterFilter:
    """Which letters are wanted; None asks for any. `since` counts from when they were parked."""

    stream: str | None = None
    code: str | None = None
    conversation: ConversationId | None = None
    since: datetime | None = None
    redriven: bool | None = None

    def wants(self, letter: DeadLetter) -> bool:
        """Say whether `letter` is one of them."""
        return (
            (self.stream is None or letter.stream == self.stream)
            and (self.code is None or letter.code == self.code)
            and (self.since is None or letter.parked_at >= self.since)
            and (self.redriven is None or (letter.redriven_at is not None) is self.redriven)
            and (self.conversation is None or _conversation(letter) == self.conversation)
        )


EVERY = LetterFilter()


@dataclass(frozen=True, slots=True)
class LetterPage:
    """Letters, oldest first, and the id to go on after; None when there are no more."""

    items: Sequence[DeadLetter]
    next: str | None


def dead_letter(
    stream: str, key: str, value: bytes, error: Exception, *, attempts: int = 1
) -> Record:
    """Return the record that parks `value` of `stream` because of `error`."""
    said = None
    if isinstance(error, ChannelError):
        said = dict(error.platform_error) if error.platform_error else None
    letter = _Stored(
        stream=stream,
        key=key,
        code=code_of(error),
        reason=str(error),
        value=base64.b64encode(value).decode(),
        attempts=attempts,
        platform_error=said,
    )
    return Record(DEAD_LETTERS, key, msgspec.json.encode(letter))


def parked_in(record: LogRecord | Record) -> tuple[str, bytes] | None:
    """Return stream and bytes of what a record of dead letters parks; None for a note."""
    stored = msgspec.json.decode(record.value, type=_Stored)
    return None if stored.redriven is not None else (stored.stream, base64.b64decode(stored.value))


def code_of(error: Exception) -> str:
    """Return the word for why something could not be done."""
    if isinstance(error, ChannelError):
        return error.reason
    return error.code if isinstance(error, Chat4AllError) else "internal_error"


class DeadLetters:
    """The parked records of one log.

    A letter is redriven by one append of two records: the parked one, to where it came
    from, and a note in the stream of the letters. So it is marked exactly when it is on its
    way. Two nodes asked in the same instant may both append; what follows is made once all
    the same, for commands and deliveries that come twice are dropped.
    """

    def __init__(
        self, event_log: EventLog, reader: SupportsRead, *, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._log = event_log
        self._reader = reader
        self._now = now
        self._redriving = asyncio.Lock()
        self._notes: dict[str, tuple[datetime, str | None]] = {}
        self._noted: dict[int, int] = {}

    async def page(
        self, which: LetterFilter = EVERY, *, after: str | None = None, limit: int = 100
    ) -> LetterPage:
        """Return up to `limit` letters later than the id `after`, oldest first.

        A page that looked at very many records may hold fewer and still have a `next`.
        """
        await self._read_notes()
        items: list[DeadLetter] = []
        scanned = 0
        async for record in self._records(_position(after) if after else None):
            if len(items) == limit or scanned == _SCANNED:
                return LetterPage(items, after)
            scanned += 1
            after = letter_id(record.position)
            letter = self._letter(record)
            if letter is not None and which.wants(letter):
                items.append(letter)
        return LetterPage(items, None)

    async def get(self, name: str) -> DeadLetter:
        """Return one letter. Raises `RecordNotFound`."""
        await self._read_notes()
        position = _position(name)
        before = Position(position.partition, position.offset - 1)
        found = await self._reader.read(DEAD_LETTERS, after=before, limit=1)
        letter = self._letter(found[0]) if found and found[0].position == position else None
        if letter is None:
            raise RecordNotFound(f"there is no dead letter {name}")
        return letter

    async def redrive(self, name: str, *, by: UserId | None = None) -> tuple[DeadLetter, bool]:
        """Have the parked record tried again; return the letter, and whether this call did it.

        One that was redriven before stays as it is. Raises `RecordNotFound`, and `Conflict`
        for a letter that cannot be tried again.
        """
        async with self._redriving:
            letter = await self.get(name)
            if letter.redriven_at is not None:
                return letter, False
            again = _again(letter, expires_at=self._now() + WORTH)
            note = _Stored(redriven=letter.id, by=by)
            await self._log.append(
                [again, Record(DEAD_LETTERS, letter.key, msgspec.json.encode(note))]
            )
            return await self.get(name), True

    async def _read_notes(self) -> None:
        """Learn which letters were redriven since the last look."""
        for end in await self._log.ends(DEAD_LETTERS):
            done = self._noted.get(end.partition, -1)
            while done < end.offset:
                after = Position(end.partition, done)
                records = await self._reader.read(DEAD_LETTERS, after=after, limit=_BLOCK)
                if not records:
                    break
                for record in records:
                    stored = msgspec.json.decode(record.value, type=_Stored)
                    if stored.redriven is not None:
                        noted = (stored.at or record.appended_at, stored.by)
                        self._notes.setdefault(stored.redriven, noted)
                done = records[-1].position.offset
                self._noted[end.partition] = max(done, self._noted.get(end.partition, -1))

    async def _records(self, after: Position | None) -> AsyncIterator[LogRecord]:
        """Yield the records of every partition, one partition after the other."""
        first = after.partition if after else 0
        for end in sorted(await self._log.ends(DEAD_LETTERS)):
            if end.partition < first:
                continue
            here = after if after and end.partition == first else Position(end.partition, -1)
            while records := await self._reader.read(DEAD_LETTERS, after=here, limit=_BLOCK):
                for record in records:
                    yield record
                here = records[-1].position

    def _letter(self, record: LogRecord) -> DeadLetter | None:
        stored = msgspec.json.decode(record.value, type=_Stored)
        if stored.redriven is not None:
            return None
        name = letter_id(record.position)
        at, by = self._notes.get(name, (None, None))
        return DeadLetter(
            id=name,
            stream=stored.stream,
            key=stored.key,
            code=stored.code,
            reason=stored.reason,
            parked_at=stored.at or record.appended_at,
            value=base64.b64decode(stored.value),
            attempts=stored.attempts,
            platform_error=stored.platform_error,
            redriven_at=at,
            redriven_by=UserId(by) if by else None,
        )


def carried(record: LogRecord, ids: Mapping[str, str]) -> Record:
    """Return `record` of one log for another one: with its time, and the new id of its letter."""
    stored = msgspec.json.decode(record.value, type=_Stored)
    stored.at = stored.at or record.appended_at
    if stored.redriven is not None:
        stored.redriven = ids.get(stored.redriven, stored.redriven)
    return Record(DEAD_LETTERS, record.key, msgspec.json.encode(stored), record.trace)


def _again(letter: DeadLetter, *, expires_at: datetime) -> Record:
    """Return the record that tries `letter` again.

    A delivery gets more time, and an id of its own: the worker remembers the old one as
    done. The new one follows from the old, so it too is done once.
    """
    if letter.stream == EVENTS:
        raise Conflict("an event is not tried again: clients read what it tells in the history")
    value = letter.value
    if letter.stream.startswith(outbound("")):
        try:
            task = decode_task(value)
        except UnreadableRecord:  # perhaps this version is to be replaced by one that can
            return Record(letter.stream, letter.key, value)
        task_id = derived_id("redrive", task.task_id)
        value = encode_task(
            replace(
                task,
                task_id=task_id,
                expires_at=max(task.expires_at, expires_at),
                unless=task.unless or Status.DELIVERED,  # by another channel meanwhile
            )
        )
    return Record(letter.stream, letter.key, value)


def _conversation(letter: DeadLetter) -> str:
    found = letter.contents
    return (found.conversation_id if found else None) or letter.key


def letter_id(position: Position) -> str:
    """Return the id of the letter at a place of the log."""
    return f"{position.partition}.{position.offset}"


def _position(name: str) -> Position:
    partition, _, offset = name.partition(".")
    short = len(name) <= 30  # noqa: PLR2004 - two 64-bit numbers
    if not (short and name.isascii() and partition.isdigit() and offset.isdigit()):
        raise RecordNotFound(f"{name!r} is no id of a dead letter; they look like 0.17")
    return Position(int(partition), int(offset))
