"""Follows the requests of an application: W3C Trace Context in, and out with the answer.

The answer carries `traceresponse`: the trace it was made in, and the work within it.
https://opentelemetry.io/docs/specs/semconv/http/http-spans/
"""

from __future__ import annotations

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
from chat4all.ports.tracing import Kind, Span, Tracing
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
        status = 0
        with self._span(scope) as span:
            response = (b"traceresponse", span.context[:55].encode("ascii"))

            async def told(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                    message = {**message, "headers": [*message.get("headers", ()), response]}
                await send(message)

            try:
                await self._app(scope, receive, told)
            finally:
                route = route_of(scope)
                span.named(f"{method_of(scope)} {route}")
                span.note({"http.route": route, "http.response.status_code": status})
                if status >= _ERRORS:
                    span.failed(str(status))

    def _span(self, scope: Scope) -> Span:
        method = method_of(scope)
        attributes = {
            "http.request.method": method,
            "url.scheme": scope.get("scheme", "http"),
            "network.protocol.version": scope.get("http_version", "1.1"),
        }
        place = _place(scope)
        if place:
            return self._tracing.follow(place, method, Kind.SERVER, attributes)
        return self._tracing.begin(method, Kind.SERVER, attributes)


def _place(scope: Scope) -> str:
    parents: list[str] = []
    states: list[str] = []
    for name, value in scope["headers"]:
        if name == b"traceparent":
            parents.append(value.decode("latin-1"))
        elif name == b"tracestate":
            states.append(value.decode("latin-1"))
    return place_of(parents, states) if parents else ""
