"""What clients may send: one struct per frame, strict, so a bad frame is named."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, field

from chat4all.domain.errors import InvalidInput
from chat4all.domain.events import SyncCursor
from chat4all.gateway.rest import strict_json
from chat4all.gateway.rest.schemas.payloads import AnyPayload

Uuid = Annotated[
    str, Meta(pattern="^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", max_length=36)
]
RequestId = Annotated[str, Meta(min_length=1, max_length=64)]
Seq = Annotated[int, Meta(ge=0, le=2**53)]


class Auth(msgspec.Struct, tag="auth", forbid_unknown_fields=True):
    """The first frame of a client that cannot send a subprotocol."""

    token: Annotated[str, Meta(max_length=4096)]


class Resume(msgspec.Struct, tag="resume", forbid_unknown_fields=True):
    """Send me all I missed since `cursor`."""

    cursor: Annotated[str, Meta(max_length=2048)]


class Send(msgspec.Struct, tag="send", forbid_unknown_fields=True):
    """Send a message: the body of `POST /v1/messages`."""

    request_id: RequestId
    message: msgspec.Raw


class Edit(msgspec.Struct, tag="edit", forbid_unknown_fields=True):
    """Give one's own message new content of the same kind."""

    request_id: RequestId
    message_id: Uuid
    payload: AnyPayload


class Delete(msgspec.Struct, tag="delete", forbid_unknown_fields=True):
    """Remove a message for everyone, or hide it from oneself."""

    request_id: RequestId
    message_id: Uuid
    whom: Literal["everyone", "me"] = field(name="for", default="everyone")


class Delivered(msgspec.Struct, tag="delivered", forbid_unknown_fields=True):
    """All up to here has arrived on this device."""

    conversation_id: Uuid
    up_to_seq: Seq
    request_id: RequestId | None = None


class Read(msgspec.Struct, tag="read", forbid_unknown_fields=True):
    """All up to here was read."""

    conversation_id: Uuid
    up_to_seq: Seq
    request_id: RequestId | None = None


class Typing(msgspec.Struct, tag="typing", forbid_unknown_fields=True):
    """The user is writing."""

    conversation_id: Uuid
    request_id: RequestId | None = None


class SetPresence(msgspec.Struct, tag="presence", forbid_unknown_fields=True):
    """The user is online, away, busy or offline."""

    status: Annotated[str, Meta(max_length=16)]
    request_id: RequestId | None = None


class Ping(msgspec.Struct, tag="ping", forbid_unknown_fields=True):
    """Are you there?"""

    request_id: RequestId | None = None


ClientFrame = Resume | Send | Edit | Delete | Delivered | Read | Typing | SetPresence | Ping


def decode_frame(raw: bytes | str) -> ClientFrame:
    """Return the frame that `raw` is. Raises `InvalidInput` with the pointer."""
    frame: ClientFrame = _read(raw, ClientFrame)
    return frame


def decode_auth(raw: bytes | str) -> Auth:
    """Return the first frame. Raises `InvalidInput`."""
    frame: Auth = _read(raw, Auth)
    return frame


def _read(raw: bytes | str, type_: Any) -> Any:
    try:
        return strict_json.decode(raw.encode() if isinstance(raw, str) else raw, type_)
    except InvalidInput as error:
        detail = str(error).replace("the body", "the frame", 1)
        raise InvalidInput(detail, error.errors) from error


def request_id_of(raw: bytes | str) -> str | None:
    """Return the `request_id` of a frame that was refused, if one can be found in it."""
    try:
        # Unlike msgspec it reads what holds half a character, which may be why it was refused.
        frame = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    found = frame.get("request_id") if isinstance(frame, dict) else None
    return found[:64] if isinstance(found, str) and found.isprintable() else None


def with_cursor(frame: str, cursor: SyncCursor) -> str:
    """Return the text of an event's frame for one client: what all are told, and its cursor."""
    return f'{{"cursor":"{cursor}",{frame[1:]}'
