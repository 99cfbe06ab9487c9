"""Conversations and who is in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from chat4all.domain.directory import Channel, Conversation, Member, Role
from chat4all.domain.ids import AccountId, ChannelId, ConversationId, UserId


class Conversations(Protocol):
    """Conversations with their members and roles."""

    async def create(self, conversation: Conversation) -> Conversation:
        """Keep a new conversation; return it, or the private one this pair already has."""
        ...

    async def get(self, conversation: ConversationId) -> Conversation | None:
        """Return a conversation with its members."""
        ...

    async def of_user(
        self, user: UserId, *, after: ConversationId | None = None, limit: int | None = None
    ) -> Sequence[Conversation]:
        """Return the conversations `user` is in, newest id first; `after` pages on."""
        ...

    async def ids_of_user(self, user: UserId) -> Sequence[ConversationId]:
        """Return the ids of all conversations `user` is in; cheap."""
        ...

    async def update(
        self, conversation: ConversationId, *, name: str | None, metadata: Mapping[str, Any]
    ) -> None:
        """Replace name and metadata. Raises `ConversationNotFound`."""
        ...

    async def delete(self, conversation: ConversationId) -> None:
        """Forget a conversation and its memberships; unknown ids are no error."""
        ...


class Members(Protocol):
    """Who is in a conversation, and as what. Changes are visible to the next read."""

    async def add(self, conversation: ConversationId, member: Member) -> bool:
        """Add a member; False when already one.

        Raises `ConversationNotFound`, and `Conflict` when the group is full.
        """
        ...

    async def remove(self, conversation: ConversationId, user: UserId) -> bool:
        """Remove a member; False when not one.

        When the last owner goes, the earliest admin, else the earliest member, becomes owner.
        """
        ...

    async def set_role(self, conversation: ConversationId, user: UserId, role: Role) -> None:
        """Give a member another role. Raises `UserNotFound` when not a member."""
        ...

    async def set_archived(
        self, conversation: ConversationId, user: UserId, *, archived: bool
    ) -> None:
        """Hide the conversation from this member's list, or show it again."""
        ...


class Channels(Protocol):
    """External identities."""

    async def link(self, channel: Channel) -> Channel:
        """Tie an identity to a user; return the existing row when it already is theirs.

        What is of a contact is also of those that are merged with it. Raises `ChannelTaken`
        when it belongs to somebody else.
        """
        ...

    async def relink(self, channel: ChannelId, user: UserId) -> None:
        """Move an identity to another user. Raises `ChannelNotFound`."""
        ...

    async def set_reachable(self, channel: ChannelId) -> None:
        """Say that the person can be written to. Raises `ChannelNotFound`."""
        ...

    async def unlink(self, user: UserId, channel: ChannelId) -> None:
        """Remove an identity of `user`, or of one merged with it. Raises `ChannelNotFound`."""
        ...

    async def of_users(self, users: Sequence[UserId]) -> Mapping[UserId, Sequence[Channel]]:
        """Return the identities of each user, oldest first; users without any are left out.

        A contact that is merged with others has theirs too: its own are first, then those of
        the kept one, then the rest.
        """
        ...

    async def resolve(
        self, platform: str, account: AccountId | None, external_id: str
    ) -> Channel | None:
        """Return the identity, exact in all three parts, or one that names no account."""
        ...
