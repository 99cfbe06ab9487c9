"""WebSockets as uvicorn speaks them, for thousands that mostly listen.

Beside `send`, which waits, the scope offers to write without waiting, and the handshake is
forgotten once it was answered.
"""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request
from websockets.protocol import State

from chat4all.gateway.ws.wire import DIRECT


class DirectWebSocketProtocol(WebSocketsSansIOProtocol):
    """Offers itself in the scope as a `Direct`."""

    def handle_connect(self, event: Request) -> None:
        """Begin with the application, unless the handshake was refused."""
        super().handle_connect(event)
        if not self.handshake_complete:
            extensions: dict[Any, Any] = self.scope["extensions"]
            extensions[DIRECT] = self

    def start_keepalive(self) -> None:
        """Free the request and its answer, which was just written."""
        del self.request, self.response
        super().start_keepalive()

    def is_free(self) -> bool:
        """See `Direct.is_free`."""
        return (
            self.handshake_complete
            and self.conn.state is State.OPEN
            and self.writable.is_set()
            and not self.transport.is_closing()
        )

    def write(self, frame: bytes) -> None:
        """See `Direct.write`."""
        self.transport.write(frame)
