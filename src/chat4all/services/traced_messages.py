"""The messages, each call to their storage a piece of work where somebody is followed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from chat4all.domain.events import Event
from chat4all.domain.ids import AccountId, ConversationId, MessageId, UserId
from chat4all.domain.messages import Cursor, Message
from chat4all.domain.status import StatusEntry
from chat4all.ports.integrity import AuditNotes, Integrity, Numbered, Reported
from chat4all.ports.message_store import (
    Effects,
    Head,
    Kept,
    MessageData,
    Summary,
    SupportsMoments,
    SupportsSearch,
)
from chat4all.ports.moving import SupportsConversations
from chat4all.ports.tracing import Kind, Span, Tracing


class WholeStore(
    MessageData,
    SupportsSearch,
    SupportsMoments,
    SupportsConversations,
    Integrity,
    AuditNotes,
    Protocol,
):
    """A message store with the powers that this program uses."""


class TracedMessages:
    """Names the call and the kind of database, never what is looked for.

    https://opentelemetry.io/docs/specs/semconv/database/database-spans/
    """

    def __init__(self, store: WholeStore, tracing: Tracing, system: str) -> None:
        self._store = store
        self._tracing = tracing
        self._system = system

    def _call(self, operation: str) -> Span:
        attributes = {
            "db.system.name": self._system,
            "db.operation.name": operation,
            "db.collection.name": "messages",
        }
        return self._tracing.within(f"{operation} messages", Kind.CLIENT, attributes)

    async def heads(
        self, conversations: Collection[ConversationId]
    ) -> Mapping[ConversationId, Head]:
        """See `MessageStore.heads`."""
        with self._call("heads"):
            return await self._store.heads(conversations)

    async def find(self, messages: Collection[MessageId]) -> Mapping[MessageId, Kept]:
        """See `MessageStore.find`."""
        with self._call("find"):
            return await self._store.find(messages)

    async def cursors(
        self, members: Collection[tuple[ConversationId, UserId]]
    ) -> Mapping[tuple[ConversationId, UserId], Cursor]:
        """See `MessageStore.cursors`."""
        with self._call("cursors"):
            return await self._store.cursors(members)

    async def apply(self, effects: Effects) -> None:
        """See `MessageStore.apply`."""
        with self._call("apply"):
            await self._store.apply(effects)

    async def status_of(
        self, account: AccountId, address: str, external_id: str
    ) -> StatusEntry | None:
        """See `MessageStore.status_of`."""
        with self._call("status_of"):
            return await self._store.status_of(account, address, external_id)

    async def page(
        self,
        conversation: ConversationId,
        *,
        viewer: UserId,
        after_seq: int | None = None,
        before_seq: int | None = None,
        limit: int,
    ) -> Sequence[Message]:
        """See `MessageHistory.page`."""
        with self._call("page"):
            return await self._store.page(
                conversation,
                viewer=viewer,
                after_seq=after_seq,
                before_seq=before_seq,
                limit=limit,
            )

    async def summaries(
        self, user: UserId, conversations: Collection[ConversationId]
    ) -> Mapping[ConversationId, Summary]:
        """See `MessageHistory.summaries`."""
        with self._call("summaries"):
            return await self._store.summaries(user, conversations)

    async def conversation_cursors(self, conversation: ConversationId) -> Sequence[Cursor]:
        """See `MessageHistory.conversation_cursors`."""
        with self._call("conversation_cursors"):
            return await self._store.conversation_cursors(conversation)

    async def statuses(self, messages: Collection[MessageId]) -> Sequence[StatusEntry]:
        """See `MessageHistory.statuses`."""
        with self._call("statuses"):
            return await self._store.statuses(messages)

    async def changes(
        self, conversations: Collection[ConversationId], *, after: Mapping[int, int], limit: int
    ) -> Sequence[Event]:
        """See `MessageHistory.changes`."""
        with self._call("changes"):
            return await self._store.changes(conversations, after=after, limit=limit)

    async def cursor_history(
        self, conversation: ConversationId, *, covering_seq: int
    ) -> Sequence[Cursor]:
        """See `MessageHistory.cursor_history`."""
        with self._call("cursor_history"):
            return await self._store.cursor_history(conversation, covering_seq=covering_seq)

    async def search(
        self,
        words: str,
        *,
        conversations: Collection[ConversationId],
        viewer: UserId,
        since: datetime | None = None,
        until: datetime | None = None,
        before: tuple[datetime, MessageId] | None = None,
        limit: int,
    ) -> Sequence[Message]:
        """See `SupportsSearch.search`."""
        with self._call("search"):
            return await self._store.search(
                words,
                conversations=conversations,
                viewer=viewer,
                since=since,
                until=until,
                before=before,
                limit=limit,
            )

    async def journal_of(self, message: MessageId) -> Sequence[Event]:
        """See `SupportsMoments.journal_of`."""
        with self._call("journal_of"):
            return await self._store.journal_of(message)

    def conversations(self) -> AsyncIterator[ConversationId]:
        """See `SupportsConversations.conversations`."""
        return self._store.conversations()

    async def numbered(
        self, *, start: tuple[ConversationId, int] | None, limit: int
    ) -> Sequence[Numbered]:
        """See `Integrity.numbered`."""
        return await self._store.numbered(start=start, limit=limit)

    async def repeated(self, messages: Collection[Numbered]) -> Mapping[MessageId, int]:
        """See `Integrity.repeated`."""
        return await self._store.repeated(messages)

    async def cursors_after(
        self, *, member: tuple[ConversationId, UserId] | None, limit: int
    ) -> Sequence[Cursor]:
        """See `Integrity.cursors_after`."""
        return await self._store.cursors_after(member=member, limit=limit)

    async def statuses_after(self, *, token: str, limit: int) -> Sequence[Reported]:
        """See `Integrity.statuses_after`."""
        return await self._store.statuses_after(token=token, limit=limit)

    async def counts(self) -> dict[str, int]:
        """See `Integrity.counts`."""
        return await self._store.counts()

    async def read_notes(self) -> bytes | None:
        """See `AuditNotes.read_notes`."""
        return await self._store.read_notes()

    async def write_notes(self, notes: bytes) -> None:
        """See `AuditNotes.write_notes`."""
        await self._store.write_notes(notes)
