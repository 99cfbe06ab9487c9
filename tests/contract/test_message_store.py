"""The message stores that pass the contracts."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from chat4all.adapters.memory.message_store import MemoryMessages, MemoryMessageStore
from chat4all.adapters.sqlite.message_rows import packed
from chat4all.adapters.sqlite.message_store import SqliteMessageStore
from chat4all.domain.ids import ConversationId, MessageId
from chat4all.domain.messages import Cursor
from chat4all.testing.integrity import Corruption, IntegrityContract
from chat4all.testing.message_history import MessageHistoryContract
from chat4all.testing.message_model import MessageModelContract
from chat4all.testing.message_search import MessageSearchContract
from chat4all.testing.message_storage import FullStore, OpenStore
from chat4all.testing.message_store import MessageStoreContract


class Contract(
    MessageStoreContract,
    MessageHistoryContract,
    MessageSearchContract,
    IntegrityContract,
    MessageModelContract,
):
    """All of them."""


class MemoryCorruption:
    def __init__(self, messages: MemoryMessages) -> None:
        self._all = messages

    async def remove(self, message: MessageId) -> None:
        gone = self._all.kept.pop(message).message
        del self._all.places[gone.conversation_id][gone.seq]

    async def repeat(self, message: MessageId, conversation: ConversationId, seq: int) -> None:
        self._all.places[conversation][seq] = message

    async def set_cursor(self, cursor: Cursor) -> None:
        self._all.cursors[(cursor.conversation_id, cursor.user_id)] = cursor


class TestMemory(Contract):
    @pytest.fixture
    def messages(self) -> MemoryMessages:
        return MemoryMessages()

    @pytest.fixture
    def opened(self, messages: MemoryMessages) -> OpenStore:
        @asynccontextmanager
        async def opened() -> AsyncIterator[FullStore]:
            yield MemoryMessageStore(messages)

        return opened

    @pytest.fixture
    def corrupt(self, messages: MemoryMessages) -> Corruption:
        return MemoryCorruption(messages)


class SqliteCorruption:
    def __init__(self, path: Path) -> None:
        self._path = path

    async def remove(self, message: MessageId) -> None:
        await self._do("DELETE FROM message WHERE id = ?", packed(message))

    async def repeat(self, message: MessageId, conversation: ConversationId, seq: int) -> None:
        await self._do("DROP INDEX message_id")
        await self._do(
            "INSERT INTO message (conversation, seq, id, sender, channel, created_at, partition, "
            "offset, digest) SELECT (SELECT key FROM identity WHERE id = ?), ?, id, sender, "
            "channel, created_at, partition, offset, digest FROM message WHERE id = ?",
            conversation,
            seq,
            packed(message),
        )

    async def set_cursor(self, cursor: Cursor) -> None:
        await self._do(
            "UPDATE cursor SET delivered = ?, read = ? "
            "WHERE user = (SELECT key FROM identity WHERE id = ?)",
            cursor.last_delivered_seq,
            cursor.last_read_seq,
            cursor.user_id,
        )

    async def _do(self, statement: str, *values: object) -> None:
        def work() -> None:
            with closing(sqlite3.connect(self._path)) as db, db:
                assert db.execute(statement, values).rowcount in (1, -1)

        await asyncio.to_thread(work)


class TestSqlite(Contract):
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "messages.db"

    @pytest.fixture
    def opened(self, path: Path) -> OpenStore:
        opened: Callable[[], SqliteMessageStore] = lambda: SqliteMessageStore(path)  # noqa: E731
        return opened

    @pytest.fixture
    def corrupt(self, path: Path) -> Corruption:
        return SqliteCorruption(path)
