"""Looking through the message file, a piece at a time, while it is in use."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Collection, Mapping, Sequence

from chat4all.adapters.sqlite.message_apply import in_chunks
from chat4all.adapters.sqlite.message_file import MessageFile
from chat4all.adapters.sqlite.message_rows import cursor_of, status_of, unpacked
from chat4all.domain.ids import ConversationId, MessageId, UserId
from chat4all.domain.messages import Cursor
from chat4all.ports.integrity import Numbered, Reported

UNFINISHED = 0x63346D76
"""In the header of the file: what is in it is a copy that was not ended."""
AT_ONCE = 100  # conversations fetched per step; memory holds no more

_NUMBERED = """
SELECT c.id, m.seq, m.id FROM message m CROSS JOIN identity c ON c.key = m.conversation
WHERE (m.conversation, m.seq) >= (?, ?) ORDER BY m.conversation, m.seq LIMIT ?
"""
_REPEATED = """
SELECT id, count(*) FROM message WHERE id IN {places} GROUP BY id HAVING count(*) > 1
"""
_CURSORS = """
SELECT c.id, u.id, cursor.delivered, cursor.read, cursor.updated_at FROM cursor
CROSS JOIN identity c ON c.key = cursor.conversation
CROSS JOIN identity u ON u.key = cursor.user
WHERE (cursor.conversation, cursor.user) > (?, ?)
ORDER BY cursor.conversation, cursor.user LIMIT ?
"""
_STATUSES = """
SELECT status.key, message, c.id, u.id, channel, status, at, account, address, external_id, error,
    note
FROM status
CROSS JOIN identity c ON c.key = status.conversation
CROSS JOIN identity u ON u.key = status.user
WHERE status.key > ? ORDER BY status.key LIMIT ?
"""
_CONVERSATIONS = """
SELECT id FROM identity
WHERE id > ? AND (
    EXISTS (SELECT 1 FROM message WHERE conversation = identity.key)
    OR EXISTS (SELECT 1 FROM journal WHERE conversation = identity.key)
    OR EXISTS (SELECT 1 FROM cursor WHERE conversation = identity.key)
)
ORDER BY id LIMIT ?
"""
_COUNTS = {
    "conversations": "SELECT count(DISTINCT conversation) FROM message",
    "messages": "SELECT count(*) FROM message",
    "cursors": "SELECT count(*) FROM cursor",
    "statuses": "SELECT count(*) FROM status",
}


class SqliteIntegrity(MessageFile):
    """Integrity, AuditNotes, SupportsConversations and SupportsCopies over the message file."""

    async def is_unfinished(self) -> bool:
        """Say whether a copy was begun; see the port."""
        found = await self._read(lambda db: db.execute("PRAGMA application_id").fetchone()[0])
        return bool(found == UNFINISHED)

    async def set_unfinished(self, unfinished: bool) -> None:  # noqa: FBT001 - as in the port
        """Keep that a copy was begun, or ended; see the port."""
        number = UNFINISHED if unfinished else 0
        await self._write(lambda db: db.execute(f"PRAGMA application_id = {number}"))

    async def conversations(self) -> AsyncIterator[ConversationId]:
        """Yield all of which anything is kept; see the port."""
        after = ""
        while found := await self._conversations_after(after):
            for name in found:
                yield name
            after = found[-1]

    async def _conversations_after(self, name: str) -> list[ConversationId]:
        return await self._read(
            lambda db: [
                ConversationId(row[0]) for row in db.execute(_CONVERSATIONS, (name, AT_ONCE))
            ]
        )

    async def numbered(
        self, *, start: tuple[ConversationId, int] | None, limit: int
    ) -> Sequence[Numbered]:
        """Return messages by their places; see the port."""

        def work(db: sqlite3.Connection) -> list[Numbered]:
            key, seq = (0, 0) if start is None else (_key(db, start[0]), start[1])
            return [
                Numbered(ConversationId(conversation), number, MessageId(unpacked(id_)))
                for conversation, number, id_ in db.execute(_NUMBERED, (key, seq, limit))
            ]

        return await self._read(work)

    async def repeated(self, messages: Collection[Numbered]) -> Mapping[MessageId, int]:
        """Return what is there more than once; see the port."""
        ids = [one.message_id for one in messages]

        def work(db: sqlite3.Connection) -> dict[MessageId, int]:
            found: dict[MessageId, int] = {}
            for places, values in in_chunks(ids):
                rows = db.execute(_REPEATED.format(places=places), values)
                found.update((MessageId(unpacked(id_)), count) for id_, count in rows)
            return found

        return await self._read(work)

    async def cursors_after(
        self, *, member: tuple[ConversationId, UserId] | None, limit: int
    ) -> Sequence[Cursor]:
        """Return cursors in turn; see the port."""

        def work(db: sqlite3.Connection) -> list[Cursor]:
            after = (0, 0) if member is None else (_key(db, member[0]), _key(db, member[1]))
            return [cursor_of(row) for row in db.execute(_CURSORS, (*after, limit))]

        return await self._read(work)

    async def statuses_after(self, *, token: str, limit: int) -> Sequence[Reported]:
        """Return status entries in turn; see the port."""
        return await self._read(
            lambda db: [
                Reported(str(row[0]), status_of(row[1:]))
                for row in db.execute(_STATUSES, (int(token or 0), limit))
            ]
        )

    async def read_notes(self) -> bytes | None:
        """Return what the auditor wrote last; see `AuditNotes`."""
        found = await self._read(lambda db: db.execute("SELECT body FROM audit").fetchone())
        return None if found is None else bytes(found[0])

    async def write_notes(self, notes: bytes) -> None:
        """Keep what the auditor knows; see `AuditNotes`."""
        await self._write(
            lambda db: db.execute(
                "INSERT OR REPLACE INTO audit (key, body) VALUES (1, ?)", (notes,)
            )
        )

    async def counts(self) -> dict[str, int]:
        """Return how much there is; see the port."""
        return await self._read(
            lambda db: {name: db.execute(query).fetchone()[0] for name, query in _COUNTS.items()}
        )


def _key(db: sqlite3.Connection, name: str) -> int:
    """Return the number of an id; 0, which is before all, for one that there is not."""
    found = db.execute("SELECT key FROM identity WHERE id = ?", (name,)).fetchone()
    return 0 if found is None else int(found[0])
