"""Frames as they go over the wire, ready for every client that is told the same.

https://www.rfc-editor.org/rfc/rfc6455#section-5.2
"""

from __future__ import annotations

from typing import Any, Protocol

from chat4all.domain.events import SyncCursor
from chat4all.gateway.ws import frames

DIRECT = "chat4all.direct"
"""The extension in the scope of ASGI under which a server offers a `Direct`."""
_TEXT = b"\x81"
_SHORT, _MEDIUM = 126, 1 << 16
KEPT = 32
"""For so many different cursors the bytes of one frame are kept: frames may be large."""


class Direct(Protocol):
    """Writes to one WebSocket without waiting, beside the `send` of ASGI."""

    def is_free(self) -> bool:
        """Say whether the client is there and keeps up; else only `send` may be used."""
        ...

    def write(self, frame: bytes) -> None:
        """Write a whole frame, head and all. Only when free; never waits."""
        ...


class NeverFree:
    """For servers that have only the `send` of ASGI."""

    def is_free(self) -> bool:
        """See `Direct.is_free`."""
        return False

    def write(self, frame: bytes) -> None:
        """See `Direct.write`."""
        raise RuntimeError(f"{len(frame)} bytes can only be sent")


NEVER_FREE = NeverFree()


def direct_of(scope: Any) -> Direct:
    """Return how to write without waiting to the WebSocket of `scope`."""
    found: Direct = scope.get("extensions", {}).get(DIRECT, NEVER_FREE)
    return found


def text_frame(text: bytes) -> bytes:
    """Return a text as one frame of a server, which is not masked."""
    size = len(text)
    if size < _SHORT:
        return b"%b%c%b" % (_TEXT, size, text)
    if size < _MEDIUM:
        return b"%b\x7e%b%b" % (_TEXT, size.to_bytes(2, "big"), text)
    return b"%b\x7f%b%b" % (_TEXT, size.to_bytes(8, "big"), text)


class Ready:
    """The frames of the last event as they are written: most clients are told the same bytes.

    They are found by identity: an event has one frame for all, and those who have seen the
    same have one cursor.
    """

    __slots__ = ("_frame", "_made")

    def __init__(self) -> None:
        self._frame = ""
        self._made: dict[int, tuple[SyncCursor | None, bytes]] = {}

    def of(self, frame: str, cursor: SyncCursor | None) -> bytes:
        """Return the frame of an event, or of a passing signal, for a client at `cursor`."""
        if frame is not self._frame:
            self._frame, self._made = frame, {}
        # The first of the pair is kept so that its id stays its own.
        made = self._made.get(id(cursor))
        if made is None:
            text = frame if cursor is None else frames.with_cursor(frame, cursor)
            made = cursor, text_frame(text.encode())
            if len(self._made) < KEPT:
                self._made[id(cursor)] = made
        return made[1]
