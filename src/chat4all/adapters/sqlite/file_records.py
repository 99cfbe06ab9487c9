"""Records of files in SQLite; several processes may hold the same file.

A record is kept as the JSON of its dataclass, so that a field more needs no migration, with
the columns beside it that are asked for. Times are microseconds since 1970 in UTC.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from chat4all.adapters.sqlite.writer import Writer
from chat4all.domain.errors import QuotaExceeded
from chat4all.domain.files import COUNTED, File, FileState
from chat4all.domain.ids import ConversationId, FileId, MessageId, UserId
from chat4all.ports.moving import Reference

VERSION = 1
AT_ONCE = 500
"""Records fetched per step of `every`, and ids in one IN list."""

_TABLES = (
    """
    CREATE TABLE IF NOT EXISTS file (
        id TEXT PRIMARY KEY,
        owner TEXT NOT NULL,
        conversation TEXT NOT NULL,
        size INTEGER NOT NULL,
        state TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        expires_at INTEGER,
        ready_at INTEGER,
        record BLOB NOT NULL
    ) WITHOUT ROWID
    """,
    "CREATE INDEX IF NOT EXISTS file_owner ON file (owner, state, size)",
    "CREATE INDEX IF NOT EXISTS file_conversation ON file (conversation, id)",
    "CREATE INDEX IF NOT EXISTS file_state ON file (state, created_at, id)",
    """
    CREATE INDEX IF NOT EXISTS file_expiry ON file (state, expires_at)
    WHERE expires_at IS NOT NULL
    """,
    # `shown` is 0 once the message was deleted: the row stays, so that it cannot come back.
    """
    CREATE TABLE IF NOT EXISTS reference (
        file TEXT NOT NULL,
        message TEXT NOT NULL,
        shown INTEGER NOT NULL DEFAULT 1,
        PRIMARY KEY (file, message)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX IF NOT EXISTS reference_message ON reference (message)",
)
_COUNTED = ", ".join(f"'{state}'" for state in sorted(COUNTED))
_USED = f"SELECT coalesce(sum(size), 0) FROM file WHERE owner = ? AND state IN ({_COUNTED})"  # noqa: S608 - our own words
_UNATTACHED = """
SELECT record FROM file
WHERE state = 'ready' AND ready_at < ? AND id NOT IN (SELECT file FROM reference)
ORDER BY created_at, id LIMIT ?
"""
_REFERENCES = """
SELECT file, message, shown FROM reference WHERE (file, message) > (?, ?)
ORDER BY file, message LIMIT ?
"""
_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(File)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SqliteFileRecords:
    """Both `FileRecords` and `FileReferences`, in one file of its own."""

    def __init__(self, path: Path) -> None:
        self._writer = Writer(path, _make_schema, version=VERSION)

    async def __aenter__(self) -> Self:
        await self._writer.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._writer.__aexit__(kind, error, trace)

    async def add(self, file: File, *, quota: int | None = None) -> File:
        """Keep a new record; see the port."""

        def work(db: sqlite3.Connection) -> File:
            kept = db.execute("SELECT record FROM file WHERE id = ?", (file.id,)).fetchone()
            if kept is not None:
                return _decoder.decode(kept[0])
            if quota is not None:
                [used] = db.execute(_USED, (file.owner_id,)).fetchone()
                if used + file.size > quota:
                    raise QuotaExceeded(f"your files may take {quota} bytes; delete some first")
            db.execute("INSERT INTO file VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", _row(file))
            return file

        return await self._writer.submit(work)

    async def get_many(self, files: Collection[FileId]) -> Mapping[FileId, File]:
        """Return those that exist; see the port."""
        wanted = list(dict.fromkeys(files))

        def work(db: sqlite3.Connection) -> dict[FileId, File]:
            found: dict[FileId, File] = {}
            for start in range(0, len(wanted), AT_ONCE):
                part = wanted[start : start + AT_ONCE]
                marks = ", ".join("?" * len(part))
                query = f"SELECT record FROM file WHERE id IN ({marks})"  # noqa: S608 - question marks
                for one in _files(db.execute(query, part)):
                    found[one.id] = one
            return found

        return await self._writer.read(work) if wanted else {}

    async def change(self, file: File, *, was: FileState) -> bool:
        """Replace the record; see the port."""

        def work(db: sqlite3.Connection) -> bool:
            name, *values = _row(file)
            changed = db.execute(
                "UPDATE file SET owner = ?, conversation = ?, size = ?, state = ?, "
                "created_at = ?, expires_at = ?, ready_at = ?, record = ? "
                "WHERE id = ? AND state = ?",
                (*values, name, was.value),
            )
            return changed.rowcount == 1

        return await self._writer.submit(work)

    async def in_state(
        self, state: FileState, *, before: datetime | None = None, limit: int
    ) -> Sequence[File]:
        """Return files in a state; see the port."""
        query = "SELECT record FROM file WHERE state = ? ORDER BY created_at, id LIMIT ?"
        values: tuple[object, ...] = (state.value, limit)
        if before is not None:
            query = query.replace("ORDER", "AND expires_at < ? ORDER")
            values = (state.value, _micros(before), limit)
        return await self._writer.read(lambda db: _files(db.execute(query, values)))

    async def in_conversation(
        self, conversation: ConversationId, *, after: FileId | None = None, limit: int
    ) -> Sequence[File]:
        """Return files of a conversation; see the port."""
        query = "SELECT record FROM file WHERE conversation = ? AND id > ? ORDER BY id LIMIT ?"
        values = (conversation, after or "", limit)
        return await self._writer.read(lambda db: _files(db.execute(query, values)))

    async def used_by(self, owner: UserId) -> int:
        """Return the bytes of the files of `owner`; see the port."""
        return await self._writer.read(lambda db: int(db.execute(_USED, (owner,)).fetchone()[0]))

    async def every(self, *, after: FileId | None = None) -> AsyncIterator[File]:
        """Yield all records by id; see the port."""
        query = "SELECT record FROM file WHERE id > ? ORDER BY id LIMIT ?"
        start: str = after or ""
        while True:
            page = await self._writer.read(
                lambda db, last=start: _files(db.execute(query, (last, AT_ONCE)))  # type: ignore[misc] # mypy does not infer the default
            )
            for one in page:
                yield one
            if len(page) < AT_ONCE:
                return
            start = page[-1].id

    async def attach(self, file: FileId, message: MessageId) -> None:
        """Remember that a message shows a file; see the port."""
        statement = "INSERT INTO reference (file, message) VALUES (?, ?) ON CONFLICT DO NOTHING"
        await self._writer.submit(lambda db: db.execute(statement, (file, message)).rowcount)

    async def detach(self, message: MessageId) -> Collection[FileId]:
        """Forget what a message shows; see the port."""

        def work(db: sqlite3.Connection) -> set[FileId]:
            db.execute("UPDATE reference SET shown = 0 WHERE message = ?", (message,))
            rows = db.execute(
                "SELECT file FROM reference gone WHERE message = ? AND NOT EXISTS "
                "(SELECT 1 FROM reference other WHERE other.file = gone.file AND other.shown)",
                (message,),
            )
            return {FileId(name) for (name,) in rows}

        return await self._writer.submit(work)

    async def showing(self, file: FileId) -> int:
        """Return how many messages show a file."""
        query = "SELECT count(*) FROM reference WHERE file = ? AND shown"
        return await self._writer.read(lambda db: int(db.execute(query, (file,)).fetchone()[0]))

    async def unattached(self, *, before: datetime, limit: int) -> Sequence[File]:
        """Return ready files that no message ever showed; see the port."""
        values = (_micros(before), limit)
        return await self._writer.read(lambda db: _files(db.execute(_UNATTACHED, values)))

    async def references(self) -> AsyncIterator[Reference]:
        """Yield every pair; see the port."""
        after = ("", "")
        while found := await self._references_after(after):
            for one in found:
                yield one
            after = (found[-1].file_id, found[-1].message_id)

    async def _references_after(self, pair: tuple[str, str]) -> list[Reference]:
        values = (*pair, AT_ONCE)
        return await self._writer.read(
            lambda db: [
                Reference(file, message, bool(shown))
                for file, message, shown in db.execute(_REFERENCES, values)
            ]
        )


def _make_schema(db: sqlite3.Connection) -> None:
    for statement in _TABLES:
        db.execute(statement)


def _row(file: File) -> tuple[object, ...]:
    return (
        file.id,
        file.owner_id,
        file.conversation_id,
        file.size,
        file.state.value,
        _micros(file.created_at),
        None if file.expires_at is None else _micros(file.expires_at),
        None if file.ready_at is None else _micros(file.ready_at),
        _encode(file),
    )


def _files(rows: sqlite3.Cursor) -> list[File]:
    return [_decoder.decode(record) for (record,) in rows]


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)
