"""One node with every role: opens the engines, builds the services, keeps them running."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, cast

import structlog
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from chat4all import __version__
from chat4all.bootstrap.connectors import (
    Kind,
    build_connector,
    installed_connectors,
)
from chat4all.bootstrap.files import Files, file_keeper, file_sweeper, open_files
from chat4all.bootstrap.fleet import Fleet
from chat4all.bootstrap.fleet_watch import watch_fleet
from chat4all.bootstrap.mock import mock_account, signed_events
from chat4all.bootstrap.operator import OperatorKey, operator_key
from chat4all.bootstrap.parts import Parts
from chat4all.bootstrap.rest import rest_deps
from chat4all.bootstrap.storage import Storage, open_storage
from chat4all.bootstrap.telegram import connect_telegram
from chat4all.connectors.mock import ContactPhones, PhoneNetwork
from chat4all.domain.directory import Account
from chat4all.domain.events import Event
from chat4all.gateway.asgi import Gateway, GatewayDeps
from chat4all.gateway.auth.access_tokens import JwtAccessTokens
from chat4all.gateway.auth.passwords import Argon2Passwords
from chat4all.gateway.auth.revocations import Revocations
from chat4all.gateway.auth.signing_key import SigningKey
from chat4all.gateway.rest.app import create_rest_app
from chat4all.gateway.rest.deps import RestDeps
from chat4all.gateway.rest.read_draft import read_draft
from chat4all.gateway.rest.security_headers import BARE_HEADERS
from chat4all.gateway.ws.endpoint import WebSocketDeps, WebSocketEndpoint
from chat4all.ports.directory import Directory
from chat4all.ports.event_log import COMMANDS, EVENTS, outbound
from chat4all.router.carrier import Carrier
from chat4all.router.deadlines import DeadlineWatch
from chat4all.router.delivery import DeliveryWorker
from chat4all.router.enclosures import Enclosures
from chat4all.router.failed_deliveries import FailedDeliveries
from chat4all.router.failover import Failover
from chat4all.router.gate import Gate
from chat4all.router.planner import Planner
from chat4all.router.preflight import Preflight
from chat4all.router.preview import PreviewDelivery
from chat4all.router.windows import WindowGuard
from chat4all.router.worker import GROUP, Router
from chat4all.services.audit import Auditor
from chat4all.services.clock import utc_now
from chat4all.services.directory_cache import DirectoryCache, Freshness
from chat4all.services.directory_news import DirectoryNews
from chat4all.services.fetch_media import MediaFetcher
from chat4all.services.file_integrity import WholeIntegrity
from chat4all.services.last_channel import LastChannels
from chat4all.services.messages import Messages
from chat4all.services.notify import Notifier
from chat4all.services.people import People
from chat4all.services.presence import PresenceBoard
from chat4all.services.receive import Hooks, ReceiveInbound
from chat4all.services.send_message import Limits, SendMessage
from chat4all.services.shown_files import ShownFiles
from chat4all.services.sign_in import SignInLimits
from chat4all.services.signals import Signals
from chat4all.services.stored import StoredMessages
from chat4all.services.sync import Sync
from chat4all.services.templates import TemplateBook
from chat4all.services.watched_directory import WatchedDirectory
from chat4all.settings import Settings
from chat4all.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

TRIM_SECONDS = 600.0
"""How often processed log records past their retention are dropped."""


@dataclass(frozen=True, slots=True)
class Node:
    """A running node: its ASGI application, and the operator's key."""

    app: Gateway
    websocket: WebSocketEndpoint
    operator: OperatorKey
    settings: Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """The services that several edges share."""

    storage: Storage
    directory: Directory
    news: DirectoryNews
    people: People
    notifier: Notifier
    stored: StoredMessages
    send: SendMessage
    messages: Messages
    presence: PresenceBoard
    signals: Signals
    sync: Sync
    metrics: Metrics
    router: Router
    last_channels: LastChannels
    deadlines: DeadlineWatch
    templates: TemplateBook
    plan: PreviewDelivery


class _Observers:
    """Whom the router tells."""

    def __init__(self, notifier: Notifier, stored: StoredMessages, metrics: Metrics) -> None:
        self._notifier = notifier
        self._stored = stored
        self._metrics = metrics

    def happened(self, events: Sequence[Event]) -> None:
        self._notifier.happened(events)

    def stored(self, events: Sequence[Event]) -> None:
        self._stored.stored(events)
        self._metrics.stored(events)


def build_core(
    settings: Settings, storage: Storage, metrics: Metrics, kinds: Mapping[str, Kind]
) -> Core:
    """Build what does not depend on running connectors or tokens."""
    cache = DirectoryCache(storage.directory, fresh=Freshness(storage.cache_age))
    news = DirectoryNews(cache, storage.ephemeral.bus)
    directory = WatchedDirectory(storage.directory, cache, news)
    people = People(directory, cache)
    messages = Messages(storage.log, storage.messages, storage.messages, people)
    notifier = Notifier(storage.messages, people.peek, people.conversation, messages)
    stored = StoredMessages(storage.messages)
    last = LastChannels(storage.ephemeral.leases)
    capabilities = {platform: kind.capabilities for platform, kind in kinds.items()}
    failover = Failover(directory.failovers, storage.messages, capabilities)
    templates = TemplateBook()
    plan = PreviewDelivery(people, last, directory.routes, capabilities, templates)
    planner = Planner(people, storage.messages, last, directory.routes, failover)
    return Core(
        storage=storage,
        directory=directory,
        news=news,
        people=people,
        notifier=notifier,
        stored=stored,
        send=SendMessage(
            storage.log,
            storage.messages,
            storage.ephemeral,
            people.peek,
            people.conversation,
            limits=Limits(
                sender_rate=settings.sender_rate,
                sender_burst=5 * settings.sender_rate,
                conversation_rate=settings.conversation_rate,
                conversation_burst=4 * settings.conversation_rate,
                backlog=settings.backlog,
            ),
            check=Preflight(people, plan, capabilities),
            check_file=ShownFiles(storage.files.records, storage.files.records),
        ),
        messages=messages,
        presence=PresenceBoard(storage.nodes, directory.conversations, directory.users),
        signals=Signals(storage.ephemeral.bus, people, notifier),
        sync=Sync(storage.messages, people, notifier),
        metrics=metrics,
        router=Router(
            storage.log, storage.messages, planner, _Observers(notifier, stored, metrics)
        ),
        last_channels=last,
        deadlines=DeadlineWatch(directory.failovers, failover, storage.log),
        templates=templates,
        plan=plan,
    )


@asynccontextmanager
async def open_node(settings: Settings, *, connected: bool = True) -> AsyncIterator[Node]:
    """Run a node until the context ends; it is ready when the context begins.

    One that is not `connected` speaks to no platform: nothing is delivered, nothing polled.
    Raises `StartRefused` with what is wrong and what to do.
    """
    async with AsyncExitStack() as stack:
        storage = await stack.enter_async_context(open_storage(settings))
        metrics = Metrics(version=__version__)
        stack.callback(metrics.close)
        network = await stack.enter_async_context(PhoneNetwork(settings.data_dir / "phones"))
        kinds = installed_connectors(settings, network)
        core = build_core(settings, storage, metrics, kinds)
        files = await stack.enter_async_context(_open_files(core, settings))
        passwords = Argon2Passwords()
        stack.callback(passwords.close)
        key = await operator_key(core.directory, passwords)
        fleet = Fleet(
            core.directory.accounts,
            partial(build_connector, kinds),
            webhook_address=partial(_webhook_address, settings),
        )
        stack.push_async_callback(fleet.aclose)
        core.templates.ask(fleet.get)
        running = await stack.enter_async_context(Parts())
        await _start_core(core, running)
        enclosures = _enclosures(files, settings)
        core.plan.enclose(enclosures)
        _start_files(core, files, settings, running)
        account = await mock_account(core.directory, key.user_id, kinds)
        if connected:
            network.on_event = signed_events(fleet, account)
            fetcher = MediaFetcher(files.intake, fleet.get, meter=metrics.files)
            running.start("media", fetcher.run)
            receive = _receiver(core, fleet, kinds, fetcher)
            running.start("early-receipts", receive.early.run)
            fleet.receive_by(receive)
            await fleet.changed(account.id)
            _start_edges(core, kinds, fleet, enclosures, settings, running)
        phones = ContactPhones(network, core.directory, account=account.id)
        tokens = await _tokens(core, settings, running)
        auditor = Auditor(WholeIntegrity(storage.messages, files.integrity), metrics)
        running.start("auditor", auditor.run)
        limits = SignInLimits(
            per_source=settings.sign_in_per_minute, per_name=10 * settings.sign_in_per_minute
        )
        rest = rest_deps(core, files, tokens, passwords, fleet, kinds, phones, limits)
        websocket = _websocket(core, tokens)
        yield Node(_gateway(core, rest, tokens, websocket), websocket, key, settings)


def _gateway(
    core: Core, rest: RestDeps, tokens: JwtAccessTokens, websocket: WebSocketEndpoint
) -> Gateway:
    application = cast("Any", create_rest_app(rest))
    return Gateway(
        GatewayDeps(
            # A reverse proxy on this machine tells who asks; the send route need not know.
            rest=ProxyHeadersMiddleware(application, trusted_hosts="127.0.0.1"),
            websocket=websocket,
            tokens=tokens,
            send_message=core.send,
            read_draft=read_draft,
            meter=core.metrics,
            headers=BARE_HEADERS,
        )
    )


async def _start_core(core: Core, running: Parts) -> None:
    """Start the router and wait until it has done what was accepted before the start."""
    running.start("directory-news", core.news.follow)
    accepted = await core.storage.log.ends(COMMANDS)
    running.start("router", core.router.run)
    running.start("notifier", core.notifier.run)
    await core.router.caught_up.wait()
    core.notifier.start_from(accepted)
    running.start("signals", core.signals.run)
    storage, metrics = core.storage, core.metrics
    metrics.watch(
        "chat4all.router.lag",
        "commands accepted and not yet stored",
        lambda: storage.log.backlog(COMMANDS, GROUP),
    )
    metrics.watch(
        "chat4all.connections", "clients connected here", lambda: core.notifier.connections
    )
    metrics.watch(
        "chat4all.ephemeral.shared",
        "whether limits and presence are shared by all nodes: 1, or 0 when that state is lost",
        lambda: int(storage.is_shared()),
    )


def _open_files(core: Core, settings: Settings) -> AbstractAsyncContextManager[Files]:
    storage = core.storage
    find, keys = core.people.conversation, core.directory.keys
    meter = core.metrics.files
    return open_files(settings, storage.files, find, keys, storage.log, meter=meter)


def _start_files(core: Core, files: Files, settings: Settings, running: Parts) -> None:
    running.start("file-keeper", file_keeper(files, core.storage.log).run)
    sweeper = file_sweeper(files, core.storage.log, settings, meter=core.metrics.files)
    running.start("file-sweeper", sweeper.run)


def _enclosures(files: Files, settings: Settings) -> Enclosures:
    return Enclosures(files.library, link_for=timedelta(hours=settings.file_link_hours))


def _start_edges(
    core: Core,
    kinds: Mapping[str, Kind],
    fleet: Fleet,
    enclosures: Enclosures,
    settings: Settings,
    running: Parts,
) -> None:
    running.start("fleet", fleet.run)
    running.start("fleet-watch", partial(watch_fleet, fleet))
    core.metrics.watch_many(
        "chat4all.account.state",
        "connector accounts, by platform and state",
        ("platform", "state"),
        fleet.health.counts,
    )
    gate = Gate(core.storage.ephemeral.rates, outcomes=fleet.health)
    carrier = Carrier(
        core.storage.log,
        core.storage.messages,
        fleet,
        gate,
        windows=WindowGuard(core.directory.routes, core.templates),
        failed=FailedDeliveries(core.directory.failovers, core.directory.group_chats),
        enclosures=enclosures,
    )
    for platform in kinds:
        worker = DeliveryWorker(platform, core.storage.log, carrier)
        running.start(f"delivery-{platform}", fleet.once_started(worker.run))
    running.start("deadlines", core.deadlines.run)
    running.start("trim", partial(_trim, core, kinds, settings))
    if settings.telegram_token is not None and "telegram" in kinds:
        token = settings.telegram_token.get_secret_value()
        running.start("telegram", partial(connect_telegram, core.directory, kinds, fleet, token))


async def _trim(core: Core, kinds: Mapping[str, Kind], settings: Settings) -> None:
    streams = [COMMANDS, EVENTS, *(outbound(platform) for platform in kinds)]
    while True:
        before = datetime.now(UTC) - timedelta(days=settings.log_retention_days)
        for stream in streams:
            dropped = await core.storage.log.trim(stream, before=before)
            if dropped:
                log.info("log trimmed", stream=stream, records=dropped)
        await asyncio.sleep(TRIM_SECONDS)


async def _tokens(core: Core, settings: Settings, running: Parts) -> JwtAccessTokens:
    revocations = Revocations(core.directory.tokens, core.storage.ephemeral.bus, now=utc_now)
    await revocations.load()
    running.start("revocations", revocations.follow)
    key = await SigningKey.load(core.directory.keys)
    return JwtAccessTokens(key, revocations, issuer=settings.address, now=utc_now)


def _receiver(
    core: Core, fleet: Fleet, kinds: Mapping[str, Kind], fetcher: MediaFetcher
) -> ReceiveInbound:
    ignored = core.metrics.counter("chat4all.inbound.ignored", "inbound events without effect")
    return ReceiveInbound(
        core.directory,
        core.storage.log,
        core.storage.messages,
        Hooks(
            tell=fleet.tell,
            typing=lambda conversation, user: core.signals.typing(user, conversation),
            ignored=lambda reason: ignored(reason=reason),
            windowed=[name for name, kind in kinds.items() if kind.capabilities.session_window],
            waiting=[name for name, kind in kinds.items() if not kind.capabilities.writes_first],
            announce_file=fetcher.announce,
        ),
    )


def _websocket(core: Core, tokens: JwtAccessTokens) -> WebSocketEndpoint:
    return WebSocketEndpoint(
        WebSocketDeps(
            tokens=tokens,
            send_message=core.send,
            messages=core.messages,
            notifier=core.notifier,
            sync=core.sync,
            presence=core.presence,
            signals=core.signals,
            rates=core.storage.ephemeral.rates,
            read_draft=read_draft,
        )
    )


def _webhook_address(settings: Settings, account: Account) -> str | None:
    """Return where a platform calls back; only an https address can be reached by one."""
    if not settings.public_url.startswith("https://"):
        return None
    return f"{settings.address}/v1/webhooks/{account.platform}/{account.id}"
