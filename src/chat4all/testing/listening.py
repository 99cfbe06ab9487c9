"""Serving a simulator from inside a program, on a port of its own."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

PIECE = 64 * 1024
"""Bytes of a large body that are sent at a time."""
CUT_CONNECTION = "chat4all.cut_connection"
"""ASGI extension of our server: a function that cuts the client's connection at once."""


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
    app: App, *, host: str, port: int, before_stop: Callable[[], None]
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
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="simulator")
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


async def cut(scope: Scope, receive: Receive) -> None:
    """Cut the connection, and wait until it is gone."""
    scope["extensions"][CUT_CONNECTION]()
    while (await receive())["type"] != "http.disconnect":
        pass


async def send_body(send: Send, data: bytes) -> None:
    """Send a body in pieces, as large ones come."""
    for start in range(0, len(data), PIECE):
        piece = data[start : start + PIECE]
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def read_body(receive: Receive, *, most: int) -> bytes | None:
    """Return the body, or None when it has more than `most` bytes."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > most:
            return None
        if not message.get("more_body"):
            return bytes(body)
