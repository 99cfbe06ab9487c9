"""A raw HTTP/1.1 client: one request at a time on a connection that is kept.

It understands what our servers answer (a content-length, no chunks) and costs so little
that the server is the limit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import cast

_REFUSED = 400
Answered = Callable[["Connection", int, bytes, float], None]
"""Called with the connection, the status, the body and the moment it was complete."""


def request(
    method: str, path: str, *, host: str, token: str = "", body: bytes = b"", json: bool = True
) -> bytes:
    """Return the bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", f"host: {host}", "accept: */*"]
    if token:
        lines.append(f"authorization: Bearer {token}")
    if json and body:
        lines.append("content-type: application/json")
    if body or method == "POST":
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


class Connection(asyncio.Protocol):
    """One kept connection; `answered` hears of every complete answer."""

    def __init__(self, answered: Answered) -> None:
        self._answered = answered
        self._buffer = b""
        self._body_at = 0
        self._need = 0
        self._status = 0
        self.lane = 0
        self.due = 0.0
        self.asked = False
        self.lost = False
        self.retry_after = False
        """Whether the last answer said when to come again."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self.transport = cast("asyncio.Transport", transport)  # TCP has no other kind

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """See `asyncio.Protocol`: what was asked and not answered counts as status 0."""
        self.lost = True
        if self.asked:
            self.asked = False
            self._answered(self, 0, b"", perf_counter())

    def send(self, raw: bytes) -> None:
        """Send a request; the previous one was answered."""
        self.asked = True
        self.transport.write(raw)

    def close(self) -> None:
        """End the connection."""
        self.transport.close()

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        self._buffer = buffer = self._buffer + data if self._buffer else data
        if not self._need and not self._read_head(buffer):
            return
        if len(buffer) < self._need:
            return
        body = buffer[self._body_at : self._need]
        self._buffer = buffer[self._need :]
        self._need = 0
        self.asked = False
        self._answered(self, self._status, body, perf_counter())

    def _read_head(self, buffer: bytes) -> bool:
        end = buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        at = buffer.find(b"content-length: ", 0, end)
        if at < 0:
            at = buffer[:end].lower().find(b"content-length: ")
        length = int(buffer[at + 16 : buffer.find(b"\r\n", at)]) if at >= 0 else 0
        self._status = int(buffer[9:12])
        self.retry_after = self._status >= _REFUSED and b"\r\nretry-after: " in buffer[:end].lower()
        self._body_at = end + 4
        self._need = self._body_at + length
        return True


class Asker:
    """A connection for single questions, such as the history; made anew when it was lost."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._waiting: asyncio.Future[tuple[int, bytes]] | None = None
        self._connection: Connection | None = None

    async def ask(self, raw: bytes) -> tuple[int, bytes]:
        """Send a request; return status and body, status 0 when the connection was lost."""
        loop = asyncio.get_running_loop()
        if self._connection is None or self._connection.lost:
            connection = self._connection = Connection(self._heard)
            await loop.create_connection(lambda: connection, self._host, self._port)
        self._waiting = loop.create_future()
        self._connection.send(raw)
        return await self._waiting

    def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            self._connection.close()

    def _heard(self, _: Connection, status: int, body: bytes, __: float) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result((status, body))
