"""Counts the requests of an application."""

from __future__ import annotations

import time
from typing import Any

from chat4all.gateway.asgi import Application, Message, Meter, Receive, Scope, Send, route_of


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
            self._meter.request(scope["method"], route_of(scope), status, seconds)
