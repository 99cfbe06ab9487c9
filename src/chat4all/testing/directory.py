"""The suite that every `Directory` passes."""

from __future__ import annotations

from abc import ABC, abstractmethod

import pytest

from chat4all.ports.directory import Directory
from chat4all.testing.directory_accounts import (
    AccountsContract,
    LinkCodesContract,
    RoutesContract,
)
from chat4all.testing.directory_api_keys import ApiKeysContract, DelegationsContract
from chat4all.testing.directory_contacts import ContactBatchesContract
from chat4all.testing.directory_conversations import (
    SMALL_GROUP,
    ChannelsContract,
    ConversationsContract,
    MembersContract,
)
from chat4all.testing.directory_failovers import FailoversContract
from chat4all.testing.directory_groups import GroupChatsContract, GroupPeopleContract
from chat4all.testing.directory_merges import ContactMergesContract
from chat4all.testing.directory_push import PushNoticesContract, PushSubscriptionsContract
from chat4all.testing.directory_scheduled import (
    ScheduledMessagesContract,
    ScheduledWorkContract,
)
from chat4all.testing.directory_users import (
    KeysContract,
    TokensContract,
    UsersContract,
    UserSearchContract,
)
from chat4all.testing.directory_webhooks import (
    WebhookDeliveriesContract,
    WebhookEndpointsContract,
)

__all__ = ["SMALL_GROUP", "DirectoryContract"]


class DirectoryContract(
    UsersContract,
    UserSearchContract,
    TokensContract,
    KeysContract,
    ConversationsContract,
    MembersContract,
    ChannelsContract,
    ContactBatchesContract,
    ContactMergesContract,
    AccountsContract,
    LinkCodesContract,
    RoutesContract,
    FailoversContract,
    GroupChatsContract,
    GroupPeopleContract,
    WebhookEndpointsContract,
    WebhookDeliveriesContract,
    ApiKeysContract,
    DelegationsContract,
    PushSubscriptionsContract,
    PushNoticesContract,
    ScheduledMessagesContract,
    ScheduledWorkContract,
    ABC,
):
    """Bind it by giving two directories that share one empty storage.

    Both are made with `max_members=SMALL_GROUP`, so that filling a group is quick.
    """

    @pytest.fixture
    @abstractmethod
    def directory(self) -> Directory:
        """Return an empty directory."""

    @pytest.fixture
    @abstractmethod
    def peer(self) -> Directory:
        """Return another object on the storage of `directory`, as another process has it."""
