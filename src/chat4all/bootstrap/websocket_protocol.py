"""WebSockets as uvicorn speaks them, for thousands that mostly listen.

Beside `send`, which waits, the scope offers to write without waiting, and the handshake is
forgotten once it was answered.
"""

from __future__ import annotations

from typing import Any

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request
from websockets.protocol import State

from chat4all.gateway.ws.wire import DIRECT


class DirectWebSocketProtocol(WebSocketsSansIOProtocol):
    """Offers itself in the scope as a `Direct`."""

    _free = False

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

    def pause_writing(self) -> None:
        """Be no longer free: the client lags."""
        super().pause_writing()
        self._look()

    def resume_writing(self) -> None:
        """Be free again."""
        super().resume_writing()
        self._look()

    def data_received(self, data: bytes) -> None:
        """Take what the client says, which may be that it leaves."""
        super().data_received(data)
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """Be no longer free."""
        super().connection_lost(exc)
        self._look()

    def shutdown(self) -> None:
        """Tell the client to leave."""
        super().shutdown()
        self._look()

    def keepalive_timeout(self) -> None:
        """Give up a client that does not answer."""
        super().keepalive_timeout()
        self._look()

    async def send(self, message: ASGISendEvent) -> None:
        """Send what may have to wait, or closes."""
        await super().send(message)
        self._look()

    def is_free(self) -> bool:
        """See `Direct.is_free`."""
        return self._free and not self.transport.is_closing()

    def write(self, frame: bytes) -> None:
        """See `Direct.write`."""
        self.transport.write(frame)

    def _look(self) -> None:
        # Asked before every frame to everybody, so it is found out when it may have changed.
        self._free = (
            self.handshake_complete
            and not self.disconnected
            and self.conn.state is State.OPEN
            and self.writable.is_set()
        )
