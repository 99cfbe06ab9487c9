"""HTTP/1.1 as uvicorn reads it, with bounds on the head of a request.

Without them a client could keep connections for ever by never ending its headers, or make
the server's memory grow by never ending one of them.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from chat4all.bootstrap.whole_answer import WholeAnswer
from chat4all.bootstrap.zero_copy import can_send_parts
from chat4all.gateway.rest.file_response import ZERO_COPY

HEAD_BYTES = 64 * 1024
"""Bytes after which the request line and the headers must have ended."""
HEAD_SECONDS = 10.0
"""How long a new connection, and each head that comes in parts, may take."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """Ends a connection whose request head is too long or too slow."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_head = True
        self._head_bytes = 0
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in uvicorn
        """Give the client its time for the first head."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadline."""
        self._forget_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse, then look whether a head has still not ended."""
        self._head_bytes += len(data)
        super().data_received(data)
        if not self._in_head or self.transport.is_closing():
            return
        if self._head_bytes > HEAD_BYTES:
            self.send_400_response("The head of the request is too long.")
        elif self._deadline is None and self._head_bytes:
            self._expect_head()

    def on_headers_complete(self) -> None:
        """Begin with the body, or with a WebSocket."""
        self._in_head = False
        self._forget_deadline()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Be ready for the head of a next request."""
        self._in_head = True
        self._head_bytes = 0
        super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if can_send_parts(cycle.transport):
            cycle.scope["extensions"] = {ZERO_COPY: {}}
        super()._start_asgi_task(
            cycle, lambda scope, receive, _: app(scope, receive, WholeAnswer(cycle))
        )

    def _expect_head(self) -> None:
        self._deadline = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def _too_slow(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            self.transport.close()

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
