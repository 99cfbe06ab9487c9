"""Serving the simulator from inside a program, on a port of its own."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from chat4all.testing.telegram.asgi import CUT_CONNECTION

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from chat4all.testing.telegram.asgi import Receive, Scope, Send, TelegramApp


class _CuttableProtocol(H11Protocol):
    """Gives the application the power to cut the connection it is answering on."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        app: Any = self.app

        async def with_cut(scope: Scope, receive: Receive, send: Send) -> None:
            scope.setdefault("extensions", {})[CUT_CONNECTION] = transport.abort
            await app(scope, receive, send)

        self.app = with_cut


class _Server(uvicorn.Server):
    """Leaves signals to the program around it, and says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()
        self.stopping = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        await self.stopping.wait()  # instead of looking ten times a second

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.ready.set()


@asynccontextmanager
async def listening(
    app: TelegramApp, *, host: str, port: int, before_stop: Callable[[], None]
) -> AsyncIterator[str]:
    """Serve `app` and give the URL; port 0 takes a free one.

    `before_stop` has to end all long polls, which would hold up the stop. Raises `OSError`
    when the port is taken.
    """
    listener = socket.create_server((host, port))
    config = uvicorn.Config(
        app,
        http=_CuttableProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=2,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="telegram-simulator")
    serving.add_done_callback(lambda _: server.ready.set())  # a failed start ends the wait too
    try:
        await server.ready.wait()
        if serving.done():
            raise OSError(f"The simulator could not listen on {host}:{port}.")
        yield f"http://{host}:{listener.getsockname()[1]}"
    finally:
        before_stop()
        server.stopping.set()
        await serving
