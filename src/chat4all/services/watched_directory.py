"""A directory whose changes are seen at once by the cache in front of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from chat4all.domain.directory import Account, Channel, Conversation, Member, Role, User, UserKind
from chat4all.domain.group_chats import ChatKey, GroupChat, Moment, Standing
from chat4all.domain.ids import AccountId, ChannelId, ConversationId, UserId
from chat4all.ports.accounts import Accounts, LinkCodes
from chat4all.ports.api_keys import ApiKeys, Delegations
from chat4all.ports.contact_merges import ContactMerges
from chat4all.ports.contacts import ContactBatch, ContactBatches, PlatformAddress, SharedId
from chat4all.ports.conversations import Channels, Conversations, Members
from chat4all.ports.directory import Directory
from chat4all.ports.failovers import Failovers
from chat4all.ports.group_chats import GroupChats, GroupPeople
from chat4all.ports.push import PushNotices, PushSubscriptions
from chat4all.ports.routes import Routes
from chat4all.ports.scheduled import ScheduledMessages, ScheduledWork
from chat4all.ports.users import Keys, Tokens, Users
from chat4all.ports.webhooks import WebhookDeliveries, WebhookEndpoints
from chat4all.services.directory_cache import DirectoryCache, Kept
from chat4all.services.watched_merges import Cache, PersonNews, WatchedMerges


class WatchedDirectory:
    """Wraps a directory: every change forgets what the cache knows of the thing changed.

    `news` passes it on to the other processes that keep parts of the same directory.

    Also one that failed or was cancelled, for it may have been stored all the same.
    """

    def __init__(
        self, directory: Directory, cache: DirectoryCache, news: Cache | None = None
    ) -> None:
        told = cache if news is None else news
        merges = directory.contact_merges
        people = PersonNews(merges, told)
        self.users: Users = _Users(directory.users, merges, people)
        self.channels: Channels = _Channels(directory.channels, people)
        self.contact_batches: ContactBatches = _ContactBatches(directory.contact_batches, people)
        self.contact_merges: ContactMerges = WatchedMerges(merges, people)
        self.conversations: Conversations = _Conversations(directory.conversations, told)
        self.members: Members = _Members(directory.members, told)
        self.tokens: Tokens = directory.tokens
        self.keys: Keys = directory.keys
        self.accounts: Accounts = _Accounts(directory.accounts, told)
        self.link_codes: LinkCodes = directory.link_codes
        self.routes: Routes = _Routes(directory.routes, cache, told)
        self.failovers: Failovers = directory.failovers
        self.group_chats: GroupChats = _GroupChats(directory.group_chats, told)
        self.group_people: GroupPeople = _GroupPeople(directory.group_people, told)
        self.endpoints: WebhookEndpoints = directory.endpoints
        self.deliveries: WebhookDeliveries = directory.deliveries
        self.api_keys: ApiKeys = directory.api_keys
        self.delegations: Delegations = directory.delegations
        self.push_subscriptions: PushSubscriptions = directory.push_subscriptions
        self.push_notices: PushNotices = directory.push_notices
        self.scheduled: ScheduledMessages = directory.scheduled
        self.scheduled_work: ScheduledWork = directory.scheduled_work


class _Users:
    def __init__(self, users: Users, merges: ContactMerges, news: PersonNews) -> None:
        self._users = users
        self._merges = merges
        self._news = news

    async def add(self, user: User, *, secret_hash: str | None = None) -> None:
        await self._users.add(user, secret_hash=secret_hash)

    async def get_many(self, users: Collection[UserId]) -> Mapping[UserId, User]:
        return await self._users.get_many(users)

    async def by_username(self, username: str) -> tuple[User, str | None] | None:
        return await self._users.by_username(username)

    async def update(self, user: User) -> None:
        try:
            await self._users.update(user)
        finally:
            await self._news.changed(Kept.USERS, user.id)

    async def remove(self, user: UserId) -> None:
        # Asked before: afterwards nobody is one person with anybody.
        everybody = await self._merges.person(user)
        try:
            await self._users.remove(user)
        finally:
            await self._news.all_changed(everybody)

    async def search(
        self,
        words: str,
        *,
        kind: UserKind | None = None,
        owner: UserId | None = None,
        after: UserId | None = None,
        limit: int,
    ) -> Sequence[User]:
        return await self._users.search(words, kind=kind, owner=owner, after=after, limit=limit)


class _Channels:
    def __init__(self, channels: Channels, cache: Cache) -> None:
        self._channels = channels
        self._cache = cache

    async def link(self, channel: Channel) -> Channel:
        try:
            return await self._channels.link(channel)
        finally:
            await self._cache.changed(Kept.CHANNELS, channel.user_id)

    async def relink(self, channel: ChannelId, user: UserId) -> None:
        try:
            await self._channels.relink(channel, user)
        finally:
            # whose it was is not known here; this is rare
            await self._cache.changed(Kept.CHANNELS)

    async def set_reachable(self, channel: ChannelId) -> None:
        try:
            await self._channels.set_reachable(channel)
        finally:
            # once for each person who was met in a group
            await self._cache.changed(Kept.CHANNELS)

    async def unlink(self, user: UserId, channel: ChannelId) -> None:
        try:
            await self._channels.unlink(user, channel)
        finally:
            await self._cache.changed(Kept.CHANNELS, user)

    async def of_users(self, users: Sequence[UserId]) -> Mapping[UserId, Sequence[Channel]]:
        return await self._channels.of_users(users)

    async def resolve(
        self, platform: str, account: AccountId | None, external_id: str
    ) -> Channel | None:
        return await self._channels.resolve(platform, account, external_id)


class _ContactBatches:
    def __init__(self, batches: ContactBatches, cache: Cache) -> None:
        self._batches = batches
        self._cache = cache

    async def holders(
        self, addresses: Collection[PlatformAddress]
    ) -> Sequence[tuple[Channel, User]]:
        return await self._batches.holders(addresses)

    async def shared(self, owner: UserId, *, after: str = "", limit: int) -> Sequence[SharedId]:
        return await self._batches.shared(owner, after=after, limit=limit)

    async def keep(self, batch: ContactBatch) -> None:
        try:
            await self._batches.keep(batch)
        finally:
            for user in batch.changed:  # nobody has asked for the new ones yet
                await self._cache.changed(Kept.USERS, user)
                await self._cache.changed(Kept.CHANNELS, user)


class _Conversations:
    def __init__(self, conversations: Conversations, cache: Cache) -> None:
        self._conversations = conversations
        self._cache = cache

    async def create(self, conversation: Conversation) -> Conversation:
        return await self._conversations.create(conversation)

    async def get(self, conversation: ConversationId) -> Conversation | None:
        return await self._conversations.get(conversation)

    async def of_user(
        self, user: UserId, *, after: ConversationId | None = None, limit: int | None = None
    ) -> Sequence[Conversation]:
        return await self._conversations.of_user(user, after=after, limit=limit)

    async def ids_of_user(self, user: UserId) -> Sequence[ConversationId]:
        return await self._conversations.ids_of_user(user)

    async def update(
        self, conversation: ConversationId, *, name: str | None, metadata: Mapping[str, Any]
    ) -> None:
        try:
            await self._conversations.update(conversation, name=name, metadata=metadata)
        finally:
            await self._cache.changed(Kept.CONVERSATIONS, conversation)

    async def delete(self, conversation: ConversationId) -> None:
        try:
            await self._conversations.delete(conversation)
        finally:
            await self._cache.changed(Kept.CONVERSATIONS, conversation)


class _Members:
    def __init__(self, members: Members, cache: Cache) -> None:
        self._members = members
        self._cache = cache

    async def add(self, conversation: ConversationId, member: Member) -> bool:
        try:
            return await self._members.add(conversation, member)
        finally:
            await self._cache.changed(Kept.CONVERSATIONS, conversation)

    async def remove(self, conversation: ConversationId, user: UserId) -> bool:
        try:
            return await self._members.remove(conversation, user)
        finally:
            await self._cache.changed(Kept.CONVERSATIONS, conversation)

    async def set_role(self, conversation: ConversationId, user: UserId, role: Role) -> None:
        try:
            await self._members.set_role(conversation, user, role)
        finally:
            await self._cache.changed(Kept.CONVERSATIONS, conversation)

    async def set_archived(
        self, conversation: ConversationId, user: UserId, *, archived: bool
    ) -> None:
        try:
            await self._members.set_archived(conversation, user, archived=archived)
        finally:
            await self._cache.changed(Kept.CONVERSATIONS, conversation)


class _GroupChats:
    # Changes are rare beside messages, so they forget all groups: moves concern several.
    def __init__(self, group_chats: GroupChats, cache: Cache) -> None:
        self._group_chats = group_chats
        self._cache = cache

    async def keep(
        self, chat: GroupChat, *, at: Moment, gone: ConversationId | None = None
    ) -> GroupChat:
        try:
            return await self._group_chats.keep(chat, at=at, gone=gone)
        finally:
            await self._cache.changed(Kept.GROUP_CHATS)

    async def get(self, key: ChatKey) -> GroupChat | None:
        return await self._group_chats.get(key)

    async def of(self, conversation: ConversationId) -> Sequence[GroupChat]:
        return await self._group_chats.of(conversation)

    async def change(
        self, key: ChatKey, *, at: Moment, title: str | None = None, present: bool | None = None
    ) -> bool:
        try:
            return await self._group_chats.change(key, at=at, title=title, present=present)
        finally:
            await self._cache.changed(Kept.GROUP_CHATS)

    async def move(self, key: ChatKey, to: str) -> GroupChat | None:
        try:
            return await self._group_chats.move(key, to)
        finally:
            await self._cache.changed(Kept.GROUP_CHATS)


class _GroupPeople:
    def __init__(self, people: GroupPeople, cache: Cache) -> None:
        self._people = people
        self._cache = cache

    async def standing(self, key: ChatKey, person: str) -> Standing | None:
        return await self._people.standing(key, person)

    async def note(
        self, key: ChatKey, person: str, user: UserId | None, *, here: bool, at: Moment
    ) -> Standing:
        try:
            return await self._people.note(key, person, user, here=here, at=at)
        finally:
            await self._cache.changed(Kept.GROUP_CHATS)


class _Accounts:
    def __init__(self, accounts: Accounts, cache: Cache) -> None:
        self._accounts = accounts
        self._cache = cache

    async def put(self, account: Account) -> None:
        try:
            await self._accounts.put(account)
        finally:
            await self._cache.changed(Kept.ACCOUNTS, account.platform)

    async def get(self, account: AccountId) -> Account | None:
        return await self._accounts.get(account)

    async def list(self, *, platform: str | None = None) -> Sequence[Account]:
        return await self._accounts.list(platform=platform)

    async def remove(self, account: AccountId) -> None:
        try:
            await self._accounts.remove(account)
        finally:
            await self._cache.changed(Kept.ACCOUNTS)

    async def set_poll_offset(self, account: AccountId, offset: str) -> None:
        await self._accounts.set_poll_offset(account, offset)


class _Routes:
    # Each delivery and each message from outside asks for one, so it is the cache that answers.
    def __init__(self, routes: Routes, kept: DirectoryCache, cache: Cache) -> None:
        self._routes = routes
        self._kept = kept.routes
        self._cache = cache

    async def get(self, platform: str, account: AccountId, address: str) -> ConversationId | None:
        return await self._kept.get(ChatKey(platform, account, address))

    async def set(
        self, platform: str, account: AccountId, address: str, conversation: ConversationId
    ) -> None:
        # Most messages go where the one before went: nobody need forget it.
        if await self._routes.get(platform, account, address) == conversation:
            return
        try:
            await self._routes.set(platform, account, address, conversation)
        finally:
            await self._cache.changed(Kept.ROUTES, ChatKey(platform, account, address))

    async def last_inbound(
        self, platform: str, account: AccountId, address: str
    ) -> datetime | None:
        return await self._routes.last_inbound(platform, account, address)

    async def heard(self, platform: str, account: AccountId, address: str, at: datetime) -> None:
        await self._routes.heard(platform, account, address, at)
