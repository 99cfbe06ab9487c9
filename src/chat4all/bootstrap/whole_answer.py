"""Answers whose body is at hand, written in one piece.

uvicorn writes the head of an answer and its body one after the other, which is two calls of the
system, and looks through every header of every answer. Most of ours are the same each time.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from uvicorn.protocols.http.httptools_impl import (
    HEADER_RE,
    HEADER_VALUE_RE,
    STATUS_LINE,
    RequestResponseCycle,
)

from chat4all.bootstrap.zero_copy import send_part
from chat4all.gateway.metered import Message
from chat4all.gateway.rest.file_response import ZERO_COPY

Header = tuple[bytes, bytes]

_HEADS, _LINES = 512, 1_024
"""Heads, and lines of heads, that are remembered."""
_PLAIN_STATUS = 200
_NO_BODY = (204, 304)
_TRACE = b"traceresponse"
_FRAMING = frozenset({b"content-length", b"transfer-encoding", b"connection"})
"""Headers that say how an answer ends; a plain one has the first of them."""


class WholeAnswer:
    """The `send` of one request; what is no whole answer of a known length goes to uvicorn."""

    __slots__ = ("_cycle", "_head", "_own", "_rendered")

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle
        self._head: Message | None = None
        self._own = b""
        self._rendered = _NOT_PLAIN

    async def __call__(self, message: Message) -> None:
        """Send one message of ASGI; the head of an answer of a known length waits for the body."""
        cycle = self._cycle
        head, self._head = self._head, None
        if head is not None:
            if self._is_whole(message):
                self._write(message.get("body", b""))
                return
            await cycle.send(head)  # type: ignore[arg-type] # one dict for all kinds
        elif message["type"] == "http.response.start" and self._may_be_whole():
            shared, self._own = _parted(tuple(message.get("headers", ())))
            self._rendered = _rendered(message["status"], shared)
            if self._rendered is not _NOT_PLAIN:
                self._head = message
                return
        if message["type"] == ZERO_COPY:
            await send_part(cycle, message["file"], message["offset"], message["count"])
        else:
            await cycle.send(message)  # type: ignore[arg-type]

    def _may_be_whole(self) -> bool:
        cycle = self._cycle
        return cycle.keep_alive and not cycle.response_started and cycle.scope["method"] != "HEAD"

    def _is_whole(self, message: Message) -> bool:
        cycle = self._cycle
        return (
            message["type"] == "http.response.body"
            and not message.get("more_body", False)
            and len(message.get("body", b"")) == self._rendered.length
            and cycle.keep_alive
            and not cycle.disconnected
            and not cycle.flow.write_paused
        )

    def _write(self, body: bytes) -> None:
        cycle, head = self._cycle, self._rendered
        ours = [b"%b: %b\r\n" % header for header in cycle.default_headers]
        cycle.transport.write(
            b"".join((head.status, *ours, head.headers, self._own, b"\r\n", body))
        )
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        cycle.message_event.set()
        cycle.on_response()


class _Head(NamedTuple):
    """The head of an answer as it is written, and how long the body will be."""

    status: bytes
    headers: bytes
    length: int


_NOT_PLAIN = _Head(b"", b"", -1)


def _parted(headers: tuple[Header, ...]) -> tuple[tuple[Header, ...], bytes]:
    """Return the headers to remember, and as it is written the one that no two answers share."""
    if headers and headers[-1][0] == _TRACE:
        own = _written(headers[-1])
        if own:
            return headers[:-1], own
    return headers, b""


@lru_cache(_HEADS)
def _rendered(status: int, headers: tuple[Header, ...]) -> _Head:
    """Return how a head is written; `_NOT_PLAIN` for one that is uvicorn's to write."""
    framing = [(name, value) for name, value in headers if name.lower() in _FRAMING]
    if status < _PLAIN_STATUS or status in _NO_BODY or len(framing) != 1:
        return _NOT_PLAIN
    [(name, length)] = framing
    lines = [_line(one) for one in headers]
    if name.lower() != b"content-length" or b"" in lines:
        return _NOT_PLAIN
    return _Head(STATUS_LINE[status], b"".join(lines), int(length))


@lru_cache(_LINES)
def _line(header: Header) -> bytes:
    """Return a header as it is written, and remember it; nothing for what is none."""
    return _written(header)


def _written(header: Header) -> bytes:
    name, value = header
    if HEADER_RE.search(name) or HEADER_VALUE_RE.search(value):
        return b""
    return b"%b: %b\r\n" % (name.lower(), value)
