"""What calls ask that REST has in its paths and queries, by the same rules."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from chat4all.domain.directory import Role
from chat4all.domain.ids import ConversationId, FileId, MessageId, UserId
from chat4all.gateway.rest.routes.history import MAX_SEQ, SYNC_CURSOR
from chat4all.gateway.rest.routes.messages import MAX_WAIT
from chat4all.gateway.rest.schemas.conversations import ConversationChange
from chat4all.gateway.rest.schemas.messages import NewMessage
from chat4all.gateway.rest.schemas.oauth import Field
from chat4all.gateway.rest.schemas.payloads import AnyPayload
from chat4all.gateway.rest.schemas.text import UUID, PathText, Uuid
from chat4all.gateway.rest.seq_pages import PATTERN
from chat4all.services.presence import PresenceStatus

Seq = Annotated[int, Meta(ge=0, le=MAX_SEQ)]
Emoji = Annotated[str, Meta(min_length=1, max_length=32, pattern=PathText)]
SyncPosition = Annotated[str, Meta(max_length=4_096, pattern=SYNC_CURSOR)]


class SignIn(Struct, frozen=True):
    """A person's proof."""

    username: Field
    password: Field


class SignInService(Struct, frozen=True):
    """A service's proof."""

    client_id: Field
    client_secret: Field


class Refresh(Struct, frozen=True):
    """A token to trade."""

    refresh_token: Field


class Revoke(Struct, frozen=True):
    """A token to take back."""

    token: Field


class OfConversation(Struct, frozen=True, kw_only=True):
    """One conversation."""

    conversation_id: Uuid

    @property
    def conversation(self) -> ConversationId:
        """Return its id."""
        return ConversationId(self.conversation_id.lower())


class OfMember(OfConversation, frozen=True, kw_only=True):
    """One member of a conversation."""

    user_id: Uuid

    @property
    def user(self) -> UserId:
        """Return the user's id."""
        return UserId(self.user_id.lower())


class NewMember(OfMember, frozen=True, kw_only=True):
    """Somebody to add."""

    role: Role = Role.MEMBER


class NewRole(OfMember, frozen=True, kw_only=True):
    """A role to give."""

    role: Role


class Archive(OfConversation, frozen=True, kw_only=True):
    """A conversation to hide or to show."""

    undo: bool


class Change(ConversationChange, frozen=True, kw_only=True):
    """What to change of a conversation."""

    conversation_id: Uuid

    @property
    def conversation(self) -> ConversationId:
        """Return its id."""
        return ConversationId(self.conversation_id.lower())


class Conversations(Struct, frozen=True, kw_only=True):
    """A page of one's conversations."""

    archived: bool
    page_size: Annotated[int, Meta(ge=0, le=100)]
    page_token: Annotated[str, Meta(pattern=f"^{UUID}\\Z", max_length=36)] | None = None


class Messages(OfConversation, frozen=True, kw_only=True):
    """A page of messages."""

    page_size: Annotated[int, Meta(ge=0, le=200)]
    after_seq: Seq | None = None
    before_seq: Seq | None = None
    page_token: Annotated[str, Meta(pattern=PATTERN)] | None = None


class UpTo(OfConversation, frozen=True, kw_only=True):
    """A place in a conversation."""

    up_to_seq: Seq


class Sending(Struct, frozen=True, kw_only=True):
    """A message to send, and how long to wait for its place."""

    message: NewMessage
    wait_seconds: Annotated[int, Meta(ge=0, le=MAX_WAIT)] = 0


class OfMessage(Struct, frozen=True, kw_only=True):
    """One message."""

    message_id: Uuid

    @property
    def message(self) -> MessageId:
        """Return its id."""
        return MessageId(self.message_id.lower())


class Edit(OfMessage, frozen=True, kw_only=True):
    """New content of a message."""

    payload: AnyPayload


class Deletion(OfMessage, frozen=True, kw_only=True):
    """A message to delete or to hide."""

    only_for_me: bool


class OfReaction(OfMessage, frozen=True, kw_only=True):
    """An emoji of a message."""

    emoji: Emoji


class Resume(Struct, frozen=True, kw_only=True):
    """From where a stream goes on; UNSET: from now."""

    cursor: SyncPosition | UnsetType = UNSET


class OfFile(Struct, frozen=True, kw_only=True):
    """One file."""

    file_id: Uuid

    @property
    def file(self) -> FileId:
        """Return its id."""
        return FileId(self.file_id.lower())


class Position(OfFile, frozen=True, kw_only=True):
    """Where bytes of a file begin."""

    offset: Annotated[int, Meta(ge=0, le=MAX_SEQ)]


class Bytes(Position, frozen=True, kw_only=True):
    """Some of the bytes of a file."""

    limit: Annotated[int, Meta(ge=0, le=MAX_SEQ)]
    thumbnail: bool


class Users(Struct, frozen=True, kw_only=True):
    """Several users."""

    user_ids: Annotated[list[Uuid], Meta(min_length=1, max_length=100)]


class Announcement(Struct, frozen=True, kw_only=True):
    """What the caller is."""

    status: PresenceStatus
