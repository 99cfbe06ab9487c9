"""The directory: users, channels, conversations, members, roles, accounts, tokens."""

from __future__ import annotations

from typing import Protocol

from chat4all.ports.accounts import Accounts, LinkCodes
from chat4all.ports.api_keys import ApiKeys, Delegations
from chat4all.ports.contact_merges import ContactMerges
from chat4all.ports.contacts import ContactBatches
from chat4all.ports.conversations import Channels, Conversations, Members
from chat4all.ports.failovers import Failovers
from chat4all.ports.group_chats import GroupChats, GroupPeople
from chat4all.ports.push import PushNotices, PushSubscriptions
from chat4all.ports.routes import Routes
from chat4all.ports.scheduled import ScheduledMessages, ScheduledWork
from chat4all.ports.users import Keys, Tokens, Users
from chat4all.ports.webhooks import WebhookDeliveries, WebhookEndpoints


class Directory(Protocol):
    """One storage behind twenty-two views of it. Every implementation passes `DirectoryContract`.

    Strongly consistent: what a call has stored, every later call on any node sees. Methods
    raise `Unavailable` or `StorageFull` when the storage does not answer.
    """

    @property
    def users(self) -> Users:
        """Users and the hashes of their secrets."""
        ...

    @property
    def channels(self) -> Channels:
        """External identities."""
        ...

    @property
    def contact_batches(self) -> ContactBatches:
        """Many contacts and their channels at once."""
        ...

    @property
    def contact_merges(self) -> ContactMerges:
        """Contacts that are one person."""
        ...

    @property
    def conversations(self) -> Conversations:
        """Conversations."""
        ...

    @property
    def members(self) -> Members:
        """Memberships and roles."""
        ...

    @property
    def tokens(self) -> Tokens:
        """Refresh tokens and revocations."""
        ...

    @property
    def keys(self) -> Keys:
        """Global configuration."""
        ...

    @property
    def accounts(self) -> Accounts:
        """Connector accounts."""
        ...

    @property
    def link_codes(self) -> LinkCodes:
        """One-time link codes."""
        ...

    @property
    def routes(self) -> Routes:
        """The conversation each chat of a platform is talking in."""
        ...

    @property
    def group_chats(self) -> GroupChats:
        """The groups of platforms that are conversations."""
        ...

    @property
    def group_people(self) -> GroupPeople:
        """Who is in those groups."""
        ...

    @property
    def failovers(self) -> Failovers:
        """The channels that are left to try for a message."""
        ...

    @property
    def endpoints(self) -> WebhookEndpoints:
        """Where users want to be told of events."""
        ...

    @property
    def deliveries(self) -> WebhookDeliveries:
        """Events on their way there."""
        ...

    @property
    def api_keys(self) -> ApiKeys:
        """The keys of programs."""
        ...

    @property
    def delegations(self) -> Delegations:
        """Whom programs may act for, and what they did as them."""
        ...

    @property
    def push_subscriptions(self) -> PushSubscriptions:
        """The devices that take pushes."""
        ...

    @property
    def push_notices(self) -> PushNotices:
        """What waits for them."""
        ...

    @property
    def scheduled(self) -> ScheduledMessages:
        """The messages that users have sent later."""
        ...

    @property
    def scheduled_work(self) -> ScheduledWork:
        """The same, for what sends them."""
        ...
