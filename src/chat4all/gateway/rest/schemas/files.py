"""Files."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from msgspec import UNSET, Meta, Struct, UnsetType

from chat4all.domain.files import File
from chat4all.domain.ids import ConversationId, FileId
from chat4all.gateway.rest.schemas.text import NO_NUL, Uuid
from chat4all.services.file_links import LONGEST
from chat4all.services.file_names import MAX_NAME
from chat4all.services.initiate_file import NewFile
from chat4all.services.presign_part import PresignedPart

CHECKSUM = "sha256:[0-9a-fA-F]{64}"
MIME_TYPE = "[A-Za-z0-9!#$&^_.+-]{1,64}/[A-Za-z0-9!#$&^_.+-]{1,64}"
FileStateWord = Literal["uploading", "receiving", "ready", "failed", "deleted"]

Checksum = Annotated[
    str,
    Meta(
        pattern=f"^{CHECKSUM}\\Z",
        max_length=71,
        description="`sha256:` and the 64 hexadecimal digits of the SHA-256 of the bytes.",
    ),
]
MimeType = Annotated[
    str,
    Meta(
        pattern=f"^{MIME_TYPE}(;[ -~]{{0,64}})?\\Z",
        max_length=194,
        description="A media type; parameters are dropped, and the bytes decide in the end.",
    ),
]
FileName = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=MAX_NAME,
        extra_json_schema=NO_NUL,
        description="A path, control and invisible characters are cleaned away.",
    ),
]


class FileAnnouncement(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file to upload, of `size` bytes; over 2 GiB is refused.

    `file_id` makes a repeat harmless: it returns the upload that was begun.
    """

    name: FileName
    size: Annotated[int, Meta(ge=0, le=2**53 - 1)]
    mime_type: MimeType
    checksum: Checksum
    conversation_id: Uuid
    file_id: Uuid | None = None

    def to_domain(self) -> NewFile:
        """Return the announcement as the services know it."""
        return NewFile(
            name=self.name,
            size=self.size,
            mime_type=self.mime_type,
            checksum=self.checksum,
            conversation_id=ConversationId(self.conversation_id.lower()),
            file_id=None if self.file_id is None else FileId(self.file_id.lower()),
        )


class BegunUpload(Struct, frozen=True, kw_only=True):
    """Where to send the bytes: tus 1.0.0 at `upload_url`, some `chunk_size` bytes at a time."""

    file_id: str
    upload_url: str
    chunk_size: int
    expires_at: datetime | None


class PartRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One part of an upload, from 1, and the SHA-256 of its bytes."""

    number: Annotated[int, Meta(ge=1, le=10_000)]
    checksum: Checksum


class PartAddress(Struct, frozen=True, kw_only=True):
    """PUT exactly `size` bytes to `url`, with these `headers`, before `expires_at`.

    Every part but the last of the `part_count` has the same size.
    """

    url: str
    headers: dict[str, str]
    size: int
    part_count: int
    expires_at: datetime

    @classmethod
    def of(cls, part: PresignedPart) -> Self:
        """Return `part` as the API shows it."""
        return cls(
            url=part.url,
            headers=dict(part.headers),
            size=part.size,
            part_count=part.part_count,
            expires_at=part.expires_at,
        )


class FileFailure(Struct, frozen=True, kw_only=True):
    """Why a file has no bytes: a code and a sentence."""

    code: str
    detail: str


class FileInfo(Struct, frozen=True, kw_only=True):
    """What is known of a file.

    `size`, `mime_type` and `checksum` are as announced until it is `ready`, then as found.
    `offset` is there while it is uploaded, `width` and `height` (pixels) and `duration`
    (seconds) where the bytes tell them.
    """

    id: str
    owner_id: str
    conversation_id: str
    name: str
    size: int
    mime_type: str
    checksum: str | None
    state: FileStateWord
    has_thumbnail: bool
    created_at: datetime
    expires_at: datetime | None
    ready_at: datetime | None
    offset: int | UnsetType = UNSET
    width: int | UnsetType = UNSET
    height: int | UnsetType = UNSET
    duration: float | UnsetType = UNSET
    error: FileFailure | UnsetType = UNSET

    @classmethod
    def of(cls, file: File, *, offset: int | None = None) -> Self:
        """Return `file` as the API shows it."""
        looks = file.looks
        failure = FileFailure(code=file.error or "", detail=file.reason or "")
        return cls(
            id=file.id,
            owner_id=file.owner_id,
            conversation_id=file.conversation_id,
            name=file.name,
            size=file.size,
            mime_type=file.mime_type,
            checksum=file.checksum,
            state=file.state.value,
            has_thumbnail=looks.thumbnail,
            created_at=file.created_at,
            expires_at=file.expires_at,
            ready_at=file.ready_at,
            offset=UNSET if offset is None else offset,
            width=UNSET if looks.width is None else looks.width,
            height=UNSET if looks.height is None else looks.height,
            duration=UNSET if looks.duration is None else looks.duration,
            error=UNSET if file.error is None else failure,
        )


class LinkRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For how many seconds a link works, at most 7 days.

    `disposition` makes a browser save the file (`attachment`) where it would show it.
    """

    expires_in: Annotated[int, Meta(ge=1, le=int(LONGEST.total_seconds()))]
    disposition: Literal["attachment"] | None = None


class FileLink(Struct, frozen=True, kw_only=True):
    """An address that serves the file to whoever has it, until `expires_at`."""

    url: str
    expires_at: datetime
