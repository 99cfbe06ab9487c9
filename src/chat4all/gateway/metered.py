"""Counts the requests of an application."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
_METHODS = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"}
)


class Meter(Protocol):
    """Who counts requests."""

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        ...


class Metered:
    """An ASGI application whose requests are counted by route and status."""

    def __init__(self, app: Any, meter: Meter) -> None:
        self._app: Application = app
        self._meter = meter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; what is not HTTP goes through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 0

        async def counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, counted)
        finally:
            seconds = time.perf_counter() - started
            self._meter.request(method_of(scope), route_of(scope), status, seconds)


def method_of(scope: Scope) -> str:
    """Return the method, or `_OTHER` for one that HTTP does not have: a caller may invent any.

    https://opentelemetry.io/docs/specs/semconv/registry/attributes/http/
    """
    method: str = scope["method"]
    return method if method in _METHODS else "_OTHER"


def route_of(scope: Scope) -> str:
    """Return the template of the route that answered, so that series stay few."""
    known: str | None = scope.get("chat4all.route")
    if known is not None:
        return known
    template: str = scope.get("path_template") or "unmatched"
    return template
