"""The role `files` as a process of its own: the bytes of files, beside a server that does the rest.

It shares the directory, the records of files, the objects and the signing keys with the server of
the same data folder, and needs neither the log nor the messages, so it takes no lock.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any, cast

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from chat4all.adapters.memory.ephemeral import MemoryEphemeral
from chat4all.bootstrap.file_storage import FileStorage, open_file_storage
from chat4all.bootstrap.files import open_files
from chat4all.bootstrap.parts import Parts
from chat4all.bootstrap.readiness import NOBODY, Probe, Readiness
from chat4all.bootstrap.role_node import RoleNode, nothing
from chat4all.bootstrap.roster import open_roster
from chat4all.bootstrap.storage import open_directory, open_shared
from chat4all.bootstrap.telemetry import open_telemetry
from chat4all.domain.errors import BadSettings, StartRefused, Unavailable
from chat4all.domain.ids import FileId
from chat4all.gateway.auth.access_tokens import JwtAccessTokens
from chat4all.gateway.auth.revocations import Revocations
from chat4all.gateway.auth.signing_key import SigningKey
from chat4all.gateway.metered import Metered
from chat4all.gateway.rest.cross_origin import CrossOrigin
from chat4all.gateway.rest.files_app import FilesDeps, create_files_app
from chat4all.gateway.traced import Traced
from chat4all.ports.directory import Directory
from chat4all.ports.object_store import checked_key
from chat4all.services.access import Access
from chat4all.services.clock import utc_now
from chat4all.services.key_ring import KeyRing
from chat4all.settings import Settings

RELOAD_SECONDS = 2.0
"""How often revocations are read: that late a revoked token ends here."""


@asynccontextmanager
async def open_files_node(settings: Settings) -> AsyncIterator[RoleNode]:
    """Run the role until the context ends. Raises `StartRefused`, `EngineMissing` among them."""
    _require_shared(settings)
    async with AsyncExitStack() as stack:
        directory = await stack.enter_async_context(open_directory(settings))
        storage = await stack.enter_async_context(open_file_storage(settings))
        telemetry = await stack.enter_async_context(open_telemetry(settings))
        metrics = telemetry.metrics
        find, keys = directory.conversations.get, directory.keys
        files = await stack.enter_async_context(
            open_files(settings, storage, find, keys, None, meter=metrics.files)
        )
        running = await stack.enter_async_context(Parts())
        ready = Readiness(_probes(directory, storage))
        running.start("tells-of-itself", partial(_tell, settings, ready))
        deps = FilesDeps(
            access=await _access(directory, running),
            files=files.tools,
            ready=ready,
            metrics=metrics.render,
        )
        app = cast("Any", create_files_app(deps))
        behind_proxy = ProxyHeadersMiddleware(app, settings.trusted_proxies)
        metered = Metered(CrossOrigin(behind_proxy, home=settings.public_url), metrics)
        tracing = telemetry.tracing
        yield RoleNode(metered if tracing is None else Traced(metered, tracing), nothing)


def _require_shared(settings: Settings) -> None:
    for name in ("directory_url", "messages_url"):
        if getattr(settings, name).startswith("memory:"):
            raise BadSettings(
                f"CHAT4ALL_{name.upper()}: memory:// is not shared with another process; the role "
                "files needs the databases of the server"
            )


def _probes(directory: Directory, storage: FileStorage) -> dict[str, Probe]:
    return {
        "directory": partial(directory.users.by_username, "operator"),
        "messages": partial(storage.records.get_many, [FileId(NOBODY)]),
        "objects": partial(storage.objects.stat, checked_key("ready")),
    }


async def _tell(settings: Settings, ready: Readiness) -> None:
    """Tell who shows it that there is this process; its work needs no Redis."""
    try:
        async with open_shared(settings, MemoryEphemeral()) as shared:
            await open_roster(shared.bus, ["files"], ready).tell()
    except StartRefused as error:
        raise Unavailable(str(error)) from error


async def _access(directory: Directory, running: Parts) -> Access:
    tokens = await _tokens(directory, running)
    ring = KeyRing(directory.api_keys, directory.users, tokens)
    return Access(tokens, ring, directory.delegations, MemoryEphemeral().rates)


async def _tokens(directory: Directory, running: Parts) -> JwtAccessTokens:
    revocations = Revocations(directory.tokens, MemoryEphemeral().bus, now=utc_now)
    await revocations.load()

    async def reload() -> None:
        while True:
            await asyncio.sleep(RELOAD_SECONDS)
            await revocations.load()

    running.start("revocations", reload)
    key = await SigningKey.load(directory.keys)
    return JwtAccessTokens(key, revocations, issuer=None, now=utc_now)
