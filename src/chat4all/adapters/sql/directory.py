"""The directory in an SQL database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from chat4all.adapters.sql.accounts import SqlAccounts
from chat4all.adapters.sql.api_keys import SqlApiKeys
from chat4all.adapters.sql.channels import SqlChannels
from chat4all.adapters.sql.contact_batches import SqlContactBatches
from chat4all.adapters.sql.contact_merges import SqlContactMerges
from chat4all.adapters.sql.conversations import SqlConversations
from chat4all.adapters.sql.database import Database
from chat4all.adapters.sql.delegations import SqlDelegations
from chat4all.adapters.sql.failovers import SqlFailovers
from chat4all.adapters.sql.group_chats import SqlGroupChats, SqlGroupPeople
from chat4all.adapters.sql.keys import SqlKeys
from chat4all.adapters.sql.link_codes import SqlLinkCodes
from chat4all.adapters.sql.members import SqlMembers
from chat4all.adapters.sql.preparing import prepare_directory
from chat4all.adapters.sql.push_notices import SqlPushNotices
from chat4all.adapters.sql.push_subscriptions import SqlPushSubscriptions
from chat4all.adapters.sql.routes import SqlRoutes
from chat4all.adapters.sql.rows import SqlRows
from chat4all.adapters.sql.scheduled import SqlScheduledMessages, SqlScheduledWork
from chat4all.adapters.sql.tokens import SqlTokens
from chat4all.adapters.sql.users import SqlUsers
from chat4all.adapters.sql.webhook_deliveries import SqlWebhookDeliveries
from chat4all.adapters.sql.webhook_endpoints import SqlWebhookEndpoints
from chat4all.domain.directory import MAX_MEMBERS
from chat4all.ports.accounts import Accounts, LinkCodes
from chat4all.ports.api_keys import ApiKeys, Delegations
from chat4all.ports.contact_merges import ContactMerges
from chat4all.ports.contacts import ContactBatches
from chat4all.ports.conversations import Channels, Conversations, Members
from chat4all.ports.failovers import Failovers
from chat4all.ports.group_chats import GroupChats, GroupPeople
from chat4all.ports.moving import Tables
from chat4all.ports.push import PushNotices, PushSubscriptions
from chat4all.ports.routes import Routes
from chat4all.ports.scheduled import ScheduledMessages, ScheduledWork
from chat4all.ports.users import Keys, Tokens, Users
from chat4all.ports.webhooks import WebhookDeliveries, WebhookEndpoints


def _now() -> datetime:
    return datetime.now(UTC)


class SqlDirectory:
    """A `Directory` behind a URL: `sqlite:///<path>`, `postgresql://`, `cockroachdb://`.

    Work begins and ends with `async with`, which makes or upgrades the tables; it raises
    `BadSettings`, `SchemaTooNew`, `StorageCorrupt` or `Unavailable`. `clock` is read only by
    `tokens.peek_refresh`.
    """

    def __init__(
        self,
        url: str,
        *,
        max_members: int = MAX_MEMBERS,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self._database = database = Database(url)
        self.users: Users = SqlUsers(database)
        self.channels: Channels = SqlChannels(database)
        self.contact_batches: ContactBatches = SqlContactBatches(database)
        self.contact_merges: ContactMerges = SqlContactMerges(database)
        self.conversations: Conversations = SqlConversations(database, max_members)
        self.members: Members = SqlMembers(database, max_members)
        self.tokens: Tokens = SqlTokens(database, clock)
        self.keys: Keys = SqlKeys(database)
        self.accounts: Accounts = SqlAccounts(database)
        self.link_codes: LinkCodes = SqlLinkCodes(database)
        self.routes: Routes = SqlRoutes(database)
        self.failovers: Failovers = SqlFailovers(database)
        self.group_chats: GroupChats = SqlGroupChats(database)
        self.group_people: GroupPeople = SqlGroupPeople(database)
        self.endpoints: WebhookEndpoints = SqlWebhookEndpoints(database)
        self.deliveries: WebhookDeliveries = SqlWebhookDeliveries(database)
        self.api_keys: ApiKeys = SqlApiKeys(database)
        self.delegations: Delegations = SqlDelegations(database)
        self.push_subscriptions: PushSubscriptions = SqlPushSubscriptions(database)
        self.push_notices: PushNotices = SqlPushNotices(database)
        self.scheduled: ScheduledMessages = SqlScheduledMessages(database)
        self.scheduled_work: ScheduledWork = SqlScheduledWork(database)
        self.rows: Tables = SqlRows(database)
        """All of it as plain rows, to be moved to another database."""

    async def __aenter__(self) -> Self:
        self._database.open()
        try:
            await self._database.check()
            await prepare_directory(self._database)
        except BaseException:
            await self._database.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._database.close()
