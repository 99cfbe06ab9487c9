"""The files that the simulated Telegram keeps, and how large they may be.

https://core.telegram.org/bots/api#sending-files, https://core.telegram.org/bots/api#getfile
"""

from __future__ import annotations

import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from chat4all.testing.telegram.errors import bad_request

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_CAPTION = 1024
"""UTF-16 code units in a caption."""
MEGABYTE = 1024**2

DEFAULT_TYPES: Mapping[str, str] = {
    "photo": "image/jpeg",
    "video": "video/mp4",
    "animation": "video/mp4",
    "video_note": "video/mp4",
    "voice": "audio/ogg",
    "audio": "audio/mpeg",
    "sticker": "image/webp",
    "document": "application/octet-stream",
}
"""The kinds of media, with the type that each has where nothing else is said."""

_PICTURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"BM")


@dataclass(frozen=True, kw_only=True, slots=True)
class FileLimits:
    """The largest files in bytes. The defaults are those of the public Bot API."""

    photo: int = 10 * MEGABYTE
    upload: int = 50 * MEGABYTE
    download: int = 20 * MEGABYTE


@dataclass(frozen=True, kw_only=True, slots=True)
class Media:
    """One file in a message. `kind` is the name of its field in the Bot API."""

    kind: str
    file_id: str
    unique_id: str
    name: str | None
    mime_type: str
    size: int


class Files:
    """Keeps bytes by file id. An id belongs to whoever knows it, as bots have no others'."""

    def __init__(self, limits: FileLimits | None = None) -> None:
        self.limits = limits or FileLimits()
        self._media: dict[str, Media] = {}
        self._data: dict[str, bytes] = {}
        self._count = 0

    def keep(
        self, kind: str, data: bytes, *, name: str | None = None, mime_type: str | None = None
    ) -> Media:
        """Keep a file that may be as large as people's files are."""
        self._count += 1
        digest = hashlib.sha256(data).hexdigest()
        guessed = mimetypes.guess_type(name or "")[0] if kind in ("document", "audio") else None
        media = Media(
            kind=kind,
            file_id=f"{kind.title().replace('_', '')}Ac{self._count:06}{digest[:24]}",
            unique_id=f"AQ{digest[:14]}",
            name=name,
            mime_type=mime_type or guessed or DEFAULT_TYPES[kind],
            size=len(data),
        )
        self._media[media.file_id] = media
        self._data[media.file_id] = data
        return media

    def keep_upload(self, kind: str, data: bytes, *, name: str | None = None) -> Media:
        """Keep what a bot uploads. Raises 400 as Telegram refuses it."""
        if not data:
            raise bad_request("file must be non-empty")
        if len(data) > (self.limits.photo if kind == "photo" else self.limits.upload):
            raise bad_request("file is too big")
        if kind == "photo" and not (data.startswith(_PICTURES) or data[8:12] == b"WEBP"):
            raise bad_request("IMAGE_PROCESS_FAILED")
        return self.keep(kind, data, name=name)

    def known(self, file_id: str) -> Media:
        """Return the file of an id. Raises 400 when there is none, or no longer."""
        if file_id not in self._data:
            raise bad_request("wrong file_id or the file is temporarily unavailable")
        return self._media[file_id]

    def path(self, media: Media) -> str:
        """Return where a bot downloads a file. Raises 400 when it is too large for bots."""
        if media.size > self.limits.download:
            raise bad_request("file is too big")
        suffix = PurePosixPath(media.name or "").suffix or mimetypes.guess_extension(
            media.mime_type
        )
        return f"{media.kind}s/{media.file_id}{suffix or ''}"

    def at(self, path: str) -> bytes | None:
        """Return the bytes that a path of `path` leads to."""
        return self._data.get(PurePosixPath(path).name.partition(".")[0])

    def data(self, file_id: str) -> bytes:
        """Return the bytes of a file. Raises `KeyError`."""
        return self._data[file_id]

    def expire(self) -> None:
        """Lose the bytes of every file there is."""
        self._data.clear()
