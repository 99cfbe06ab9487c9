"""The empty POST: what Litestar, and a plain ASGI application, do at most on this machine.

They are run by the code that runs the product, so the settings of the HTTP server are the
same by construction.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import uvloop
from litestar import Litestar, post

from chat4all.bootstrap.server import listen_on, run_app
from chat4all.settings import Settings
from chat4all.telemetry.logs import configure_logs

READY = "ready.json"


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
    """Serve one of the two until SIGTERM; say where in a file of `folder`."""
    configure_logs(level="warning", json=True)
    listener = listen_on(Settings(port=0, data_dir=folder))

    def ready() -> None:
        host, port = listener.getsockname()[:2]
        (folder / READY).write_text(json.dumps({"url": f"http://{host}:{port}"}))

    await run_app(APPS[name](), listener, ready)


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], Path(sys.argv[2])))
