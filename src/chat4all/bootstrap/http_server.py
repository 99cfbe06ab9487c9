"""The HTTP server of a process: uvicorn with our protocols, and when it is ready."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn

from chat4all.bootstrap.http_protocol import BoundedHttpProtocol
from chat4all.bootstrap.websocket_protocol import DirectWebSocketProtocol

COLLECT_AFTER = (20_000, 20, 50)
"""Objects made before a collection of the youngest generation, and how the others follow."""
GRACE_SECONDS = 5
"""How long open requests may take to end after the signal to stop."""


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
        self._on_ready()


def _settle_garbage_collector() -> None:
    """Leave what the start made out of every later collection, and collect less often.

    What a message needs is freed by reference counts; scanning for cycles every 700
    objects took about 16 % of the processor under load.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
