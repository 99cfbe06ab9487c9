"""How the log lies in its file: one row for what one commit appended to one partition."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zlib import crc32

import msgspec

from chat4all.domain.events import Position
from chat4all.ports.event_log import LogRecord, Record

VERSION = 2
"""Since 2 a record may have a third part, its trace; what 1 wrote is read as it is."""

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS stream (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
    # `place` is `_place(stream, partition, offset of the first record)`: one integer key,
    # so that appending touches one tree and reading a partition is one range of it.
    # A NULL body is what trimming leaves of the last block: it says where to go on.
    """CREATE TABLE IF NOT EXISTS block (
        place INTEGER PRIMARY KEY,
        count INTEGER NOT NULL,
        appended_at INTEGER NOT NULL,
        body BLOB
    )""",
    """CREATE TABLE IF NOT EXISTS committed (
        reader TEXT NOT NULL,
        stream INTEGER NOT NULL,
        partition INTEGER NOT NULL,
        up_to INTEGER NOT NULL,
        PRIMARY KEY (reader, stream, partition)
    ) WITHOUT ROWID""",
)
_INSERT = "INSERT INTO block (place, count, appended_at, body) VALUES (?, ?, ?, ?)"
_COMMIT = """INSERT INTO committed (reader, stream, partition, up_to) VALUES (?, ?, ?, ?)
ON CONFLICT DO UPDATE SET up_to = max(up_to, excluded.up_to)"""
_LAST = """SELECT place, count FROM block WHERE place BETWEEN ? AND ?
ORDER BY place DESC LIMIT 1"""
_FIRST = """SELECT place, count, body IS NULL FROM block WHERE place >= ?
ORDER BY place LIMIT 1"""
_FROM = """SELECT place, count, appended_at, body FROM block
WHERE place >= coalesce((SELECT max(place) FROM block WHERE place BETWEEN ? AND ?), ?)
AND place <= ? ORDER BY place"""

_PARTITION_BITS = 10
_OFFSET_BITS = 40
_OFFSETS = (1 << _OFFSET_BITS) - 1
PARTITION_LIMIT = 1 << _PARTITION_BITS
BLOCK_LIMIT = 512
"""Records in one row: a reader far behind decodes whole rows."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_encode = msgspec.msgpack.Encoder().encode


class _Kept(msgspec.Struct, array_like=True):
    key: str
    value: bytes
    trace: str = ""


_decode = msgspec.msgpack.Decoder(list[_Kept]).decode

Partition = tuple[str, int]
"""A stream and the number of a partition of it."""


@dataclass(slots=True)
class Block:
    """Records that follow each other in one partition, appended together."""

    first: int
    records: list[Record] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Written:
    """What one call of `LogWriter.write` added: to be believed once it is committed."""

    positions: Sequence[Sequence[Position]]
    blocks: Mapping[Partition, Block]
    at: datetime


@dataclass(frozen=True, slots=True)
class Extent:
    """The first offset a partition still holds, and the one it will give next."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Census:
    """What a file holds: its partitions, and what each reader of a stream has committed."""

    extents: Mapping[Partition, Extent]
    committed: Mapping[tuple[str, str], Mapping[int, int]]


def set_up(db: sqlite3.Connection) -> None:
    """Make the tables that are missing."""
    for statement in _SCHEMA:
        db.execute(statement)


def _place(stream: int, partition: int, offset: int) -> int:
    return ((stream << _PARTITION_BITS | partition) << _OFFSET_BITS) | offset


class LogWriter:
    """Appends blocks; lives on the writer thread, inside its transactions."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._ids: dict[str, int] = {}
        self._ends: dict[Partition, int] = {}
        self._known_at: tuple[int, int] | None = None

    def write(
        self, db: sqlite3.Connection, calls: Sequence[Sequence[Record]], *, rollbacks: int
    ) -> Written:
        """Give the records of `calls` their places, in order, and write them."""
        self._refresh(db, rollbacks)
        blocks: dict[Partition, Block] = {}
        positions = [self._lay_out(call, blocks) for call in calls]
        at = datetime.now(UTC)
        micros = (at - _EPOCH) // _MICROSECOND
        for (stream, partition), block in blocks.items():
            place = _place(self.stream_id(db, stream), partition, block.first)
            for start in range(0, len(block.records), BLOCK_LIMIT):
                records = block.records[start : start + BLOCK_LIMIT]
                body = _encode([_parts(record) for record in records])
                db.execute(_INSERT, (place + start, len(records), micros, body))
            self._ends[stream, partition] = block.first + len(block.records)
        return Written(positions, blocks, at)

    def commit(self, db: sqlite3.Connection, done: Mapping[tuple[str, str, int], int]) -> None:
        """Write how far readers are: `done` maps (reader, stream, partition) to an offset."""
        for (reader, stream, partition), up_to in done.items():
            db.execute(_COMMIT, (reader, self.stream_id(db, stream), partition, up_to))

    def stream_id(self, db: sqlite3.Connection, name: str) -> int:
        """Return the number of a stream, making one for a new name."""
        known = self._ids.get(name)
        if known is None:
            db.execute("INSERT INTO stream (name) VALUES (?) ON CONFLICT DO NOTHING", (name,))
            [known] = db.execute("SELECT id FROM stream WHERE name = ?", (name,)).fetchone()
            self._ids[name] = known
        return known

    def _lay_out(
        self, call: Sequence[Record], blocks: dict[Partition, Block]
    ) -> Sequence[Position]:
        positions: list[Position] = []
        for record in call:
            partition = self._partition(record.key)
            where = (record.stream, partition)
            block = blocks.get(where)
            if block is None:
                block = blocks[where] = Block(self._ends.get(where, 0))
            positions.append(Position(partition, block.first + len(block.records)))
            block.records.append(record)
        return positions

    def _partition(self, key: str) -> int:
        return crc32(key.encode()) % self._partitions if self._partitions > 1 else 0

    def _refresh(self, db: sqlite3.Connection, rollbacks: int) -> None:
        """Read the ends again after a rollback of ours or a commit of another process."""
        [version] = db.execute("PRAGMA data_version").fetchone()
        if self._known_at == (version, rollbacks):
            return
        self._ids = {name: number for number, name in db.execute("SELECT id, name FROM stream")}
        self._ends = {where: extent.end for where, extent in _extents(db)}
        self._known_at = (version, rollbacks)


def _parts(record: Record) -> tuple[str, bytes] | tuple[str, bytes, str]:
    if record.trace:
        return record.key, record.value, record.trace
    return record.key, record.value


def census(db: sqlite3.Connection) -> Census:
    """Count what the file holds, without reading it all."""
    committed: dict[tuple[str, str], dict[int, int]] = {}
    for reader, stream, partition, up_to in db.execute(
        "SELECT reader, name, partition, up_to FROM committed JOIN stream ON id = stream"
    ):
        committed.setdefault((stream, reader), {})[partition] = up_to
    return Census(dict(_extents(db)), committed)


def _extents(db: sqlite3.Connection) -> Iterator[tuple[Partition, Extent]]:
    names = dict(db.execute("SELECT id, name FROM stream"))
    place = 0
    while first := db.execute(_FIRST, (place,)).fetchone():
        [place, count, empty] = first
        lowest = place & ~_OFFSETS
        [last, in_last] = db.execute(_LAST, (lowest, lowest | _OFFSETS)).fetchone()
        number = place >> _OFFSET_BITS
        stream, partition = number >> _PARTITION_BITS, number & (PARTITION_LIMIT - 1)
        start = (place & _OFFSETS) + (count if empty else 0)
        yield (names[stream], partition), Extent(start, (last & _OFFSETS) + in_last)
        place = lowest + _OFFSETS + 1


def read_from(
    db: sqlite3.Connection, where: Partition, offset: int, *, limit: int
) -> list[LogRecord]:
    """Return the records of a partition from `offset` on: whole rows, until `limit` is reached."""
    stream, partition = where
    known = db.execute("SELECT id FROM stream WHERE name = ?", (stream,)).fetchone()
    if known is None:
        return []
    lowest, highest = _place(known[0], partition, 0), _place(known[0], partition, _OFFSETS)
    target = lowest | offset
    found: list[LogRecord] = []
    rows = db.execute(_FROM, (lowest, target, target, highest))
    for place, _count, appended_at, body in rows:
        if body is None:
            continue
        at = _EPOCH + appended_at * _MICROSECOND
        first = place & _OFFSETS
        found += [
            LogRecord(stream, Position(partition, here), kept.key, kept.value, at, kept.trace)
            for here, kept in enumerate(_decode(body), first)
            if here >= offset
        ]
        if len(found) >= limit:
            break
    return found


def trim(db: sqlite3.Connection, stream: str, *, before: datetime, up_to: Mapping[int, int]) -> int:
    """Drop whole rows older than `before`, of each partition up to an offset (inclusive)."""
    known = db.execute("SELECT id FROM stream WHERE name = ?", (stream,)).fetchone()
    if known is None:
        return 0
    micros = (before - _EPOCH) // _MICROSECOND
    dropped = 0
    for partition, offset in up_to.items():
        lowest, highest = _place(known[0], partition, 0), _place(known[0], partition, _OFFSETS)
        old = (lowest, lowest + offset + 1, micros)
        [count] = db.execute(
            """SELECT coalesce(sum(count), 0) FROM block WHERE place >= ?
            AND place + count <= ? AND appended_at < ? AND body IS NOT NULL""",
            old,
        ).fetchone()
        dropped += count
        last = db.execute(_LAST, (lowest, highest)).fetchone()
        db.execute(
            """DELETE FROM block WHERE place >= ? AND place + count <= ?
            AND appended_at < ? AND place <> ?""",
            (*old, last[0] if last else -1),
        )
        db.execute(
            """UPDATE block SET body = NULL WHERE place >= ? AND place + count <= ?
            AND appended_at < ? AND place = ?""",
            (*old, last[0] if last else -1),
        )
    return int(dropped)
