"""Serves a node over HTTP until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any

import structlog
import uvicorn

from chat4all.bootstrap.front import Front
from chat4all.bootstrap.http_protocol import BoundedHttpProtocol
from chat4all.bootstrap.media import require_scanner
from chat4all.bootstrap.node import open_node
from chat4all.bootstrap.operator import OperatorKey, operator_file
from chat4all.bootstrap.role_node import RoleNode, Roles, open_roles
from chat4all.bootstrap.storage import locked
from chat4all.bootstrap.websocket_protocol import DirectWebSocketProtocol
from chat4all.domain.errors import BadSettings, EngineMissing, Unavailable
from chat4all.settings import Settings
from chat4all.telemetry.logs import configure_logs

log = structlog.get_logger(__name__)

COLLECT_AFTER = (20_000, 20, 50)
"""Objects made before a collection of the youngest generation, and how the others follow."""
SWITCH_SECONDS = 0.0005
"""How long a thread that wants the interpreter lets another one keep it."""
LOOK_SECONDS = 1.0
"""How often engines are tried that were not there."""
GRACE_SECONDS = 5
"""How long open requests may take to end after the signal to stop."""

Opened = Callable[[Settings], AbstractAsyncContextManager[RoleNode]]
"""Opens what a process runs."""


async def serve(settings: Settings, *, on_ready: Callable[[str], None]) -> None:
    """Run the product until SIGINT or SIGTERM; `on_ready` is told the address.

    Raises `StartRefused` when it cannot start.
    """
    _configure_logs(settings)
    with locked(settings.data_dir):  # first: who serves the folder most likely has the port too
        listener = listen_on(settings)
    try:
        host, port = listener.getsockname()[:2]
        settings = settings.model_copy(update={"port": port})
        await require_scanner(settings)
        async with open_node(settings) as node:
            url = f"http://{host}:{port}"
            async with operator_file(settings.data_dir, node.operator, url):
                await run_app(node.app, listener, lambda: on_ready(url), on_stop=node.farewell)
    finally:
        listener.close()


async def serve_files(settings: Settings, *, on_ready: Callable[[str], None]) -> None:
    """Run the role `files` until SIGINT or SIGTERM; otherwise as `serve_roles`."""
    from chat4all.bootstrap.files_role import open_files_node  # noqa: PLC0415 - of this role only

    await _serve_once_there(settings, open_files_node, on_ready)


async def serve_roles(settings: Settings, roles: Roles, *, on_ready: Callable[[str], None]) -> None:
    """Run some of the roles until SIGINT or SIGTERM; `on_ready` is told the address.

    What its engines lack is waited for, and told by `/readyz` meanwhile. Raises
    `StartRefused` when a setting is wrong.
    """
    await _serve_once_there(settings, partial(open_roles, roles=roles), on_ready)


async def _serve_once_there(
    settings: Settings, opened: Opened, on_ready: Callable[[str], None]
) -> None:
    _configure_logs(settings)
    listener = listen_on(settings)
    try:
        host, port = listener.getsockname()[:2]
        settings = settings.model_copy(update={"port": port})
        front, url = Front(), f"http://{host}:{port}"
        working = asyncio.create_task(_work(settings, opened, front, lambda: on_ready(url)))
        answering = asyncio.create_task(
            run_app(front, listener, lambda: None, on_stop=front.farewell)
        )
        try:
            await asyncio.wait([working, answering], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (answering, working):
                task.cancel()
            await asyncio.wait([answering, working])
        for task in (working, answering):
            if not task.cancelled():
                task.result()
    finally:
        listener.close()


async def _work(
    settings: Settings, opened: Opened, front: Front, on_ready: Callable[[], None]
) -> None:
    """Run what `opened` gives as soon as its engines are there, until cancelled."""
    while True:
        try:
            await require_scanner(settings)
            async with opened(settings) as node:
                front.hand_over(node.app, node.farewell)
                async with _told(settings, node.operator):
                    on_ready()
                    await asyncio.Event().wait()
        except (EngineMissing, Unavailable) as error:
            log.warning("not ready: an engine is waited for", detail=str(error))
            front.wait_for(str(error))
        await asyncio.sleep(LOOK_SECONDS)


@asynccontextmanager
async def _told(settings: Settings, key: OperatorKey | None) -> AsyncIterator[None]:
    """Tell the command line of a gateway, as long as it runs."""
    if key is None:
        yield
        return
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    url = f"http://{settings.host}:{settings.port}"
    async with operator_file(settings.data_dir, key, url):
        yield


def _configure_logs(settings: Settings) -> None:
    configure_logs(
        level=settings.log_level,
        json=_as_json(settings),
        service=settings.service_name,
        environment=settings.environment,
    )


def _as_json(settings: Settings) -> bool:
    if settings.log_format == "auto":
        return not sys.stderr.isatty()
    return settings.log_format == "json"


def listen_on(settings: Settings) -> socket.socket:
    """Return a listening socket. Raises `BadSettings` when the address is taken."""
    try:
        return socket.create_server((settings.host, settings.port), backlog=2048)
    except OSError as error:
        raise BadSettings(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror}; "
            "choose another with --host and --port"
        ) from error


async def _nothing() -> None:
    """Do nothing when told to stop."""


async def run_app(
    app: Any,
    listener: socket.socket,
    on_ready: Callable[[], None],
    *,
    on_stop: Callable[[], Awaitable[None]] = _nothing,
) -> None:
    """Serve `app` on `listener` until it is told to stop; then `on_stop` is called first."""
    config = uvicorn.Config(
        app,
        http=BoundedHttpProtocol,
        ws=DirectWebSocketProtocol,
        ws_per_message_deflate=False,
        ws_max_size=1024 * 1024,
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = _Server(config, on_ready, on_stop)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, server.stop)
    try:
        await server.serve(sockets=[listener])
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


class _Server(uvicorn.Server):
    """Says when it is ready, and sends those away who would stay before it stops."""

    def __init__(
        self,
        config: uvicorn.Config,
        on_ready: Callable[[], None],
        on_stop: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._on_stop = on_stop
        self._farewell: asyncio.Future[None] | None = None

    def stop(self) -> None:
        """End gracefully; a second call ends at once."""
        self.force_exit = self.should_exit
        self.should_exit = True
        self._farewell = asyncio.ensure_future(self._on_stop())

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve, then say so."""
        await super().startup(sockets)
        _settle_garbage_collector()
        sys.setswitchinterval(SWITCH_SECONDS)
        self._on_ready()


def _settle_garbage_collector() -> None:
    """Leave what the start made out of every later collection, and collect less often.

    What a message needs is freed by reference counts; scanning for cycles every 700
    objects took about 16 % of the processor under load.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
