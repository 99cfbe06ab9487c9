"""`python -m bench.bare_server NAME PORT`: the product's HTTP server with nothing behind it.

It imports nothing of the product, so that its start and its memory are those of the stack
alone: uvicorn with uvloop and httptools, without a framework (`asgi`) or with `litestar`,
or `broadcast`, which carries the body of a POST to all its WebSockets.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import uvicorn

IDLE = "bearer.idle"


async def plain_app(scope: Any, receive: Any, send: Any) -> None:
    """Answer everything by 200 and `{}`."""
    del scope
    await receive()
    await _answer(send, 200, b"{}")


async def _answer(send: Any, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def litestar_app() -> Any:
    """Return an application of Litestar that answers `/readyz` alone."""
    from litestar import Litestar, get  # noqa: PLC0415 - it is what the other does without

    @get("/readyz")
    async def ready() -> dict[str, str]:
        return {}

    return Litestar([ready], openapi_config=None)


class Broadcast:
    """Writes what is posted to every WebSocket, as one frame that is the same for all.

    Who connects is told `ready`, as by the product, and what they say is not listened to. Those
    that offer the subprotocol `IDLE` are told nothing more.
    """

    def __init__(self) -> None:
        self._sends: dict[int, Any] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Take a POST, or a WebSocket until it ends."""
        if scope["type"] == "websocket":
            listens = IDLE not in scope.get("subprotocols", ())
            await self._keep(receive, send, listens=listens)
        else:
            await self._post(receive, send)

    async def _keep(self, receive: Any, send: Any, *, listens: bool) -> None:
        await receive()
        await send({"type": "websocket.accept", "subprotocol": "chat4all.v1"})
        await send({"type": "websocket.send", "text": '{"type":"ready","cursor":"none"}'})
        if listens:
            self._sends[id(send)] = send
        try:
            while (await receive())["type"] != "websocket.disconnect":
                pass
        finally:
            self._sends.pop(id(send), None)

    async def _post(self, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            event = await receive()
            body, more = body + event.get("body", b""), event.get("more_body", False)
        if not body:
            await _answer(send, 200, b"{}")
            return
        at = body.index(b'"message_id":"') + 14
        await _answer(send, 202, b'{"message_id":"%b"}' % body[at : at + 36])
        frame = {"type": "websocket.send", "text": body.decode()}
        for tell in list(self._sends.values()):
            await tell(frame)


APPS: dict[str, Callable[[], Any]] = {
    "asgi": lambda: plain_app,
    "litestar": litestar_app,
    "broadcast": Broadcast,
}


def main() -> None:
    """Serve until SIGTERM."""
    name, port = sys.argv[1:]
    uvicorn.run(
        APPS[name](),
        port=int(port),
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
    )


if __name__ == "__main__":
    main()
