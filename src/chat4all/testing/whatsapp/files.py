"""The files that the simulated WhatsApp keeps, and what it takes.

https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field

from chat4all.testing.whatsapp.errors import GraphError
from chat4all.testing.whatsapp.model import Json

MEGABYTE = 1024**2
MAX_CAPTION = 1024
"""Characters of a caption."""
CAPTIONED = frozenset({"image", "video", "document"})
_OFFICE = "application/vnd.openxmlformats-officedocument."
_TYPES: dict[str, frozenset[str]] = {
    "image": frozenset({"image/jpeg", "image/png"}),
    "video": frozenset({"video/mp4", "video/3gpp"}),
    "audio": frozenset({"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"}),
    "sticker": frozenset({"image/webp"}),
    "document": frozenset(
        {
            "text/plain",
            "application/pdf",
            "application/msword",
            "application/vnd.ms-excel",
            "application/vnd.ms-powerpoint",
            f"{_OFFICE}wordprocessingml.document",
            f"{_OFFICE}spreadsheetml.sheet",
            f"{_OFFICE}presentationml.presentation",
        }
    ),
}
MEDIA_TYPES = frozenset().union(*_TYPES.values())


@dataclass(frozen=True, kw_only=True, slots=True)
class FileLimits:
    """The largest files in bytes, by the kind they are sent as. The defaults are WhatsApp's."""

    image: int = 5 * MEGABYTE
    video: int = 16 * MEGABYTE
    audio: int = 16 * MEGABYTE
    sticker: int = 500 * 1024
    document: int = 100 * MEGABYTE

    def of(self, kind: str) -> int:
        """Return the limit of a kind."""
        most: int = getattr(self, kind)
        return most


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredFile:
    """One file. `number` is the phone number id it was uploaded for, or was sent to."""

    id: str
    number: str
    data: bytes = field(repr=False)
    mime_type: str

    @property
    def sha256(self) -> bytes:
        """The digest of its bytes."""
        return hashlib.sha256(self.data).digest()

    def as_webhook(self) -> Json:
        """Return what a callback says of it; the digest is in Base64 there."""
        digest = base64.b64encode(self.sha256).decode()
        return {"mime_type": self.mime_type, "sha256": digest, "id": self.id}


class Files:
    """Keeps files by media id, for the number that they belong to."""

    def __init__(self, limits: FileLimits | None = None) -> None:
        self.limits = limits or FileLimits()
        self._files: dict[str, StoredFile] = {}
        self._count = 0

    def keep(self, number: str, data: bytes, mime_type: str) -> StoredFile:
        """Keep what somebody sends."""
        self._count += 1
        file = StoredFile(
            id=f"{1_000_000_000_000_000 + self._count}",
            number=number,
            data=data,
            mime_type=mime_type,
        )
        self._files[file.id] = file
        return file

    def keep_upload(self, number: str, data: bytes, mime_type: str) -> StoredFile:
        """Keep what a business uploads. Raises `GraphError` as WhatsApp refuses it."""
        if mime_type not in MEDIA_TYPES:
            raise GraphError(
                100,
                "Param file must be a file with one of the following types: "
                + ", ".join(sorted(MEDIA_TYPES)),
            )
        if not data or len(data) > self.limits.document:
            raise GraphError(100, f"A file of {len(data)} bytes is not taken.")
        return self.keep(number, data, mime_type)

    def of(self, number: str, media_id: str) -> StoredFile:
        """Return a file of a number. Raises `GraphError` when there is none, or no longer."""
        file = self._files.get(media_id)
        if file is None or file.number != number:
            raise GraphError(
                100,
                f"Unsupported get request. Object with ID '{media_id}' does not exist, cannot be "
                "loaded due to missing permissions, or does not support this operation.",
                subcode=33,
            )
        return file

    def at(self, digest: str) -> StoredFile | None:
        """Return the file whose address has this digest."""
        return next((one for one in self._files.values() if one.sha256.hex() == digest), None)

    def find(self, media_id: str) -> StoredFile | None:
        """Return a file by its id."""
        return self._files.get(media_id)

    def forget(self, media_id: str) -> None:
        """Delete a file."""
        self._files.pop(media_id, None)

    def expire(self) -> None:
        """Lose every file there is, as WhatsApp loses old ones."""
        self._files.clear()

    def check_sent(self, number: str, kind: str, content: Json) -> None:
        """Refuse a message whose file is not there, or is none of its kind."""
        caption = content.get("caption")
        if caption is not None and kind not in CAPTIONED:
            raise GraphError(100, f"Unexpected key caption on param {kind}.")
        if isinstance(caption, str) and len(caption) > MAX_CAPTION:
            raise GraphError(100, f"Param {kind}['caption'] has over {MAX_CAPTION} characters.")
        media_id = content.get("id")
        if media_id is None:
            return
        file = self._files.get(str(media_id))
        if file is None or file.number != number:
            raise GraphError(131009, f"There is no media {media_id}.")
        wanted = MEDIA_TYPES if kind == "document" else _TYPES[kind]
        if file.mime_type not in wanted:
            raise GraphError(131053, f"{file.mime_type} is no {kind}.")
        if len(file.data) > self.limits.of(kind):
            raise GraphError(131053, f"{len(file.data)} bytes are too many for {kind}.")
