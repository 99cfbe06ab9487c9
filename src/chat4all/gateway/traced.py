"""Follows the requests of an application: W3C Trace Context in, and out with the answer.

The answer carries `traceresponse`: the trace it was made in, and the work within it.
https://opentelemetry.io/docs/specs/semconv/http/http-spans/
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from chat4all.gateway.metered import (
    Application,
    Message,
    Receive,
    Scope,
    Send,
    method_of,
    route_of,
)
from chat4all.ports.tracing import Kind, Span, Tracing, is_sampled
from chat4all.telemetry.trace_context import place_of

QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
"""What machines ask every few seconds, and nobody wants to follow."""
_ERRORS = 500


class Traced:
    """An ASGI application whose requests are followed.

    Of a request its method, its route and how it was answered are told; not its address,
    which may hold ids of people and signatures, nor who asked.
    """

    def __init__(self, app: Any, tracing: Tracing) -> None:
        self._app: Application = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; what is not HTTP goes through."""
        if scope["type"] != "http" or scope["path"] in QUIET:
            await self._app(scope, receive, send)
            return
        span = self._span(scope)
        told = _Told(send, span.context)
        with span:
            try:
                await self._app(scope, receive, told)
            finally:
                if is_sampled(span.context):
                    _tell(span, scope, told.status)

    def _span(self, scope: Scope) -> Span:
        method, place = method_of(scope), _place(scope)
        if place:
            return self._tracing.follow(place, method, Kind.SERVER)
        return self._tracing.begin(method, Kind.SERVER)


class _Told:
    """A `Send` that says in which trace the answer was made, and knows how it was answered."""

    __slots__ = ("_place", "_send", "status")

    def __init__(self, send: Send, place: str) -> None:
        self._send = send
        self._place = place
        self.status = 0

    def __call__(self, message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            response = (b"traceresponse", self._place[:55].encode("ascii"))
            message = {**message, "headers": [*message.get("headers", ()), response]}
        return self._send(message)


def _tell(span: Span, scope: Scope, status: int) -> None:
    method, route = method_of(scope), route_of(scope)
    span.named(f"{method} {route}")
    span.note(
        {
            "http.request.method": method,
            "url.scheme": scope.get("scheme", "http"),
            "network.protocol.version": scope.get("http_version", "1.1"),
            "http.route": route,
            "http.response.status_code": status,
        }
    )
    if status >= _ERRORS:
        span.failed(str(status))


def _place(scope: Scope) -> str:
    parents: list[str] = []
    states: list[str] = []
    for name, value in scope["headers"]:
        if name == b"traceparent":
            parents.append(value.decode("latin-1"))
        elif name == b"tracestate":
            states.append(value.decode("latin-1"))
    return place_of(parents, states) if parents else ""
