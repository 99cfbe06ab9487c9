"""What a directory in memory holds, and the rules of names that go with it."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime

from chat4all.domain.api_keys import ApiKey, DelegatedAct, Delegation
from chat4all.domain.contact_merges import ContactMerge
from chat4all.domain.directory import Account, Channel, Conversation, Member, Role, User
from chat4all.domain.errors import ConversationNotFound, UserNotFound
from chat4all.domain.failover import FailoverPlan
from chat4all.domain.group_chats import ChatKey, Moment, Standing
from chat4all.domain.ids import (
    AccountId,
    ChannelId,
    ConversationId,
    DeliveryId,
    EndpointId,
    KeyId,
    MergeId,
    MessageId,
    SubscriptionId,
    UserId,
)
from chat4all.domain.push import PushNotice, PushSubscription
from chat4all.domain.scheduled import ScheduledMessage
from chat4all.domain.webhooks import Delivery, Endpoint
from chat4all.ports.users import RefreshToken


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkCode:
    """A one-time code that was not taken yet."""

    user_id: UserId
    platform: str
    expires_at: datetime


@dataclass(slots=True)
class GroupRow:
    """A group as it is kept; `moved_to` is its address from then on."""

    conversation_id: ConversationId
    title: str
    titled: Moment
    present: bool
    seen: Moment
    moved_to: str | None = None


@dataclass(slots=True)
class DirectoryState:
    """The rows; give one to several `MemoryDirectory` to make them peers."""

    users: dict[UserId, User] = field(default_factory=dict)
    removed: set[UserId] = field(default_factory=set)
    secret_hashes: dict[UserId, str] = field(default_factory=dict)
    usernames: dict[str, UserId] = field(default_factory=dict)
    channels: dict[ChannelId, Channel] = field(default_factory=dict)
    contact_merges: dict[MergeId, ContactMerge] = field(default_factory=dict)
    conversations: dict[ConversationId, Conversation] = field(default_factory=dict)
    pairs: dict[frozenset[UserId], ConversationId] = field(default_factory=dict)
    conversations_of: dict[UserId, set[ConversationId]] = field(default_factory=dict)
    refresh_tokens: dict[str, RefreshToken] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    revocations: dict[str, datetime] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    accounts: dict[AccountId, Account] = field(default_factory=dict)
    link_codes: dict[str, LinkCode] = field(default_factory=dict)
    routes: dict[tuple[str, AccountId, str], ConversationId] = field(default_factory=dict)
    last_inbound: dict[tuple[str, AccountId, str], datetime] = field(default_factory=dict)
    failovers: dict[tuple[MessageId, UserId], FailoverPlan] = field(default_factory=dict)
    endpoints: dict[EndpointId, Endpoint] = field(default_factory=dict)
    deliveries: dict[DeliveryId, Delivery] = field(default_factory=dict)
    api_keys: dict[KeyId, ApiKey] = field(default_factory=dict)
    delegations: dict[tuple[UserId, UserId], Delegation] = field(default_factory=dict)
    acts: list[DelegatedAct] = field(default_factory=list)
    push_subscriptions: dict[SubscriptionId, PushSubscription] = field(default_factory=dict)
    push_notices: dict[tuple[SubscriptionId, ConversationId], PushNotice] = field(
        default_factory=dict
    )
    scheduled: dict[MessageId, ScheduledMessage] = field(default_factory=dict)
    groups: dict[ChatKey, GroupRow] = field(default_factory=dict)
    group_people: dict[tuple[ChatKey, str], tuple[Standing, Moment]] = field(default_factory=dict)

    def shown(self, user: UserId) -> User:
        """Return a user; a merged contact is called and reached as the kept one is."""
        found = self.users[user]
        kept = self.users.get(found.merged_into) if found.merged_into else None
        if kept is None:
            return found
        name, preferred = kept.display_name, kept.preferred_channel
        return replace(found, display_name=name, preferred_channel=preferred)

    def person(self, user: UserId) -> list[UserId]:
        """Return all ids that are one person with `user`, the kept one first."""
        found = self.users.get(user)
        kept = found.merged_into if found and found.merged_into else user
        return [kept, *sorted(one.id for one in self.users.values() if one.merged_into == kept)]

    def own_channels(self, user: UserId) -> list[Channel]:
        """Return the channels of one user alone, oldest first."""
        found = (one for one in self.channels.values() if one.user_id == user)
        return sorted(found, key=lambda one: (one.linked_at, one.id))

    def require_users(self, users: Collection[UserId]) -> None:
        """Raise `UserNotFound` unless all of `users` exist."""
        for user in users:
            if user not in self.users:
                raise UserNotFound(f"there is no user {user}")

    def require_conversation(self, conversation: ConversationId) -> Conversation:
        """Return the conversation or raise `ConversationNotFound`."""
        try:
            return self.conversations[conversation]
        except KeyError as error:
            raise ConversationNotFound(f"there is no conversation {conversation}") from error

    def set_members(self, conversation: Conversation, members: Collection[Member]) -> None:
        """Replace the members of a conversation, keeping them oldest first."""
        self.conversations[conversation.id] = replace(conversation, members=oldest_first(members))


def oldest_first(members: Collection[Member]) -> tuple[Member, ...]:
    """Order members by when they joined; those who joined together by id."""
    return tuple(sorted(members, key=lambda one: (one.joined_at, one.user_id)))


def with_an_owner(members: Collection[Member]) -> tuple[Member, ...]:
    """Make the earliest admin, else the earliest member, owner when there is none."""
    if not members or any(one.role is Role.OWNER for one in members):
        return tuple(members)
    heir = min(members, key=lambda one: (-one.role.rank, one.joined_at, one.user_id))
    return tuple(replace(one, role=Role.OWNER) if one is heir else one for one in members)


def username_key(username: str) -> str:
    """Return what two usernames that count as the same have in common."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", username).casefold())


def search_key(text: str) -> str:
    """Return `text` without case, accents and compatibility forms."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    decomposed = unicodedata.normalize("NFKD", folded)
    return "".join(one for one in decomposed if not unicodedata.combining(one))
