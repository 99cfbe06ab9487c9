"""Looking through the message file: what it holds, and for broken promises, in use or not."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing

from chat4all.adapters.sqlite.message_file import MessageFile
from chat4all.adapters.sqlite.message_rows import Row, unpacked
from chat4all.domain.ids import ConversationId
from chat4all.ports.integrity import Finding

UNFINISHED = 0x63346D76
"""In the header of the file: what is in it is a copy that was not ended."""
AT_ONCE = 100  # findings fetched per step; memory holds no more

# All three go along an index, so that nothing is sorted and memory stays bounded. The sum
# of 1..n tells a repeat that would make up for a gap in the count.
_GAPS = """
SELECT c.id, places.n, places.high, (
    SELECT min(seq) + 1 FROM (SELECT 0 AS seq UNION ALL
        SELECT seq FROM message WHERE conversation = c.key AND seq > 0) taken
    WHERE NOT EXISTS (
        SELECT 1 FROM message later
        WHERE later.conversation = c.key AND later.seq = taken.seq + 1
    )
)
FROM (
    SELECT conversation, count(*) n, min(seq) low, max(seq) high, sum(seq) total
    FROM message GROUP BY conversation
) places
JOIN identity c ON c.key = places.conversation
WHERE n != high OR low != 1 OR total != high * (high + 1) / 2
"""
_REPEATS = """
SELECT c.id, m.id, repeats.n
FROM (SELECT id, count(*) n, min(key) key FROM message GROUP BY id HAVING n > 1) repeats
JOIN message m ON m.key = repeats.key
JOIN identity c ON c.key = m.conversation
"""
_CURSORS = """
SELECT c.id, u.id, cursor.read, cursor.delivered, coalesce(
    (SELECT max(seq) FROM message WHERE message.conversation = cursor.conversation), 0
) AS high
FROM cursor
JOIN identity c ON c.key = cursor.conversation
JOIN identity u ON u.key = cursor.user
WHERE cursor.read > cursor.delivered OR cursor.delivered > high OR cursor.read < 0
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
    """Integrity, SupportsConversations and SupportsCopies over the message file."""

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

    async def findings(self) -> AsyncIterator[Finding]:
        """Yield what is wrong in one snapshot of the file; see the port."""
        await self._read(lambda _: None)  # everything written so far is to be in the snapshot
        db = await asyncio.to_thread(_snapshot, f"{self._path.absolute().as_uri()}?mode=ro")
        with closing(db):
            for query, finding in _CHECKS:
                found = await asyncio.to_thread(db.execute, query)
                while rows := await asyncio.to_thread(found.fetchmany, AT_ONCE):
                    for row in rows:
                        yield finding(row)

    async def counts(self) -> dict[str, int]:
        """Return how much there is; see the port."""
        return await self._read(
            lambda db: {name: db.execute(query).fetchone()[0] for name, query in _COUNTS.items()}
        )


def _snapshot(uri: str) -> sqlite3.Connection:
    """Open a connection of its own, which sees the file as it is now until it is closed."""
    db = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    db.execute("BEGIN")
    db.execute("SELECT key FROM indexed").fetchone()  # BEGIN alone does not fix the snapshot
    return db


def _gap(row: Row) -> Finding:
    conversation, count, high, missing = row
    what = f"seq {missing} is missing" if missing <= high else "a seq is given twice or is below 1"
    return Finding(
        check="sequence_gap",
        conversation_id=ConversationId(conversation),
        detail=f"{what}: {count} messages, the last one has seq {high}",
    )


def _repeat(row: Row) -> Finding:
    conversation, message, count = row
    return Finding(
        check="duplicate_message_id",
        conversation_id=ConversationId(conversation),
        detail=f"message {unpacked(message)} is stored {count} times",
    )


def _mismatch(row: Row) -> Finding:
    conversation, user, read, delivered, high = row
    return Finding(
        check="cursor_mismatch",
        conversation_id=ConversationId(conversation),
        detail=f"user {user}: read {read}, delivered {delivered}, the last message is {high}",
    )


_CHECKS = ((_GAPS, _gap), (_REPEATS, _repeat), (_CURSORS, _mismatch))
