"""Up to where a client was told what happened, so that it goes on there and repeats nothing."""

from __future__ import annotations

import msgspec

from chat4all.domain.errors import InvalidInput
from chat4all.domain.events import SyncCursor


class _Head(msgspec.Struct, frozen=True):
    type: str
    cursor: str | None = None


class Frame(msgspec.Struct, frozen=True):
    """One frame of the WebSocket: all of it, and what says which it is."""

    text: str
    type: str
    cursor: str | None


class _Status(msgspec.Struct, frozen=True):
    """What tells apart the `status` frames of one event."""

    message_id: str
    user_id: str
    channel: str
    status: str
    at: str | None


_head = msgspec.json.Decoder(_Head).decode
_status = msgspec.json.Decoder(_Status).decode


def read_frame(raw: str | bytes) -> Frame:
    """Return the frame that came."""
    text = raw if isinstance(raw, str) else raw.decode()
    head = _head(text)
    return Frame(text, head.type, head.cursor)


def covers(cursor: SyncCursor, other: SyncCursor) -> bool:
    """Say whether who is at `cursor` has been told all that who is at `other` has."""
    return cursor.joined(other) == cursor


class Place:
    """The cursor to resume with.

    When somebody reads ten messages at once, ten `status` frames have the same cursor. If the
    connection breaks among them the others would be lost by resuming with it, so the place
    stays before them until the next event comes, and those that come again are known.
    Raises `ValueError` for what is no cursor of ours.
    """

    def __init__(self, cursor: str | None) -> None:
        try:
            self._whole = None if cursor is None else SyncCursor.parse(cursor)
        except InvalidInput as error:
            raise ValueError(str(error)) from error
        self._begun = SyncCursor({})
        self._told: set[_Status] = set()

    @property
    def cursor(self) -> str | None:
        """Return what to resume with; None before the first connection."""
        return None if self._whole is None else str(self._whole)

    def begin(self, cursor: SyncCursor) -> None:
        """Note where the first connection began."""
        if self._whole is None:
            self._whole = cursor

    def takes(self, frame: Frame) -> bool:
        """Note a frame that came; say whether it is to be told."""
        if frame.cursor is None:
            return True  # a passing signal
        cursor = SyncCursor.parse(frame.cursor)
        if frame.type != "status":
            self._complete(cursor)
            return True
        status = _status(frame.text)
        if status in self._told:
            self._begun = self._begun.joined(cursor)
            return False
        if cursor != self._begun and covers(cursor, self._begun):
            self._complete(self._begun)
        self._begun = self._begun.joined(cursor)
        self._told.add(status)
        return True

    def _complete(self, cursor: SyncCursor) -> None:
        """Note that all up to `cursor` was told."""
        self._whole = cursor if self._whole is None else self._whole.joined(cursor)
        if covers(cursor, self._begun):
            self._told.clear()
