"""The empty POST: what Litestar, and a plain ASGI application, do at most on this machine.

They are run by the code that runs the product, so the settings of the HTTP server are the
same by construction. Beside them the empty call: what grpcio does at most, by its own settings.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import msgspec
import uvloop
from litestar import Litestar, post

from bench.grpc_sender import SEND_MESSAGE
from chat4all.bootstrap.http_server import run_app
from chat4all.bootstrap.server import listen_on
from chat4all.gateway.grpc.generated import message_service_pb2 as pb
from chat4all.gateway.grpc.server import OPTIONS
from chat4all.settings import Settings
from chat4all.telemetry.logs import configure_logs

READY = "ready.json"
GRPC = "grpc"


class Accepted(msgspec.Struct):
    """A constant answer of the size of the real one."""

    message_id: str = "00000000-0000-0000-0000-000000000000"
    conversation_id: str = "00000000-0000-0000-0000-000000000000"
    status: str = "accepted"
    accepted_at: str = "2026-01-01T00:00:00.000000Z"


ANSWER = Accepted()


@post("/v1/messages", status_code=202)
async def accept() -> Accepted:
    """Take nothing, answer the same."""
    return ANSWER


def litestar_app() -> Any:
    """Return the empty POST on Litestar, as it comes."""
    return Litestar([accept], openapi_config=None)


async def plain_app(scope: Any, receive: Any, send: Any) -> None:
    """Answer the empty POST without a framework."""
    del scope
    await receive()
    body = msgspec.json.encode(ANSWER)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 202, "headers": headers})
    await send({"type": "http.response.body", "body": body})


APPS: dict[str, Callable[[], Any]] = {"litestar": litestar_app, "asgi": lambda: plain_app}


async def serve(name: str, folder: Path) -> None:
    """Serve one of them until SIGTERM; say where in a file of `folder`."""
    configure_logs(level="warning", json=True)
    if name == GRPC:
        await _serve_calls(folder)
        return
    listener = listen_on(Settings(port=0, data_dir=folder))
    host, port = listener.getsockname()[:2]
    await run_app(APPS[name](), listener, lambda: _say(folder, host, port))


async def _serve_calls(folder: Path) -> None:
    """Answer `SendMessage` the same, whatever is asked, without reading it."""
    answer = pb.SendMessageResponse(
        message_id=ANSWER.message_id, conversation_id=ANSWER.conversation_id
    ).SerializeToString()

    async def accept_call(_request: bytes, _context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
        return answer

    service, method = SEND_MESSAGE.strip("/").split("/")
    handler: grpc.RpcMethodHandler[Any, Any] = grpc.unary_unary_rpc_method_handler(accept_call)
    server = grpc.aio.server(options=OPTIONS)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(service, {method: handler}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    _say(folder, "127.0.0.1", port)
    await stopping.wait()
    await server.stop(None)


def _say(folder: Path, host: str, port: int) -> None:
    (folder / READY).write_text(json.dumps({"url": f"http://{host}:{port}"}))


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], Path(sys.argv[2])))
