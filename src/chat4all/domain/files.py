"""A file: what is known of it beside its bytes, and how far it has come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chat4all.domain.ids import AccountId, ConversationId, FileId, UserId

MAX_FILE_BYTES = 2 * 1024**3
"""The largest file that is taken: 2 GiB."""
CHUNK_BYTES = 8 * 1024**2
"""How much a client is told to send at a time, in bytes."""


class FileState(StrEnum):
    """UPLOADING or RECEIVING, then READY or FAILED; DELETED ends every one of them.

    `receiving` is a file that a platform holds and that is being fetched from there. Only a
    `ready` file has bytes that anybody may read.
    """

    UPLOADING = "uploading"
    RECEIVING = "receiving"
    READY = "ready"
    FAILED = "failed"
    DELETED = "deleted"


COUNTED = frozenset({FileState.UPLOADING, FileState.RECEIVING, FileState.READY})
"""The states in which the bytes of a file count towards its owner's quota."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteMedia:
    """Where a platform holds a file: what its connector of `account_id` fetches it by.

    `reference` is the connector's own (a file id, a media id); it may stop working.
    """

    account_id: AccountId
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """What was found in the bytes: pixels of a picture or video, seconds of sound or video.

    `thumbnail` says that there is a small picture of it, an object of its own.
    """

    width: int | None = None
    height: int | None = None
    duration: float | None = None
    thumbnail: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file of one conversation; who may read the conversation may read it.

    `size` (bytes), `mime_type` and `checksum` (`sha256:<hex>`) are as announced until the
    file is ready, and then as found in the bytes. `upload` is the object store's own word
    for an unfinished upload. An unfinished one is swept after `expires_at`; a failed or
    deleted one that has an `expires_at` may still have bytes, to be removed. `error` is the
    code of why it failed, `reason` a sentence for people.
    """

    id: FileId
    owner_id: UserId
    conversation_id: ConversationId
    name: str
    size: int
    mime_type: str
    state: FileState
    created_at: datetime
    checksum: str | None = None
    upload: str | None = None
    remote: RemoteMedia | None = None
    expires_at: datetime | None = None
    ready_at: datetime | None = None
    error: str | None = None
    reason: str | None = None
    looks: Looks = Looks()
