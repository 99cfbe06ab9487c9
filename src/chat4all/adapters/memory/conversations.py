"""Conversations, members and channels in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from chat4all.adapters.memory.directory_state import DirectoryState, oldest_first, with_an_owner
from chat4all.domain.directory import Channel, Conversation, ConversationType, Member, Role
from chat4all.domain.errors import (
    ChannelNotFound,
    ChannelTaken,
    Conflict,
    InvalidInput,
    UserNotFound,
)
from chat4all.domain.ids import AccountId, ChannelId, ConversationId, UserId

PAIR = 2
"""Members of a private conversation."""


class MemoryConversations:
    """`Conversations` in memory."""

    def __init__(self, state: DirectoryState, max_members: int) -> None:
        self._state = state
        self._max_members = max_members

    async def create(self, conversation: Conversation) -> Conversation:
        """Keep a new conversation; return it, or the private one this pair already has."""
        state = self._state
        users = frozenset(member.user_id for member in conversation.members)
        private = conversation.type is ConversationType.PRIVATE
        if len(users) != len(conversation.members):
            raise InvalidInput("a member is named twice")
        if private and len(users) != PAIR:
            raise InvalidInput("a private conversation has exactly two members")
        if len(users) > self._max_members:
            raise Conflict(f"a group has at most {self._max_members} members")
        if private and users in state.pairs:
            return state.conversations[state.pairs[users]]
        if conversation.id in state.conversations:
            raise Conflict(f"the conversation id {conversation.id} is in use; choose another")
        state.require_users(users)
        if private:
            state.pairs[users] = conversation.id
        for user in users:
            state.conversations_of.setdefault(user, set()).add(conversation.id)
        kept = replace(
            conversation,
            members=oldest_first(conversation.members),
            metadata=dict(conversation.metadata),
        )
        state.conversations[conversation.id] = kept
        return kept

    async def get(self, conversation: ConversationId) -> Conversation | None:
        """Return a conversation with its members."""
        return self._state.conversations.get(conversation)

    async def of_user(
        self, user: UserId, *, after: ConversationId | None = None, limit: int | None = None
    ) -> Sequence[Conversation]:
        """Return the conversations `user` is in, newest id first; `after` pages on."""
        ids = (one for one in await self.ids_of_user(user) if after is None or one < after)
        return [self._state.conversations[one] for one in list(ids)[:limit]]

    async def ids_of_user(self, user: UserId) -> Sequence[ConversationId]:
        """Return the ids of all conversations `user` is in, newest first."""
        return sorted(self._state.conversations_of.get(user, ()), reverse=True)

    async def update(
        self, conversation: ConversationId, *, name: str | None, metadata: Mapping[str, Any]
    ) -> None:
        """Replace name and metadata. Raises `ConversationNotFound`."""
        kept = self._state.require_conversation(conversation)
        self._state.conversations[conversation] = replace(kept, name=name, metadata=dict(metadata))

    async def delete(self, conversation: ConversationId) -> None:
        """Forget a conversation and its memberships; unknown ids are no error."""
        state = self._state
        gone = state.conversations.pop(conversation, None)
        if gone is None:
            return
        for member in gone.members:
            state.conversations_of[member.user_id].discard(conversation)
        for pair in [pair for pair, kept in state.pairs.items() if kept == conversation]:
            del state.pairs[pair]


class MemoryMembers:
    """`Members` in memory."""

    def __init__(self, state: DirectoryState, max_members: int) -> None:
        self._state = state
        self._max_members = max_members

    async def add(self, conversation: ConversationId, member: Member) -> bool:
        """Add a member; False when already one."""
        kept = self._state.require_conversation(conversation)
        if kept.member(member.user_id) is not None:
            return False
        limit = PAIR if kept.type is ConversationType.PRIVATE else self._max_members
        if len(kept.members) >= limit:
            raise Conflict(f"the conversation is full: it has {limit} members")
        self._state.require_users([member.user_id])
        self._state.set_members(kept, (*kept.members, member))
        self._state.conversations_of.setdefault(member.user_id, set()).add(conversation)
        return True

    async def remove(self, conversation: ConversationId, user: UserId) -> bool:
        """Remove a member; False when not one. The last owner leaves an heir."""
        kept = self._state.conversations.get(conversation)
        gone = None if kept is None else kept.member(user)
        if kept is None or gone is None:
            return False
        rest = tuple(one for one in kept.members if one.user_id != user)
        if gone.role is Role.OWNER:
            rest = with_an_owner(rest)
        self._state.set_members(kept, rest)
        self._state.conversations_of[user].discard(conversation)
        return True

    async def set_role(self, conversation: ConversationId, user: UserId, role: Role) -> None:
        """Give a member another role. Raises `UserNotFound` when not a member."""
        self._replace(conversation, user, role=role)

    async def set_archived(
        self, conversation: ConversationId, user: UserId, *, archived: bool
    ) -> None:
        """Hide or show the conversation. Raises `UserNotFound` when not a member."""
        self._replace(conversation, user, archived=archived)

    def _replace(self, conversation: ConversationId, user: UserId, **changes: Any) -> None:
        kept = self._state.conversations.get(conversation)
        if kept is None or kept.member(user) is None:
            raise UserNotFound(f"{user} is not a member of {conversation}")
        members = [replace(one, **changes) if one.user_id == user else one for one in kept.members]
        self._state.set_members(kept, members)


class MemoryChannels:
    """`Channels` in memory."""

    def __init__(self, state: DirectoryState) -> None:
        self._state = state

    async def link(self, channel: Channel) -> Channel:
        """Tie an identity to a user; return the existing row when it already is theirs."""
        kept = self._find(channel.platform, channel.account_id, channel.external_id)
        if kept is not None:
            if kept.user_id not in self._state.person(channel.user_id):
                raise ChannelTaken("this external identity belongs to another user")
            return kept
        if channel.id in self._state.channels:
            raise Conflict(f"the channel id {channel.id} is in use; choose another")
        self._state.require_users([channel.user_id])
        self._state.channels[channel.id] = channel
        return channel

    async def relink(self, channel: ChannelId, user: UserId) -> None:
        """Move an identity to another user. Raises `ChannelNotFound`, `UserNotFound`."""
        kept = self._state.channels.get(channel)
        if kept is None:
            raise ChannelNotFound(f"there is no channel {channel}")
        self._state.require_users([user])
        self._state.channels[channel] = replace(kept, user_id=user)

    async def set_reachable(self, channel: ChannelId) -> None:
        """Say that the person can be written to. Raises `ChannelNotFound`."""
        kept = self._state.channels.get(channel)
        if kept is None:
            raise ChannelNotFound(f"there is no channel {channel}")
        self._state.channels[channel] = replace(kept, reachable=True)

    async def unlink(self, user: UserId, channel: ChannelId) -> None:
        """Remove an identity of `user`. Raises `ChannelNotFound`."""
        kept = self._state.channels.get(channel)
        if kept is None or kept.user_id not in self._state.person(user):
            raise ChannelNotFound(f"{user} has no channel {channel}")
        del self._state.channels[channel]

    async def of_users(self, users: Sequence[UserId]) -> Mapping[UserId, Sequence[Channel]]:
        """Return the identities of each user, their own first; users without any are left out."""
        found: dict[UserId, list[Channel]] = {}
        for user in users:
            order = dict.fromkeys([user, *self._state.person(user)])
            theirs = [channel for one in order for channel in self._state.own_channels(one)]
            if theirs:
                found[user] = theirs
        return found

    async def resolve(
        self, platform: str, account: AccountId | None, external_id: str
    ) -> Channel | None:
        """Return the identity, exact in all three parts, or one that names no account."""
        exact = self._find(platform, account, external_id)
        return exact or self._find(platform, None, external_id)

    def _find(self, platform: str, account: AccountId | None, external_id: str) -> Channel | None:
        wanted = (platform, account, external_id)
        for one in self._state.channels.values():
            if (one.platform, one.account_id, one.external_id) == wanted:
                return one
        return None
