"""What a connector is asked to do, and what it answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from chat4all.domain.ids import MessageId
from chat4all.domain.payload import Payload
from chat4all.domain.status import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One message for one chat of one platform.

    `address` is the chat. `reply_to` is the platform's own id of the message answered.
    `from_name` is who wrote it, for chats in which several people's messages arrive;
    None when the chat has one correspondent. `message_id` lets a platform that knows
    idempotency keys drop a repeat.
    """

    message_id: MessageId
    address: str
    payload: Payload
    reply_to: str | None = None
    from_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRef:
    """A file to send: how to read it, and what it is. `size` is in bytes.

    `read()` streams the bytes from the start, each time it is called; it raises
    `Unavailable` when they cannot be had now. `url` is a signed link that expires, for
    platforms that fetch files themselves; it serves nobody who cannot reach this server.
    """

    name: str
    mime_type: str
    size: int
    url: str
    read: Callable[[], AsyncIterator[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The platform took the message: its id there, and how far it is known to have come."""

    external_id: str
    status: Status = Status.SENT
