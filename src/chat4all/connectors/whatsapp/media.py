"""Files: one that goes out is uploaded and then named in a message; one that came has an id.

https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import AsyncIterator, Mapping
from typing import Any

from chat4all.connectors.whatsapp.capabilities import CAPABILITIES
from chat4all.domain.errors import ChannelError
from chat4all.domain.outgoing import FileRef, Outgoing
from chat4all.domain.payload import PayloadType

SLOWEST = 64 * 1024
"""Bytes a second: an upload that is slower than this is given up."""
PIECE = 64 * 1024
"""The bytes of a file that are held at a time."""
_SHA256_BYTES = 32
_ESCAPED = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})


class UploadForm:
    """The body of an upload, read from the file while it is sent."""

    def __init__(self, file: FileRef) -> None:
        boundary = secrets.token_hex(16)
        mime_type = bare_type(file.mime_type)
        fields = "".join(
            f'--{boundary}\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in (("messaging_product", "whatsapp"), ("type", mime_type))
        )
        self._head = (
            f"{fields}--{boundary}\r\n"
            f'content-disposition: form-data; name="file"; filename="{_quoted(file.name)}"\r\n'
            f"content-type: {mime_type}\r\n\r\n"
        ).encode()
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self._file = file
        self.headers: Mapping[str, str] = {
            "content-type": f"multipart/form-data; boundary={boundary}",
            "content-length": str(len(self._head) + file.size + len(self._tail)),
        }

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._head
        async for piece in self._file.read():
            yield piece
        yield self._tail


def check_file(message: Outgoing, file: FileRef) -> None:
    """Raise `ChannelError` for a file or a caption that WhatsApp does not take."""
    kind = message.payload.type
    if obstacle := CAPABILITIES.obstacle(kind, size=file.size, mime_type=file.mime_type):
        raise ChannelError(obstacle, retry=False, reason="unsupported_payload")
    words, most = caption_of(message), CAPABILITIES.caption_of(kind)
    if len(words) > most:
        raise ChannelError(
            f"a caption of {len(words)} characters; WhatsApp takes {most} with {kind}",
            retry=False,
            reason="too_long",
        )


def caption_of(message: Outgoing) -> str:
    """Return the caption, led by who wrote it where several do."""
    words = message.payload.caption or ""
    return f"{message.from_name}: {words}".rstrip() if message.from_name else words


def media_body(message: Outgoing, file: FileRef, media_id: str) -> dict[str, Any]:
    """Return what a message says of an uploaded file."""
    body = {"id": media_id}
    if words := caption_of(message):
        body["caption"] = words
    if message.payload.type is PayloadType.DOCUMENT:
        body["filename"] = file.name
    return body


def bare_type(mime_type: str) -> str:
    """Return a MIME type without its parameters, as the uploads want it."""
    return mime_type.partition(";")[0].strip().lower()


def checksum_of(sha256: object) -> str | None:
    """Return `sha256:<hex>` of a digest in hex or Base64: WhatsApp uses both; else None."""
    if not isinstance(sha256, str):
        return None
    try:
        digest = bytes.fromhex(sha256)
    except ValueError:
        try:
            digest = base64.b64decode(sha256, validate=True)
        except (binascii.Error, ValueError):
            return None
    return f"sha256:{digest.hex()}" if len(digest) == _SHA256_BYTES else None


def _quoted(name: str) -> str:
    return name.encode("utf-8", "replace").decode().translate(_ESCAPED)
