"""Some of the roles as a process of its own, on engines that all processes share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, cast
from urllib.parse import urlsplit

from chat4all.bootstrap.clients import Clients, build_clients
from chat4all.bootstrap.core import Core, open_core
from chat4all.bootstrap.fleet import Fleet, Keep
from chat4all.bootstrap.grpc_server import open_grpc
from chat4all.bootstrap.mock import carried, has_phones, start_phones
from chat4all.bootstrap.operator import OperatorKey, operator_key
from chat4all.bootstrap.passwords import open_passwords
from chat4all.bootstrap.platforms import Platforms, open_platforms, start_receiving
from chat4all.bootstrap.readiness import Readiness, probes_of
from chat4all.bootstrap.rest import Around
from chat4all.bootstrap.roles.auditor import start_auditor
from chat4all.bootstrap.roles.connector import start_connector
from chat4all.bootstrap.roles.gateway import build_gateway
from chat4all.bootstrap.roles.notifier import start_notifier
from chat4all.bootstrap.roles.presence import start_presence
from chat4all.bootstrap.roles.push import start_push
from chat4all.bootstrap.roles.router import start_clockwork, start_router, start_upkeep
from chat4all.bootstrap.roles.scheduled import start_scheduled
from chat4all.bootstrap.roles.webhooks import start_webhooks
from chat4all.bootstrap.roster import open_roster
from chat4all.bootstrap.storage import open_engines
from chat4all.connectors.mock import DistantNetwork, DistantPhones, PhoneNetwork
from chat4all.domain.errors import BadSettings
from chat4all.domain.events import SyncCursor
from chat4all.domain.ids import AccountId, UserId
from chat4all.gateway.auth.passwords import Argon2Passwords
from chat4all.gateway.rest.operations_app import OperationsDeps, create_operations_app
from chat4all.ports.ephemeral import Bus, Routing
from chat4all.ports.event_log import COMMANDS
from chat4all.router import worker
from chat4all.services.duties import Duties
from chat4all.services.node_feed import NodeFeed
from chat4all.settings import Settings

ACCOUNTS = "accounts"
"""The bus topic on which a changed connector account is told, by its id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """What one process does: its roles, and the platforms of its role `connector`."""

    names: Collection[str]
    channels: Collection[str] | None = None


@dataclass(frozen=True, slots=True)
class RoleNode:
    """A running process: its application, its farewell, and who operates it, with a gateway."""

    app: Any
    farewell: Callable[[], Awaitable[None]]
    operator: OperatorKey | None = None


SHARED = {
    "log_url": ("kafka://HOST:9092", {"", "memory", "sqlite"}),
    "messages_url": ("mongodb://HOST/DATABASE", {"", "memory", "sqlite"}),
    "directory_url": ("cockroachdb:// or postgresql://HOST/DATABASE", {"", "memory"}),
    "ephemeral_url": ("redis://HOST:6379", {"", "memory"}),
    "objects_url": ("s3://BUCKET, or file:///FOLDER on one machine", {""}),
}
"""What each setting may be for several processes, and the schemes of engines that live in one."""


def require_shared(settings: Settings) -> None:
    """Refuse engines that live in one process. Raises `BadSettings` with what to set."""
    alone = [
        f"CHAT4ALL_{name.upper()} ({example})"
        for name, (example, embedded) in SHARED.items()
        if urlsplit(getattr(settings, name)).scheme in embedded
    ]
    if alone:
        raise BadSettings(
            "roles in processes of their own need engines that they share: set "
            f"{', '.join(alone)}; `chat4all serve` runs all roles in one process and needs none "
            "of them"
        )


@asynccontextmanager
async def open_roles(settings: Settings, roles: Roles) -> AsyncIterator[RoleNode]:
    """Run `roles` until the context ends. Raises `StartRefused`, `EngineMissing` among them."""
    async with AsyncExitStack() as stack:
        storage = await stack.enter_async_context(open_engines(settings))
        distant = DistantPhones(storage.nodes.bus)
        with_phones = "connector" in roles.names and has_phones(roles.channels)
        network = await stack.enter_async_context(
            PhoneNetwork(settings.data_dir / "phones") if with_phones else DistantNetwork(distant)
        )
        core = await stack.enter_async_context(open_core(settings, storage, network))
        keep = Duties(storage.nodes.leases).keep
        listens = keep if "connector" in roles.names else None
        platforms = await stack.enter_async_context(
            open_platforms(
                core,
                listens,
                roles.channels if listens else None,
                is_called="gateway" in roles.names,
            )
        )
        changed = partial(_changed, platforms, storage.nodes.bus)
        passwords = await stack.enter_async_context(open_passwords())
        await stack.enter_async_context(core.running)
        core.running.start("directory-news", core.news.follow)
        _start_work(core, roles.names, keep)
        if {"connector", "gateway"} & set(roles.names):
            core.running.start("distant-phones", distant.run)
            start_receiving(core, platforms, keep)
            core.running.start("accounts", partial(_follow, platforms.fleet, storage.nodes.bus))
        if with_phones:
            key = await operator_key(core.directory, passwords)
            await start_phones(core, platforms.fleet, key.user_id, changed)
        if "connector" in roles.names:
            start_connector(core, platforms, carried(roles.channels, core.kinds), keep, changed)
        needs = bool({"notifier", "presence"} & set(roles.names))
        ready = Readiness(probes_of(storage, needs_ephemeral=needs))
        roster = open_roster(storage.nodes.bus, roles.names, ready)
        core.running.start("tells-of-itself", roster.tell)
        if "gateway" in roles.names:
            core.running.start("hears-of-others", roster.hear)
            around = Around(
                roster=roster,
                ready=ready,
                account_changed=changed,
                hears_platforms=listens is not None,
                phones=distant,
            )
            yield await stack.enter_async_context(_gateway(core, platforms, passwords, around))
        else:
            deps = OperationsDeps(ready=ready, metrics=core.metrics.render)
            yield RoleNode(cast("Any", create_operations_app(deps)), nothing)


def _start_work(core: Core, names: Collection[str], keep: Keep) -> None:
    """Start what needs neither clients nor platforms."""
    if "router" in names:
        start_router(core)
        start_upkeep(core, keep)
        start_clockwork(core, keep)
        start_scheduled(core, keep)
    if "notifier" in names:
        start_notifier(core)
        start_webhooks(core, keep)
        start_push(core, keep, partial(_somewhere, core.storage.nodes.routing))
    if "auditor" in names:
        start_auditor(core, keep)
    if "presence" in names:
        start_presence(core, keep)


@asynccontextmanager
async def _gateway(
    core: Core, platforms: Platforms, passwords: Argon2Passwords, around: Around
) -> AsyncIterator[RoleNode]:
    key = await operator_key(core.directory, passwords)
    clients = _connected_clients(core)
    gateway = await build_gateway(core, clients, platforms, passwords, around)
    async with open_grpc(core, clients, gateway.rest) as farewell:
        yield RoleNode(gateway.app, gateway.farewell_with(farewell), key)


def _connected_clients(core: Core) -> Clients:
    """Build the services of clients, and bring them the events of other processes."""
    storage = core.storage

    def done() -> SyncCursor:
        places = storage.log.done(COMMANDS, worker.GROUP)
        return SyncCursor({at.partition: at.offset for at in places})

    feed = NodeFeed(storage.nodes, core.people, done)
    clients = build_clients(core, feed)
    core.running.start("clients", clients.notifier.run)
    core.running.start("node-feed", partial(feed.run, clients.notifier, clients.stored))
    core.running.start("signals", partial(core.signals.tell, clients.notifier))
    return clients


async def _somewhere(routing: Routing, users: Collection[UserId]) -> Collection[UserId]:
    return [UserId(one) for one in await routing.nodes_of(users)]


async def _changed(platforms: Platforms, bus: Bus, account: AccountId) -> None:
    """Follow a change of an account here, and have the other processes follow it."""
    await platforms.fleet.changed(account)
    await bus.publish(ACCOUNTS, account.encode())


async def _follow(fleet: Fleet, bus: Bus) -> None:
    async with bus.listen(ACCOUNTS) as payloads:

        async def ids() -> AsyncIterator[AccountId]:
            async for payload in payloads:
                yield AccountId(payload.decode())

        await fleet.follow(ids())


async def nothing() -> None:
    """Nobody is connected, so nobody is told."""
