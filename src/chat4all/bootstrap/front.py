"""Answers for a process whose engines are not there yet, then hands over to its application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from chat4all.domain.errors import Unavailable
from chat4all.gateway.metered import Application, Receive, Scope, Send
from chat4all.gateway.rest.problems import MEDIA_TYPE, headers_of, problem_of

RETRY_AFTER = 1.0
"""Seconds after which a request is worth repeating."""


class Front:
    """An ASGI application in front of one that may come later.

    Until it comes, `/healthz` says that the process lives and all else is answered 503 with
    what is waited for.
    """

    def __init__(self) -> None:
        self._inner: Application | None = None
        self._farewell: Callable[[], Awaitable[None]] | None = None
        self._waits_for = "the process starts"

    def hand_over(self, inner: Application, farewell: Callable[[], Awaitable[None]]) -> None:
        """Have `inner` answer from now on; `farewell` is called when the process stops."""
        self._inner, self._farewell = inner, farewell

    def wait_for(self, what: str) -> None:
        """Say what is missing."""
        self._inner, self._waits_for = None, what

    async def farewell(self) -> None:
        """Send away who would stay."""
        if self._farewell is not None:
            await self._farewell()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or connection."""
        if self._inner is not None:
            await self._inner(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1013})
        elif scope["type"] == "http":
            await self._answer(scope["path"], send)

    async def _answer(self, path: str, send: Send) -> None:
        if path == "/healthz":
            await _respond(send, 200, "application/json", b'{"status":"ok"}', {})
            return
        error = Unavailable(f"not ready: {self._waits_for}", retry_after=RETRY_AFTER)
        body = msgspec.json.encode(problem_of(error, instance=path))
        await _respond(send, 503, MEDIA_TYPE, body, headers_of(error))


async def _respond(
    send: Send, status: int, media_type: str, body: bytes, more: dict[str, str]
) -> None:
    told = {"content-type": media_type, "content-length": str(len(body)), **more}
    headers = [(name.lower().encode(), value.encode()) for name, value in told.items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
