"""Serves gRPC beside HTTP, where the settings say so."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from chat4all.bootstrap.clients import Clients
from chat4all.bootstrap.core import Core
from chat4all.bootstrap.extras import require
from chat4all.domain.errors import BadSettings
from chat4all.domain.ids import UserId
from chat4all.gateway.grpc.deps import GrpcDeps
from chat4all.gateway.rest.deps import RestDeps
from chat4all.ports.tracing import Untraced
from chat4all.services.subscription import Subscription
from chat4all.settings import Settings

if TYPE_CHECKING:
    from chat4all.gateway.grpc.server import Tls

log = structlog.get_logger(__name__)

Farewell = Callable[[], Awaitable[None]]


@asynccontextmanager
async def open_grpc(core: Core, clients: Clients, rest: RestDeps) -> AsyncIterator[Farewell]:
    """Serve gRPC until the context ends; yield what asks its clients to come back.

    Nothing of the library is loaded where no port is set. Raises `BadSettings`.
    """
    settings = core.settings
    if settings.grpc_port is None:
        yield _nobody
        return
    require("grpc_reflection", "grpc", "CHAT4ALL_GRPC_PORT")
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # its own lines are no JSON
    from chat4all.gateway.grpc.server import GrpcServer  # noqa: PLC0415 - of an extra, and slow

    server = GrpcServer(_deps(core, clients, rest), rest.ready)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    port = await server.start(f"{host}:{settings.grpc_port}", _tls(settings))
    try:
        core.running.start("grpc-health", server.follow)
        log.info("gRPC is served", listens_on=f"{host}:{port}")
        yield server.farewell
    finally:
        await server.aclose()


def _deps(core: Core, clients: Clients, rest: RestDeps) -> GrpcDeps:
    def subscribe(user: UserId) -> Subscription:
        return Subscription(user, clients.notifier, clients.sync)

    return GrpcDeps(
        rest=rest,
        subscribe=subscribe,
        signals=core.signals,
        source_of=partial(_source, core.settings.trusted_proxies),
        meter=core.metrics,
        tracing=core.tracing or Untraced(),
    )


async def _source(trusted: str, host: str, forwarded: str) -> str:
    """Return who asks, by the same rule as over HTTP."""
    found = host

    async def application(scope: Any, *_: object) -> None:
        nonlocal found
        found = scope["client"][0]

    headers = [(b"x-forwarded-for", forwarded.encode("latin-1"))] if forwarded else []
    scope: Any = {"type": "http", "scheme": "http", "client": (host, 0), "headers": headers}
    await ProxyHeadersMiddleware(application, trusted)(scope, _unused, _unused)
    return found


async def _unused(*_: object) -> Any:
    """Stand for a connection that nobody reads or writes."""


def _tls(settings: Settings) -> Tls | None:
    from chat4all.gateway.grpc.server import Tls  # noqa: PLC0415 - of an extra

    certificate, key = settings.grpc_tls_certificate, settings.grpc_tls_key
    if not certificate:
        return None
    return Tls(certificates=_read(certificate), key=_read(key))


def _read(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise BadSettings(f"cannot read {file} for gRPC: {error.strerror}") from error


async def _nobody() -> None:
    """Nobody is connected, so nobody is told."""
