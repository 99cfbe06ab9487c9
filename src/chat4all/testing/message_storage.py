"""Example messages, and the storage that the contracts of the message store ask for."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import pytest

from chat4all.domain.events import (
    ConversationChanged,
    CursorMoved,
    MessageDeleted,
    MessageEdited,
    Position,
)
from chat4all.domain.ids import ConversationId, MessageId, UserId, new_id
from chat4all.domain.messages import APP, Cursor, Message
from chat4all.domain.payload import Payload, text
from chat4all.domain.status import Status, StatusEntry
from chat4all.ports.integrity import AuditNotes, Integrity
from chat4all.ports.message_store import (
    Effects,
    MessageHistory,
    MessageStore,
    NewMessage,
    SupportsMoments,
    SupportsSearch,
)
from chat4all.ports.moving import SupportsConversations, SupportsCopies

START = datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)
ANNA = UserId("0195a000-0000-7000-8000-00000000000a")
BERT = UserId("0195a000-0000-7000-8000-00000000000b")


class FullStore(
    MessageStore,
    MessageHistory,
    SupportsSearch,
    SupportsMoments,
    SupportsConversations,
    SupportsCopies,
    Integrity,
    AuditNotes,
    Protocol,
):
    """A message store with every optional power."""


OpenStore = Callable[[], AbstractAsyncContextManager[FullStore]]
"""Opens one more object on the storage of the test."""


class MessageStorage(ABC):
    """Fixtures of every contract here; a backend binds `opened`."""

    @pytest.fixture
    @abstractmethod
    def opened(self) -> OpenStore:
        """Return what opens objects that share one storage, empty at first."""

    @pytest.fixture
    async def store(self, opened: OpenStore) -> AsyncIterator[FullStore]:
        """One object on the storage."""
        async with opened() as store:
            yield store

    @pytest.fixture
    async def peer(self, opened: OpenStore) -> AsyncIterator[FullStore]:
        """Another object on the same storage."""
        async with opened() as peer:
            yield peer


class Talk:
    """A conversation as a router would write it: each fact at the next place of the log."""

    _offsets = itertools.count()

    def __init__(self, *, partition: int = 0) -> None:
        self.id = ConversationId(new_id())
        self.partition = partition
        self.seq = 0

    def next_position(self) -> Position:
        """Return the next place, later than all of every other talk."""
        return Position(self.partition, next(self._offsets))

    def add(self, words: str | Payload = "hello", **fields: Any) -> NewMessage:
        """Return the next message, from Anna, one second after the one before."""
        self.seq += 1
        payload = text(words) if isinstance(words, str) else words
        given: dict[str, Any] = {
            "message_id": MessageId(new_id()),
            "conversation_id": self.id,
            "seq": self.seq,
            "sender": ANNA,
            "channel": APP,
            "payload": payload,
            "created_at": START + timedelta(seconds=self.seq),
        }
        message = Message(**{**given, **fields})
        return NewMessage(message, f"digest of {message.message_id}", self.next_position())

    def many(self, count: int, **fields: Any) -> Effects:
        """Return effects that add `count` messages, `word 1` and so on."""
        return Effects(added=[self.add(f"word {self.seq + 1}", **fields) for _ in range(count)])

    def edit(self, message: Message, words: str, *, after: float = 60) -> Effects:
        """Return what an edit `after` seconds does."""
        edited = replace(
            message, payload=text(words), edited_at=message.created_at + timedelta(seconds=after)
        )
        event = MessageEdited(position=self.next_position(), message=edited)
        return Effects(changed=[edited], journal=[event])

    def delete(self, message: Message) -> Effects:
        """Return what a deletion for everyone does."""
        at = message.created_at + timedelta(hours=1)
        event = MessageDeleted(
            position=self.next_position(),
            conversation_id=self.id,
            message_id=message.message_id,
            seq=message.seq,
            actor=message.sender,
            at=at,
        )
        gone = replace(message, payload=None, deleted_at=at)
        return Effects(changed=[gone], journal=[event])

    def move(
        self, user: UserId, *, delivered: int, read: int = 0, before: Cursor | None = None
    ) -> Effects:
        """Return what a cursor that moves does."""
        after = self.cursor(user, delivered=delivered, read=read)
        event = CursorMoved(
            position=self.next_position(),
            before=before or Cursor(conversation_id=self.id, user_id=user),
            after=after,
        )
        return Effects(cursors=[after], journal=[event])

    def announce(self) -> Effects:
        """Return what a change of the conversation itself does."""
        event = ConversationChanged(
            position=self.next_position(),
            conversation_id=self.id,
            change="renamed",
            actor=ANNA,
            at=START,
        )
        return Effects(journal=[event])

    def hide(self, message: Message, user: UserId) -> Effects:
        """Return what a deletion for one member does."""
        event = MessageDeleted(
            position=self.next_position(),
            conversation_id=self.id,
            message_id=message.message_id,
            seq=message.seq,
            actor=user,
            at=START,
            only_for=user,
        )
        return Effects(hidden=[(message.message_id, user)], journal=[event])

    def cursor(self, user: UserId, *, delivered: int, read: int = 0) -> Cursor:
        """Return a cursor with a time of its own."""
        return Cursor(
            conversation_id=self.id,
            user_id=user,
            last_delivered_seq=delivered,
            last_read_seq=read,
            updated_at=START + timedelta(minutes=delivered, seconds=read),
        )


def report(message: Message, status: Status, **fields: Any) -> StatusEntry:
    """Return what Telegram says of `message` on its way to Bert."""
    given: dict[str, Any] = {
        "message_id": message.message_id,
        "conversation_id": message.conversation_id,
        "user_id": BERT,
        "channel": "telegram",
        "status": status,
        "at": START + timedelta(seconds=int(status)),
    }
    return StatusEntry(**{**given, **fields})
