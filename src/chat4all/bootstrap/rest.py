"""Builds what the REST API stands on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial

from chat4all.bootstrap.clients import Clients
from chat4all.bootstrap.connectors import Kind, account_id, complete_config
from chat4all.bootstrap.core import Core
from chat4all.bootstrap.fleet import Fleet
from chat4all.bootstrap.platforms import Platforms
from chat4all.bootstrap.roles.auditor import whole_check
from chat4all.domain.commands import AnnounceChange
from chat4all.domain.errors import Chat4AllError
from chat4all.domain.events import SyncCursor
from chat4all.domain.ids import AccountId, UserId
from chat4all.gateway.auth.access_tokens import JwtAccessTokens
from chat4all.gateway.rest.deps import RestDeps, SyncBatch
from chat4all.gateway.rest.operator_tools import OperatorTools
from chat4all.ports.event_log import COMMANDS, Record
from chat4all.ports.passwords import Passwords
from chat4all.ports.phones import PhoneNetwork
from chat4all.router.repair import Repair
from chat4all.services.access import Access
from chat4all.services.accounts import ConnectorAccounts
from chat4all.services.channels import OwnChannels
from chat4all.services.contacts import Contacts
from chat4all.services.conversation_views import ConversationViews
from chat4all.services.conversations import ConversationBook
from chat4all.services.dead_letters import DeadLetters
from chat4all.services.delegates import Delegates
from chat4all.services.duplicate_contacts import DuplicateContacts
from chat4all.services.export_contacts import ExportContacts
from chat4all.services.import_contacts import ImportContacts
from chat4all.services.import_history import ImportHistory
from chat4all.services.key_ring import KeyRing
from chat4all.services.merge_contacts import MergeContacts
from chat4all.services.push_devices import PushDevices
from chat4all.services.records import encode_command
from chat4all.services.roster import Roster
from chat4all.services.scheduled_messages import ScheduledMessages
from chat4all.services.service_accounts import ServiceAccounts
from chat4all.services.session_windows import SessionWindows
from chat4all.services.sign_in import SignIn, SignInLimits
from chat4all.services.sign_up import SignUp
from chat4all.services.trace import TraceMessage
from chat4all.services.users import UserProfiles
from chat4all.services.webhooks import Webhooks

Ready = Callable[[], Awaitable[Mapping[str, str]]]
"""Returns what is not ready, by name, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What a gateway tells of the process around it, and whom it tells of changed accounts.

    One that does not hear the platforms does not know how the accounts are.
    """

    roster: Roster
    ready: Ready
    account_changed: Callable[[AccountId], Awaitable[None]]
    hears_platforms: bool = True
    phones: PhoneNetwork | None = None


def rest_deps(
    core: Core,
    clients: Clients,
    platforms: Platforms,
    tokens: JwtAccessTokens,
    access: Access,
    passwords: Passwords,
    limits: SignInLimits,
    around: Around,
) -> RestDeps:
    """Return the services of the REST API."""
    directory, storage, files, kinds = core.directory, core.storage, core.files, core.kinds
    fleet, rates, ring = platforms.fleet, storage.ephemeral.rates, access.keys
    users, channels, conversations = directory.users, directory.channels, directory.conversations
    windows = SessionWindows(directory.routes, directory.accounts, core.capabilities)
    return RestDeps(
        tokens=tokens,
        access=access,
        service_accounts=_service_accounts(core, ring),
        delegates=Delegates(directory.delegations, users),
        sign_up=SignUp(users, passwords, rates, directory.keys),
        sign_in=SignIn(users, directory.tokens, passwords, tokens, ring, rates, limits=limits),
        profiles=UserProfiles(users, conversations),
        contacts=_contacts(core),
        duplicate_contacts=_duplicates(core),
        export_contacts=ExportContacts(_contacts(core), core.addresses),
        import_contacts=ImportContacts(directory.contact_batches, channels, core.addresses),
        merge_contacts=MergeContacts(directory.contact_merges, conversations),
        channels=OwnChannels(channels, directory.link_codes, core.addresses),
        conversations=_conversation_book(core),
        views=ConversationViews(users, channels, storage.messages, clients.messages, windows),
        presence=clients.presence,
        accounts=_accounts(core, around),
        users=users,
        send=clients.send,
        plan=clients.plan,
        templates=core.templates,
        windows=windows,
        stored=clients.stored,
        messages=clients.messages,
        files=files.tools,
        sync=partial(_sync, clients),
        webhooks=_webhooks(core),
        scheduled=_scheduled(core, clients),
        push=PushDevices(directory.push_subscriptions, core.push, public_key=core.push_key),
        dead_letters=DeadLetters(storage.log, storage.log),
        integrity=whole_check(core),
        repair=Repair(storage.log, storage.messages),
        audit_notes=storage.messages,
        receive_webhook=partial(_receive, fleet, _callbacks(core, kinds)),
        ready=around.ready,
        metrics=core.metrics.render,
        recent=core.metrics.recent,
        processes=around.roster.processes,
        connectors=core.capabilities,
        kinds=kinds,
        health_of=fleet.health.of if around.hears_platforms else lambda _: None,
        phones=around.phones,
        operator=_operator_tools(core, fleet),
    )


def _accounts(core: Core, around: Around) -> ConnectorAccounts:
    return ConnectorAccounts(
        core.directory.accounts,
        core.directory.users,
        complete_config=partial(complete_config, core.kinds),
        name_account=partial(account_id, core.kinds),
        on_change=around.account_changed,
    )


def _service_accounts(core: Core, ring: KeyRing) -> ServiceAccounts:
    users, keys = core.directory.users, core.directory.api_keys
    most = core.settings.api_key_per_minute
    return ServiceAccounts(users, keys, ring, most_per_minute=most)


def _webhooks(core: Core) -> Webhooks:
    directory, source = core.directory, core.settings.address
    return Webhooks(directory.endpoints, directory.deliveries, core.post, source=source)


def _scheduled(core: Core, clients: Clients) -> ScheduledMessages:
    hold = core.storage.files.records.attach
    return ScheduledMessages(core.directory.scheduled, clients.send, hold)


def _operator_tools(core: Core, fleet: Fleet) -> OperatorTools:
    log, messages = core.storage.log, core.storage.messages
    return OperatorTools(
        import_history=ImportHistory(log, messages, core.directory, core.addresses),
        trace=TraceMessage(messages, messages, messages, log),
        connector_of=fleet.connector_of,
    )


def _contacts(core: Core) -> Contacts:
    return Contacts(core.directory.users, core.directory.channels, core.addresses)


def _duplicates(core: Core) -> DuplicateContacts:
    directory = core.directory
    batches = directory.contact_batches
    return DuplicateContacts(batches, directory.users, directory.channels, core.addresses)


def _conversation_book(core: Core) -> ConversationBook:
    directory = core.directory
    told = partial(_announce, core)
    return ConversationBook(directory.conversations, directory.members, directory.users, told)


async def _announce(core: Core, change: AnnounceChange) -> None:
    record = Record(COMMANDS, change.conversation_id, encode_command(change))
    await core.storage.log.append([record])


async def _sync(
    clients: Clients, viewer: UserId, cursor: str | None, *, wait: float, limit: int
) -> SyncBatch:
    start = None if cursor is None else SyncCursor.parse(cursor)
    missed = await clients.sync.poll(viewer, start, wait=wait, limit=limit)
    frames = [frame for _, frame in missed.frames]
    return SyncBatch(frames=frames, cursor=str(missed.cursor), more=missed.more)


def _callbacks(core: Core, kinds: Mapping[str, Kind]) -> Callable[[str, str], None]:
    """Return what counts a callback by its platform and what became of it."""
    count = core.metrics.counter("chat4all.callbacks", "callbacks of platforms, by outcome")

    def counted(platform: str, outcome: str) -> None:
        # Anybody may call any address: a label has the values that there are connectors.
        count(platform=platform if platform in kinds else "unknown", outcome=outcome)

    return counted


async def _receive(
    fleet: Fleet,
    count: Callable[[str, str], None],
    platform: str,
    account_id: str,
    method: str,
    headers: Mapping[str, str],
    query: Mapping[str, str],
    body: bytes,
) -> bytes:
    if method == "GET":
        return await fleet.challenge(platform, AccountId(account_id), query)
    try:
        await fleet.webhook(platform, AccountId(account_id), headers, body)
    except Chat4AllError as error:
        count(platform, error.code)
        raise
    count(platform, "taken")
    return b"ok"
