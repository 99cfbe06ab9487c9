"""Chats that another program exported, on their way in."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from msgspec import Meta, Struct

from chat4all.domain.errors import InvalidInput
from chat4all.gateway.rest.schemas.text import NO_NUL
from chat4all.services.chat_export import (
    ChatKind,
    ExportedChat,
    ExportedMessage,
    ExportedParticipant,
    ExportedReaction,
    ExportFormat,
    MessageKind,
)
from chat4all.services.import_history import MAX_BATCH, ImportBatch, ImportOutcome

MAX_IMPORTED_TEXT = 1_048_576
"""Characters of one exported message; over 16,384 it becomes several messages."""

Key = Annotated[str, Meta(min_length=1, max_length=500, extra_json_schema=NO_NUL)]
Title = Annotated[str, Meta(max_length=500, extra_json_schema=NO_NUL)]
Words = Annotated[str, Meta(max_length=MAX_IMPORTED_TEXT, extra_json_schema=NO_NUL)]
Emoji = Annotated[str, Meta(min_length=1, max_length=64, extra_json_schema=NO_NUL)]
Count = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Time = Annotated[datetime, Meta(tz=True)]


class ImportedParticipant(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody who wrote; `key` is theirs in the source, `name` null for a deleted account."""

    key: Key
    name: Title | None = None


class ImportedChat(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The chat; `participants` are all who wrote in it, in every call the same."""

    source: ExportFormat
    key: Key
    kind: ChatKind
    title: Title = ""
    participants: Annotated[list[ImportedParticipant], Meta(max_length=10_000)] = []

    def to_domain(self) -> ExportedChat:
        """Return the chat as the services know it."""
        return ExportedChat(
            source=self.source,
            key=self.key,
            title=self.title,
            kind=self.kind,
            participants=tuple(
                ExportedParticipant(key=one.key, name=one.name) for one in self.participants
            ),
            message_count=0,
        )


class ImportedReaction(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An emoji; `author_keys` may name fewer people than `count`."""

    emoji: Emoji
    count: Count = 0
    author_keys: Annotated[list[Key], Meta(max_length=1_000)] = []


class ImportedMessage(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A message or notice. `key` is stable: the same one is never added twice."""

    key: Key
    sent_at: Time
    kind: MessageKind
    text: Words
    author_key: Key | None = None
    media_name: Title | None = None
    latitude: Annotated[float, Meta(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Meta(ge=-180, le=180)] | None = None
    reply_to_key: Key | None = None
    forwarded_from: Title | None = None
    edited: bool = False
    edited_at: Time | None = None
    reactions: Annotated[list[ImportedReaction], Meta(max_length=100)] = []

    def to_domain(self, order: int) -> ExportedMessage:
        """Return the record as the services know it. Raises `InvalidInput` for half a place."""
        if (self.latitude is None) is not (self.longitude is None):
            raise InvalidInput(
                "a place has both coordinates", [(f"/messages/{order}/latitude", "half a place")]
            )
        return ExportedMessage(
            key=self.key,
            author_key=self.author_key,
            author_name=None,
            sent_at=self.sent_at,
            order=order,
            kind=self.kind,
            text=self.text,
            raw_line_number=0,
            media_name=self.media_name,
            latitude=self.latitude,
            longitude=self.longitude,
            reply_to_key=self.reply_to_key,
            forwarded_from=self.forwarded_from,
            edited=self.edited,
            edited_at=self.edited_at,
            reactions=tuple(
                ExportedReaction(
                    emoji=one.emoji, count=one.count, author_keys=tuple(one.author_keys)
                )
                for one in self.reactions
            ),
        )


class HistoryImport(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A batch of one chat. `me` is how the export calls the owner: a name or an author key."""

    owner: Annotated[str, Meta(min_length=1, max_length=64, extra_json_schema=NO_NUL)]
    me: Key
    chat: ImportedChat
    messages: Annotated[list[ImportedMessage], Meta(max_length=MAX_BATCH)]

    def to_batch(self) -> ImportBatch:
        """Return the batch as the services know it. Raises `InvalidInput`."""
        return ImportBatch(
            owner=self.owner,
            me=self.me,
            chat=self.chat.to_domain(),
            messages=[one.to_domain(order) for order, one in enumerate(self.messages)],
        )


class SkippedRecord(Struct, frozen=True, kw_only=True):
    """A record that became no message, and why."""

    key: str
    reason: str


class HistoryImported(Struct, frozen=True, kw_only=True):
    """Where the messages are, how many were new, how many were there already."""

    conversation_id: str
    added: int
    existing: int
    skipped: list[SkippedRecord]

    @classmethod
    def of(cls, outcome: ImportOutcome) -> Self:
        """Return the answer to a batch."""
        return cls(
            conversation_id=outcome.conversation_id,
            added=outcome.added,
            existing=outcome.existing,
            skipped=[SkippedRecord(key=one.key, reason=one.reason) for one in outcome.skipped],
        )
