"""A raw WebSocket client that receives pushes, and resumes when it was cut off.

https://www.rfc-editor.org/rfc/rfc6455#section-5.2
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections.abc import Callable
from time import perf_counter
from typing import cast

PING_EVERY = 15.0
TEXT, _CLOSE, _PING = 0x81, 0x88, 0x89
_SHORT, _LONG = 126, 127

Arrived = Callable[[str, int, float], None]
"""Called with the message id, its seq and the moment of arrival."""


def masked(opcode: int, content: bytes) -> bytes:
    """Return a client's frame: masked, as it must be."""
    mask = os.urandom(4)
    length = len(content)
    if length < _SHORT:
        head = bytes((opcode, 0x80 | length))
    else:
        head = bytes((opcode, 0x80 | _SHORT)) + length.to_bytes(2, "big")
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(content))


class Frames:
    """Cuts a stream of bytes into the frames of a server."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Return the frames that are complete, as (first byte, content)."""
        buffer = self._rest + data if self._rest else data
        found: list[tuple[int, bytes]] = []
        at, size = 0, len(buffer)
        while size - at >= 2:  # noqa: PLR2004 - the shortest head
            length, body = buffer[at + 1] & 0x7F, at + 2
            if length == _SHORT:
                body = at + 4
                length = int.from_bytes(buffer[at + 2 : body], "big")
            elif length == _LONG:
                body = at + 10
                length = int.from_bytes(buffer[at + 2 : body], "big")
            if body > size or size < body + length:
                break
            found.append((buffer[at], buffer[body : body + length]))
            at = body + length
        self._rest = buffer[at:]
        return found


class SocketClient(asyncio.Protocol):
    """One user's WebSocket, connected again with `resume` whenever the server ends it."""

    def __init__(self, host: str, port: int, token: str, arrived: Arrived) -> None:
        self._host, self._port, self._token = host, port, token
        self._arrived = arrived
        self._last = b""
        self._cursor = ""
        self._ended = False
        self._again: asyncio.Task[None] | None = None
        self.reconnects = 0

    async def connect(self) -> None:
        """Connect, sign in, and return once the server is ready."""
        loop = asyncio.get_running_loop()
        self._frames = Frames()
        self._upgraded = False
        self._head = b""
        self._ready: asyncio.Future[None] = loop.create_future()
        await loop.create_connection(lambda: self, self._host, self._port)
        await asyncio.wait_for(self._ready, 10)

    def close(self) -> None:
        """End the connection for good."""
        self._ended = True
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast("asyncio.Transport", transport)  # TCP has no other kind
        key = base64.b64encode(os.urandom(16)).decode()
        self._transport.write(
            (
                f"GET /v1/ws HTTP/1.1\r\nhost: {self._host}:{self._port}\r\n"
                "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
                f"sec-websocket-key: {key}\r\n"
                f"sec-websocket-protocol: chat4all.v1, bearer.{self._token}\r\n\r\n"
            ).encode()
        )

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """See `asyncio.Protocol`."""
        if self._ended:
            return
        if not self._ready.done():
            self._ready.set_exception(ConnectionError("the server ended the WebSocket"))
            return
        self.reconnects += 1
        self._again = asyncio.ensure_future(self.connect())

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        now = perf_counter()
        if not self._upgraded:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            if not self._head.startswith(b"HTTP/1.1 101"):
                self._transport.close()
                return
            self._upgraded = True
            data = self._head[end + 4 :]
        for first, content in self._frames.feed(data):
            if first == TEXT:
                self._take(content, now)
            elif first == _PING:
                self._transport.write(masked(0x8A, content))
            elif first == _CLOSE:
                self._transport.close()

    def _take(self, frame: bytes, now: float) -> None:
        kind = _kind(frame)
        if kind == b"message":
            self._last = frame
            at = frame.index(b'"message_id":"') + 14
            seq = frame.index(b'"seq":', at) + 6
            end = frame.index(b",", seq)
            self._arrived(frame[at : at + 36].decode(), int(frame[seq:end]), now)
        elif kind == b"ready":
            self._begin(frame)
        else:
            self._heard(kind, frame, now)

    def _heard(self, kind: bytes, frame: bytes, now: float) -> None:
        """Take any other frame; who only receives has no use for it."""

    def _begin(self, ready: bytes) -> None:
        """Answer `ready`: resume after the last frame, or say that there is nothing to."""
        if self._last:
            self._cursor = json.loads(self._last)["cursor"]
        if self._cursor:
            first = {"type": "resume", "cursor": self._cursor}
        else:
            self._cursor = json.loads(ready)["cursor"]
            first = {"type": "ping"}
        self._transport.write(masked(TEXT, json.dumps(first).encode()))
        if not self._ready.done():
            self._ready.set_result(None)


def _kind(frame: bytes) -> bytes:
    """Return the `type` of a frame; only a cursor, which has no such text, may stand before it."""
    at = frame.index(b'"type":"') + 8
    return frame[at : frame.index(b'"', at)]
