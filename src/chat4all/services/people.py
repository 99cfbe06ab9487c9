"""What the hot path asks about people, answered from the cache."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chat4all.domain.directory import Account, Channel, Conversation, User
from chat4all.domain.group_chats import GroupChat
from chat4all.domain.ids import ConversationId, UserId
from chat4all.ports.directory import Directory
from chat4all.services.directory_cache import DirectoryCache, Kept


class People:
    """Conversations, users, channels and accounts, by id."""

    def __init__(self, directory: Directory, cache: DirectoryCache) -> None:
        self._directory = directory
        self._cache = cache

    def peek(self, conversation: ConversationId) -> Conversation | None:
        """Return a conversation if it is at hand; never waits."""
        return self._cache.conversations.peek(conversation)

    async def conversation(self, conversation: ConversationId) -> Conversation | None:
        """Return a conversation with its members."""
        return await self._cache.conversations.get(conversation)

    def forget(self, conversation: ConversationId) -> None:
        """Read a conversation anew: it was changed, perhaps by another process."""
        self._cache.forget(Kept.CONVERSATIONS, conversation)

    async def users(self, users: Sequence[UserId]) -> Mapping[UserId, User]:
        """Return those that exist."""
        return await self._cache.users.get_many(users)

    async def channels(self, users: Sequence[UserId]) -> Mapping[UserId, Sequence[Channel]]:
        """Return the external identities of each."""
        return await self._cache.channels.get_many(users)

    async def group_chats(self, conversation: ConversationId) -> Sequence[GroupChat]:
        """Return the groups of platforms that a conversation is."""
        return await self._cache.group_chats.get(conversation) or ()

    async def accounts(self, platform: str) -> Sequence[Account]:
        """Return the enabled accounts of a platform, oldest first."""
        found = await self._cache.accounts.get(platform) or ()
        return [account for account in found if account.enabled]

    async def conversations_of(self, user: UserId) -> Sequence[ConversationId]:
        """Return the conversations `user` is in."""
        return await self._directory.conversations.ids_of_user(user)
