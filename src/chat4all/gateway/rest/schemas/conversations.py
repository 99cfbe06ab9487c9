"""Conversations and their members."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from msgspec import UNSET, Meta, Struct, UnsetType

from chat4all.domain.directory import ConversationType, Role, UserKind
from chat4all.domain.ids import UserId
from chat4all.gateway.rest.schemas.messages import StoredMessage
from chat4all.gateway.rest.schemas.text import JsonObject, Name, Uuid
from chat4all.gateway.rest.schemas.users import ChannelWindow
from chat4all.services.conversation_views import ConversationView, MemberView


class NewConversation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A conversation to start; the caller is a member and need not be named."""

    type: ConversationType
    member_ids: Annotated[list[Uuid], Meta(max_length=1_000)]
    name: Name | None = None
    metadata: JsonObject = {}

    def others(self) -> list[UserId]:
        """Return whom to talk to."""
        return [UserId(one.lower()) for one in self.member_ids]


class ConversationChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change; what is left out stays."""

    name: Name | UnsetType | None = UNSET
    metadata: JsonObject | UnsetType = UNSET


class NewMember(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody to add to a group."""

    user_id: Uuid
    role: Role = Role.MEMBER


class RoleChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The member's new role."""

    role: Role


class Archiving(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hide the conversation from one's list, or show it again."""

    archived: bool = True


class ConversationMember(Struct, frozen=True, kw_only=True):
    """A member; one who was removed from the directory has an empty name.

    `windows` tells, for one conversation, whether free content may be sent now by those of
    the `channels` that limit it.
    """

    user_id: str
    role: Role
    joined_at: datetime
    last_delivered_seq: int
    last_read_seq: int
    display_name: str
    kind: UserKind
    channels: list[str]
    windows: dict[str, ChannelWindow] | UnsetType = UNSET

    @classmethod
    def of(cls, view: MemberView) -> Self:
        """Return a member as the API shows it."""
        return cls(
            user_id=view.member.user_id,
            role=view.member.role,
            joined_at=view.member.joined_at,
            last_delivered_seq=view.cursor.last_delivered_seq,
            last_read_seq=view.cursor.last_read_seq,
            display_name=view.user.display_name if view.user else "",
            kind=view.user.kind if view.user else UserKind.CONTACT,
            channels=list(view.platforms),
            windows={name: ChannelWindow.of(one) for name, one in view.windows.items()} or UNSET,
        )


class ConversationObject(Struct, frozen=True, kw_only=True):
    """A conversation as the caller sees it."""

    id: str
    type: ConversationType
    name: str | None
    members: list[ConversationMember]
    unread_count: int
    last_message: StoredMessage | None
    last_activity: datetime
    archived: bool
    metadata: dict[str, Any]
    created_at: datetime

    @classmethod
    def of(cls, view: ConversationView) -> Self:
        """Return `view` as the API shows it."""
        one, summary, last = view.conversation, view.summary, view.last_message
        return cls(
            id=one.id,
            type=one.type,
            name=one.name,
            members=[ConversationMember.of(each) for each in view.members],
            unread_count=summary.unread if summary else 0,
            last_message=None if last is None else StoredMessage.seen(last),
            last_activity=(summary and summary.last_activity) or one.created_at,
            archived=view.archived,
            metadata=dict(one.metadata),
            created_at=one.created_at,
        )


class ConversationPage(Struct, frozen=True, kw_only=True):
    """The caller's conversations, newest first by creation."""

    items: list[ConversationObject]
    next: str | None
