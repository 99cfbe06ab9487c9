"""What clients may send: one struct per frame, strict, so a bad frame is named."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

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


ClientFrame = Resume | Send | Delivered | Read | Typing | SetPresence | Ping

decode_frame = msgspec.json.Decoder(ClientFrame).decode
decode_auth = msgspec.json.Decoder(Auth).decode


class _Request(msgspec.Struct):
    request_id: str | None = None


_decode_request = msgspec.json.Decoder(_Request).decode


def request_id_of(raw: bytes | str) -> str | None:
    """Return the `request_id` of a frame that could not be read, if it has one."""
    try:
        return _decode_request(raw).request_id
    except (msgspec.DecodeError, UnicodeError):
        return None


def encode(frame: Any) -> str:
    """Return a server frame as text."""
    return msgspec.json.encode(frame).decode()
