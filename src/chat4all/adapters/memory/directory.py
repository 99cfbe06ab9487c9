"""The directory in memory: for tests, and for a try without any file."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from chat4all.adapters.memory.accounts import MemoryAccounts, MemoryLinkCodes
from chat4all.adapters.memory.api_keys import MemoryApiKeys, MemoryDelegations
from chat4all.adapters.memory.contact_batches import MemoryContactBatches
from chat4all.adapters.memory.contact_merges import MemoryContactMerges
from chat4all.adapters.memory.conversations import (
    MemoryChannels,
    MemoryConversations,
    MemoryMembers,
)
from chat4all.adapters.memory.directory_state import DirectoryState
from chat4all.adapters.memory.failovers import MemoryFailovers
from chat4all.adapters.memory.group_chats import MemoryGroupChats, MemoryGroupPeople
from chat4all.adapters.memory.push import MemoryPushNotices, MemoryPushSubscriptions
from chat4all.adapters.memory.routes import MemoryRoutes
from chat4all.adapters.memory.scheduled import MemoryScheduledMessages, MemoryScheduledWork
from chat4all.adapters.memory.users import MemoryKeys, MemoryTokens, MemoryUsers
from chat4all.adapters.memory.webhooks import MemoryWebhookDeliveries, MemoryWebhookEndpoints
from chat4all.domain.directory import MAX_MEMBERS
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


def _now() -> datetime:
    return datetime.now(UTC)


class MemoryDirectory:
    """A `Directory` in memory, with the same rules as the ones that keep.

    Two objects made with the same `state` are peers on one storage. `clock` is read only by
    `tokens.peek_refresh`. Usable at once; `async with` works too and does nothing.
    """

    def __init__(
        self,
        state: DirectoryState | None = None,
        *,
        max_members: int = MAX_MEMBERS,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        state = DirectoryState() if state is None else state
        self.users: Users = MemoryUsers(state)
        self.channels: Channels = MemoryChannels(state)
        self.contact_batches: ContactBatches = MemoryContactBatches(state)
        self.contact_merges: ContactMerges = MemoryContactMerges(state)
        self.conversations: Conversations = MemoryConversations(state, max_members)
        self.members: Members = MemoryMembers(state, max_members)
        self.tokens: Tokens = MemoryTokens(state, clock)
        self.keys: Keys = MemoryKeys(state)
        self.accounts: Accounts = MemoryAccounts(state)
        self.link_codes: LinkCodes = MemoryLinkCodes(state)
        self.routes: Routes = MemoryRoutes(state)
        self.failovers: Failovers = MemoryFailovers(state)
        self.group_chats: GroupChats = MemoryGroupChats(state)
        self.group_people: GroupPeople = MemoryGroupPeople(state)
        self.endpoints: WebhookEndpoints = MemoryWebhookEndpoints(state)
        self.deliveries: WebhookDeliveries = MemoryWebhookDeliveries(state)
        self.api_keys: ApiKeys = MemoryApiKeys(state)
        self.delegations: Delegations = MemoryDelegations(state)
        self.push_subscriptions: PushSubscriptions = MemoryPushSubscriptions(state)
        self.push_notices: PushNotices = MemoryPushNotices(state)
        self.scheduled: ScheduledMessages = MemoryScheduledMessages(state)
        self.scheduled_work: ScheduledWork = MemoryScheduledWork(state)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return None
