"""Messages in SQLite: the default, with nothing to install or run."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Collection, Coroutine, Mapping
from typing import Any

from chat4all.adapters.sqlite.message_apply import apply, in_chunks
from chat4all.adapters.sqlite.message_history import SqliteHistory
from chat4all.adapters.sqlite.message_integrity import SqliteIntegrity
from chat4all.adapters.sqlite.message_rows import (
    KEPT,
    NAMES,
    cursor_of,
    kept_of,
    status_of,
)
from chat4all.adapters.sqlite.message_search import SqliteSearch
from chat4all.domain.ids import AccountId, ConversationId, MessageId, UserId
from chat4all.domain.messages import Cursor
from chat4all.domain.status import Status, StatusEntry
from chat4all.ports.message_store import Effects, Head, Kept

KEYS_IN_MEMORY = 500_000  # ids of conversations and users; some 100 bytes each
BRIEFLY = 64
"""Messages that are looked for on the event loop; more are worth waking a thread."""

_HEADS = """
SELECT i.id, (SELECT max(seq) FROM message WHERE conversation = i.key)
FROM json_each(?) asked CROSS JOIN identity i ON i.id = asked.value
"""
_CURSORS = """
SELECT c.id, u.id, delivered, read, updated_at
FROM json_each(?) asked
CROSS JOIN identity c ON c.id = json_extract(asked.value, '$[0]')
CROSS JOIN identity u ON u.id = json_extract(asked.value, '$[1]')
CROSS JOIN cursor ON conversation = c.key AND user = u.key
"""
# A platform that says DELIVERED at once leaves no SENT: then the first entry serves.
_STATUS_OF = """
SELECT message, c.id, u.id, channel, status, at, account, address, external_id, error, note
FROM status
CROSS JOIN identity c ON c.key = conversation
CROSS JOIN identity u ON u.key = user
WHERE account = :account AND address = :address AND external_id = :external_id AND status >= :sent
ORDER BY status != :sent, status.key LIMIT 1
"""


class SqliteMessageStore(SqliteHistory, SqliteSearch, SqliteIntegrity):
    """MessageStore, with all that its bases read from the same file.

    `async with SqliteMessageStore(path) as store`. Several objects, in one process or in
    several, may have the same file open; each sees what the others have committed.
    """

    _keys: dict[str, int]

    def _opened(self) -> None:
        super()._opened()
        self._keys = {}

    async def heads(
        self, conversations: Collection[ConversationId]
    ) -> Mapping[ConversationId, Head]:
        """Return where conversations stand; see the port."""
        asked = json.dumps(list(conversations))
        return await self._read(
            lambda db: {
                conversation: Head(max_seq)
                for conversation, max_seq in db.execute(_HEADS, (asked,))
                if max_seq is not None
            }
        )

    async def find(self, messages: Collection[MessageId]) -> Mapping[MessageId, Kept]:
        """Return stored messages; see the port."""
        return await self._read(lambda db: _find(db, messages), brief=len(messages) <= BRIEFLY)

    async def cursors(
        self, members: Collection[tuple[ConversationId, UserId]]
    ) -> Mapping[tuple[ConversationId, UserId], Cursor]:
        """Return stored cursors; see the port."""
        asked = json.dumps(list(members))
        return await self._read(
            lambda db: {(row[0], row[1]): cursor_of(row) for row in db.execute(_CURSORS, (asked,))}
        )

    def apply(self, effects: Effects) -> Coroutine[Any, Any, None]:
        """Store effects; see the port. They must not be changed any more.

        Submits at the call, not when first awaited: a read that starts before the task
        of this call does sees the effects as well.
        """
        known = self._keys
        future = self._write(lambda db: apply(db, effects, known))
        future.add_done_callback(self._applied)
        return _finish(future)

    async def status_of(
        self, account: AccountId, address: str, external_id: str
    ) -> StatusEntry | None:
        """Return the entry of what a platform calls `external_id`; see the port."""
        values = {
            "account": account,
            "address": address,
            "external_id": external_id,
            "sent": int(Status.SENT),
        }
        row = await self._read(lambda db: db.execute(_STATUS_OF, values).fetchone())
        return None if row is None else status_of(row)

    def _applied(self, done: asyncio.Future[dict[str, int]]) -> None:
        # Keys are kept from here on only, where the commit that holds them is certain.
        if done.cancelled() or done.exception() is not None:
            return
        if len(self._keys) > KEYS_IN_MEMORY:
            self._keys.clear()
        self._keys.update(done.result())
        self._index_soon()


async def _finish(future: asyncio.Future[dict[str, int]]) -> None:
    # Shielded: a caller that goes away must not make readers believe it is over.
    await asyncio.shield(future)


def _find(db: sqlite3.Connection, messages: Collection[MessageId]) -> Mapping[MessageId, Kept]:
    found: dict[MessageId, Kept] = {}
    for marks, values in in_chunks(messages):
        query = f"SELECT {KEPT} FROM message m {NAMES} WHERE m.id IN {marks}"  # noqa: S608 - marks are ours
        for row in db.execute(query, values):
            kept = kept_of(row)
            found[kept.message.message_id] = kept
    return found
