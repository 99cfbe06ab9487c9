"""One node with every role: the parts that are processes elsewhere, joined directly.

What happens is told to the clients as soon as the log has it, before the store does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from chat4all.bootstrap.clients import Clients, build_clients
from chat4all.bootstrap.core import Core, open_core
from chat4all.bootstrap.fleet import here
from chat4all.bootstrap.grpc_server import open_grpc
from chat4all.bootstrap.mock import mock_account, signed_events
from chat4all.bootstrap.operator import OperatorKey
from chat4all.bootstrap.platforms import open_platforms, start_receiving
from chat4all.bootstrap.readiness import Readiness, probes_of
from chat4all.bootstrap.rest import Around
from chat4all.bootstrap.roles.auditor import start_auditor
from chat4all.bootstrap.roles.connector import start_connector
from chat4all.bootstrap.roles.gateway import build_gateway
from chat4all.bootstrap.roles.push import start_push
from chat4all.bootstrap.roles.router import start_clockwork, start_router, start_upkeep
from chat4all.bootstrap.roles.scheduled import start_scheduled
from chat4all.bootstrap.roles.webhooks import start_webhooks
from chat4all.bootstrap.roster import open_roster
from chat4all.bootstrap.storage import Storage
from chat4all.connectors.mock import ContactPhones, PhoneNetwork
from chat4all.domain.events import Event, Position
from chat4all.domain.ids import UserId
from chat4all.gateway.asgi import Gateway
from chat4all.gateway.auth.passwords import Argon2Passwords
from chat4all.ports.event_log import COMMANDS
from chat4all.ports.tracing import Traces
from chat4all.router.worker import Router
from chat4all.services.notify import Notifier
from chat4all.settings import Settings

ROLES = ("gateway", "router", "connector", "notifier", "presence", "files", "auditor")


@dataclass(frozen=True, slots=True)
class Node:
    """A running node: its ASGI application, its farewell to clients, the operator's key."""

    app: Gateway
    farewell: Callable[[], Awaitable[None]]
    operator: OperatorKey
    settings: Settings


@asynccontextmanager
async def run_node(
    settings: Settings,
    storage: Storage,
    passwords: Argon2Passwords,
    key: OperatorKey,
    *,
    connected: bool,
) -> AsyncIterator[Node]:
    """Run a node on what is open already; see `open_node`."""
    async with AsyncExitStack() as stack:
        network = await stack.enter_async_context(PhoneNetwork(settings.data_dir / "phones"))
        core = await stack.enter_async_context(open_core(settings, storage, network))
        platforms = await stack.enter_async_context(open_platforms(core, here))
        await stack.enter_async_context(core.running)
        clients = build_clients(core)
        router = await _start_pipeline(core, clients)
        start_upkeep(core, here)
        start_auditor(core, here, speaks=connected)
        account = await mock_account(core.directory, key.user_id, core.kinds)
        if connected:
            network.on_event = signed_events(platforms.fleet, account)
            start_receiving(core, platforms, here)
            await platforms.fleet.changed(account.id)
            start_connector(core, platforms, core.kinds, here, platforms.fleet.changed)
            start_clockwork(core, here)
            start_scheduled(core, here)
            start_webhooks(core, here)
            start_push(core, here, partial(_connected, clients.notifier))
        engines = Readiness(probes_of(storage, needs_ephemeral=False))
        ready = partial(_ready, router, engines)
        around = Around(
            roster=open_roster(storage.nodes.bus, ROLES, ready),
            ready=ready,
            account_changed=platforms.fleet.changed,
            phones=ContactPhones(network, core.directory, account=account.id),
        )
        gateway = await build_gateway(core, clients, platforms, passwords, around)
        grpc = await stack.enter_async_context(open_grpc(core, clients, gateway.rest))
        yield Node(gateway.app, gateway.farewell_with(grpc), key, settings)


async def _start_pipeline(core: Core, clients: Clients) -> Router:
    """Start the router and wait until it has done what was accepted before the start."""
    core.running.start("directory-news", core.news.follow)
    accepted = await core.storage.log.ends(COMMANDS)
    router = start_router(core, _Joined(clients))
    core.running.start("notifier", clients.notifier.run)
    await router.caught_up.wait()
    clients.notifier.start_from(accepted)
    core.running.start("signals", partial(core.signals.tell, clients.notifier))
    return router


class _Joined:
    """The router of this process tells the clients of this process."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def happened(self, events: Sequence[Event], traces: Traces) -> None:
        self._clients.notifier.happened(events, traces)

    def stored(self, events: Sequence[Event]) -> None:
        self._clients.stored.stored(events)

    def done(self, positions: Collection[Position]) -> None:
        self._clients.notifier.done(positions)


async def _connected(notifier: Notifier, users: Collection[UserId]) -> Collection[UserId]:
    return [one for one in users if notifier.is_connected(one)]


async def _ready(router: Router, engines: Readiness) -> Mapping[str, str]:
    if not router.caught_up.is_set():
        return {"router": "it stores what was accepted before the start"}
    return await engines()
