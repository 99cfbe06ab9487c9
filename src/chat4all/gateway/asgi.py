"""The gateway's front door: hands each connection to who serves it.

`POST /v1/messages` is the one call that decides how much a node can take, so its plain case
is answered here, before the framework. Whatever is not plain - another media type, a
`Prefer` header, a body that cannot be read, an API key, a bad token - goes on to the REST
application with its body intact: there is one implementation of every refusal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec

from chat4all.domain.drafts import Draft
from chat4all.domain.errors import Chat4AllError, InvalidInput, InvalidToken
from chat4all.gateway.metered import Message, Meter, Metered, Receive, Scope, Send
from chat4all.gateway.rest import bearer
from chat4all.gateway.rest.problems import (
    MEDIA_TYPE,
    STATUS,
    headers_of,
    incident_of,
    problem_of,
)
from chat4all.gateway.traced import Traced
from chat4all.ports.access_tokens import AccessTokens, Principal
from chat4all.ports.tracing import Tracing
from chat4all.services.send_message import Accepted, SendMessage

MAX_BODY = 256 * 1024
ON_BEHALF_OF = bearer.ON_BEHALF_OF.encode()
_PLAIN: dict[bytes, tuple[bytes, ...]] = {
    b"content-type": (b"application/json",),
    b"accept": (b"*/*", b"application/json"),
    b"content-encoding": (),
    b"prefer": (),
    ON_BEHALF_OF: (),
}
"""Headers that make a request unusual, unless they have one of these values."""
_OURS = HTTPStatus.INTERNAL_SERVER_ERROR
_encode = msgspec.json.Encoder().encode


class _Answer(msgspec.Struct):
    message_id: str
    conversation_id: str
    status: str
    accepted_at: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayDeps:
    """What the front door needs: `read_draft` parses the body of a send.

    Without `tracing` nothing is followed, and no answer names a trace.
    """

    rest: Any
    websocket: Any
    tokens: AccessTokens
    send_message: SendMessage
    read_draft: Callable[[bytes], Draft]
    meter: Meter
    headers: tuple[tuple[bytes, bytes], ...]
    tracing: Tracing | None = None


class Gateway:
    """The ASGI application of a gateway node."""

    def __init__(self, deps: GatewayDeps) -> None:
        self._deps = deps
        metered = Metered(self._http, deps.meter)
        self._serve = metered if deps.tracing is None else Traced(metered, deps.tracing)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request or WebSocket connection."""
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
            return
        await self._serve(scope, receive, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/v1/ws":
            await self._deps.websocket(scope, receive, send)
            return
        await receive()
        await send({"type": "websocket.close", "code": 1000})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_http = scope["type"] == "http"
        if is_http and scope["path"] == "/v1/messages" and scope["method"] == "POST":
            token = _plain_token(scope)
            if token is not None:
                await self._send_message(token, scope, receive, send)
                return
        await self._deps.rest(scope, receive, send)

    async def _send_message(self, token: str, scope: Scope, receive: Receive, send: Send) -> None:
        event = await receive()
        body: bytes = event.get("body", b"")
        plain = event["type"] == "http.request" and not event.get("more_body", False)
        try:
            if not plain or len(body) > MAX_BODY:
                raise InvalidInput("not the plain case")
            principal: Principal = self._deps.tokens.verify(token)
            if principal.key is not None:
                raise InvalidInput("not the plain case")
            draft = self._deps.read_draft(body)
        except (InvalidToken, InvalidInput):
            await self._deps.rest(scope, _again(event, receive), send)
            return
        try:
            accepted = await self._deps.send_message(principal.user_id, draft)
        except Exception as error:  # noqa: BLE001 - the edge: whatever it is, a problem answers it
            await self._refuse(error, scope["path"], send)
            return
        scope["chat4all.route"] = "/v1/messages"
        await self._respond(202, b"application/json", _encode(_answer(accepted)), (), send)

    async def _refuse(self, error: Exception, path: str, send: Send) -> None:
        if isinstance(error, Chat4AllError) and STATUS[type(error)] is not _OURS:
            problem, told = problem_of(error, instance=path), headers_of(error)
        else:
            problem, told = incident_of(error, "POST", path), {}
        extra = tuple((name.lower().encode(), value.encode()) for name, value in told.items())
        no_store = (b"cache-control", b"no-store")
        body = _encode(problem)
        await self._respond(problem.status, MEDIA_TYPE.encode(), body, (no_store, *extra), send)

    async def _respond(
        self,
        status: int,
        media_type: bytes,
        body: bytes,
        extra: tuple[tuple[bytes, bytes], ...],
        send: Send,
    ) -> None:
        headers = (
            (b"content-type", media_type),
            (b"content-length", b"%d" % len(body)),
            *extra,
            *self._deps.headers,
        )
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _answer(accepted: Accepted) -> _Answer:
    return _Answer(
        message_id=accepted.message_id,
        conversation_id=accepted.conversation_id,
        status="accepted",
        accepted_at=accepted.accepted_at,
    )


def _plain_token(scope: Scope) -> str | None:
    """Return the bearer token of a request in the plain case, else None."""
    if scope["query_string"]:
        return None
    token = None
    for name, value in scope["headers"]:
        if name == b"authorization":
            if token is not None or value[:7].lower() != b"bearer ":
                return None
            token = value[7:].strip().decode("latin-1")
        elif name in _PLAIN and value not in _PLAIN[name]:
            return None
    return token or None


def _again(first: Message, receive: Receive) -> Receive:
    """Return a `receive` that begins with the event that was already taken."""
    waiting = [first]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again
