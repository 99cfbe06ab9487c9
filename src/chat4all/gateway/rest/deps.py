"""What the REST API stands on; the composition root fills it in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from chat4all.domain.capabilities import Capabilities
from chat4all.domain.errors import Unavailable
from chat4all.domain.ids import AccountId, UserId
from chat4all.gateway.auth.access_tokens import JwtAccessTokens
from chat4all.gateway.rest.file_tools import FileTools
from chat4all.gateway.rest.operator_tools import OperatorTools
from chat4all.ports.connector_kind import ConnectorKind
from chat4all.ports.integrity import AuditNotes, LogRange, Repaired
from chat4all.ports.phones import PhoneNetwork
from chat4all.ports.users import Users
from chat4all.services.access import Access
from chat4all.services.account_health import Health
from chat4all.services.accounts import ConnectorAccounts
from chat4all.services.audit.whole_check import WholeCheck
from chat4all.services.channels import OwnChannels
from chat4all.services.contacts import Contacts
from chat4all.services.conversation_views import ConversationViews
from chat4all.services.conversations import ConversationBook
from chat4all.services.dead_letters import DeadLetters
from chat4all.services.delegates import Delegates
from chat4all.services.delivery_plan import PlanDelivery
from chat4all.services.duplicate_contacts import DuplicateContacts
from chat4all.services.export_contacts import ExportContacts
from chat4all.services.import_contacts import ImportContacts
from chat4all.services.merge_contacts import MergeContacts
from chat4all.services.messages import Messages
from chat4all.services.presence import PresenceBoard
from chat4all.services.push_devices import PushDevices
from chat4all.services.roster import Process
from chat4all.services.scheduled_messages import ScheduledMessages
from chat4all.services.send_message import SendMessage
from chat4all.services.service_accounts import ServiceAccounts
from chat4all.services.session_windows import SessionWindows
from chat4all.services.sign_in import SignIn
from chat4all.services.sign_up import SignUp
from chat4all.services.stored import StoredMessages
from chat4all.services.templates import TemplateBook
from chat4all.services.users import UserProfiles
from chat4all.services.webhooks import Webhooks
from chat4all.telemetry.recent import Recent

WEB_ROOT = Path(__file__).parent.parent / "web" / "static"


class ReceiveWebhook(Protocol):
    """Takes a platform's callback in."""

    async def __call__(
        self,
        platform: str,
        account_id: str,
        method: str,
        headers: Mapping[str, str],
        query: Mapping[str, str],
        body: bytes,
    ) -> bytes:
        """Return what to answer the platform with, once the effects are durable.

        `headers` have lower-case names. Raises `WebhookRejected` for a callback that does
        not prove where it comes from, `AccountNotFound` for an unknown account.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncBatch:
    """Frames for a client that was away, the cursor after them, and whether more wait."""

    frames: Sequence[Mapping[str, object]]
    cursor: str
    more: bool


class Sync(Protocol):
    """All that happened for a user since a cursor."""

    async def __call__(
        self, viewer: UserId, cursor: str | None, *, wait: float, limit: int
    ) -> SyncBatch:
        """Return up to about `limit` frames; wait up to `wait` seconds for the first.

        Without a cursor: nothing, and the cursor of now. Raises `InvalidInput` for a
        cursor that is not ours.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RestDeps:
    """Services, and what the process itself tells.

    `ready` returns what is not ready and why; empty when all is. `connectors` are the
    installed ones by platform, `kinds` tell where they came from. `phones` is None where
    the mock platform is switched off, `operator` on a node that serves no operators.
    """

    tokens: JwtAccessTokens
    access: Access
    sign_up: SignUp
    sign_in: SignIn
    service_accounts: ServiceAccounts
    delegates: Delegates
    profiles: UserProfiles
    contacts: Contacts
    import_contacts: ImportContacts
    merge_contacts: MergeContacts
    duplicate_contacts: DuplicateContacts
    export_contacts: ExportContacts
    channels: OwnChannels
    conversations: ConversationBook
    views: ConversationViews
    presence: PresenceBoard
    accounts: ConnectorAccounts
    users: Users
    send: SendMessage
    plan: PlanDelivery
    windows: SessionWindows
    templates: TemplateBook
    stored: StoredMessages
    messages: Messages
    files: FileTools
    sync: Sync
    webhooks: Webhooks
    push: PushDevices
    scheduled: ScheduledMessages
    dead_letters: DeadLetters
    integrity: WholeCheck
    repair: Callable[[LogRange], Awaitable[Repaired]]
    audit_notes: AuditNotes
    receive_webhook: ReceiveWebhook
    ready: Callable[[], Awaitable[Mapping[str, str]]]
    metrics: Callable[[], bytes]
    processes: Callable[[], Awaitable[Sequence[Process]]]
    connectors: Mapping[str, Capabilities]
    kinds: Mapping[str, ConnectorKind[Any]] = field(default_factory=dict)
    health_of: Callable[[AccountId], Health | None] = lambda _: None
    recent: Recent = field(default_factory=Recent)
    phones: PhoneNetwork | None = None
    operator: OperatorTools | None = None
    web_root: Path = WEB_ROOT


Deps = NamedDependency[SkipValidation[RestDeps]]
"""A handler takes it as `deps`."""


def tools_of(deps: RestDeps) -> OperatorTools:
    """Return the services for operators. Raises `Unavailable` on a node that has none."""
    if deps.operator is None:
        raise Unavailable("this node does not serve operators", retry_after=60)
    return deps.operator
