"""Where the bytes of files live."""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NewType, Protocol, runtime_checkable

from chat4all.domain.errors import InvalidInput

ObjectKey = NewType("ObjectKey", str)
"""The name of an object, as `checked_key` allows it."""
UploadToken = NewType("UploadToken", str)
"""What an adapter calls an unfinished upload; kept in the file's record, so that any node of
the same store goes on with it."""

_KEY = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")
_MOST_KEY_CHARACTERS = 200


def checked_key(text: str) -> ObjectKey:
    """Return `text` as the name of an object. Raises `InvalidInput` when it cannot be one.

    Its parts between slashes are neither empty nor `.` nor `..`, so that it means the same in
    a folder, in an address and in a bucket. Every store checks each key it is given by this.
    """
    dots = {".", ".."}.intersection(text.split("/"))
    if dots or len(text) > _MOST_KEY_CHARACTERS or not _KEY.fullmatch(text):
        raise InvalidInput(
            f"{text[:_MOST_KEY_CHARACTERS]!r} cannot name an object: use up to "
            f"{_MOST_KEY_CHARACTERS} letters, digits, '-', '_', '.' and '/' between them"
        )
    return ObjectKey(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """One object: its size in bytes and when it was published (aware UTC)."""

    key: ObjectKey
    size: int
    modified_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePart:
    """The bytes of an open file from `start` up to but not including `end`."""

    descriptor: int
    start: int
    end: int

    def __len__(self) -> int:
        return self.end - self.start


class Uploads(Protocol):
    """Objects on their way in, part by part; invisible until they are complete."""

    async def begin(self, key: ObjectKey, *, size: int, mime_type: str) -> UploadToken:
        """Begin an upload of exactly `size` bytes that will become the object `key`.

        Raises `InvalidInput` for a key that cannot be, `StorageFull` and `Unavailable`.
        """
        ...

    async def offset(self, token: UploadToken) -> int:
        """Return how many bytes are kept. Raises `UploadNotFound`."""
        ...

    async def append(self, token: UploadToken, offset: int, data: AsyncIterable[bytes]) -> int:
        """Keep `data` from `offset` on; return the new offset once it is durable.

        Holds no more than some MiB in memory, whatever comes. What came before `data`
        raised is kept, and its error goes on. Raises `OffsetConflict` and keeps nothing when
        `offset` is not where the upload stands, `UploadBusy` while another append is at it
        (also in another process), `TooLarge` for a byte beyond the size, with the bytes up
        to it kept, `UploadNotFound`, `StorageFull` and `Unavailable`: after any of them
        `offset` tells what is kept, and the upload can go on.
        """
        ...

    async def complete(self, token: UploadToken) -> StoredObject:
        """Publish an upload that has all its bytes, atomically; a repeat is no error.

        Raises `OffsetConflict` when bytes are missing, `UploadBusy` while an append is at
        it, `UploadNotFound`, `StorageFull` and `Unavailable`.
        """
        ...

    async def abort(self, token: UploadToken) -> None:
        """Forget an upload and its bytes; one that is gone or complete is no error.

        An append that is at it raises `UploadNotFound`.
        """
        ...


class ObjectStore(Protocol):
    """Immutable objects by name. Every implementation passes `ObjectStoreContract`."""

    @property
    def uploads(self) -> Uploads:
        """Objects on their way in."""
        ...

    async def stat(self, key: ObjectKey) -> StoredObject | None:
        """Return what is known of an object; None when there is none."""
        ...

    def read(
        self, key: ObjectKey, *, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        """Stream the bytes from `start` up to but not including `end`, in pieces up to 1 MiB.

        Raises `ObjectNotFound`, and `Unavailable`, also when the object has fewer bytes than
        `end` asks for: it never just ends early.
        """
        ...

    async def delete(self, key: ObjectKey) -> None:
        """Remove an object; one that is gone is no error.

        A reader that began goes on, or gets `Unavailable` where the store cannot do that.
        """
        ...

    def objects(self, prefix: str = "", *, after: str = "") -> AsyncIterator[StoredObject]:
        """Yield the objects whose key begins with `prefix`, in order; bounded memory.

        Only those whose key is later than `after`.
        """
        ...

    def unfinished(self) -> AsyncIterator[tuple[UploadToken, datetime]]:
        """Yield the uploads that are neither complete nor aborted, and when they began."""
        ...


@runtime_checkable
class SupportsFileParts(Protocol):
    """Stores whose objects are files of this machine: the system can send them by itself."""

    def parts(
        self, key: ObjectKey, *, start: int = 0, end: int | None = None
    ) -> AsyncIterator[FilePart]:
        """Stream the same bytes as `read` in parts up to 16 MiB, each open until the next one.

        Raises as `read` does; who sends a part finds out if the file got shorter meanwhile.
        """
        ...


@runtime_checkable
class SupportsPresignedUrl(Protocol):
    """Stores that clients may speak to themselves, with an address that expires."""

    async def presigned_get(self, key: ObjectKey, *, expires_in: timedelta, filename: str) -> str:
        """Return an address that downloads the object as `filename`."""
        ...

    def part_size(self, token: UploadToken) -> int:
        """Return how many bytes each part of an upload but the last one has."""
        ...

    async def presigned_part(
        self, token: UploadToken, number: int, *, sha256: bytes, expires_in: timedelta
    ) -> str:
        """Return an address to PUT part `number` (from 1) of an upload to.

        Other bytes than those with the digest `sha256` are refused there. The request has the
        header `x-amz-checksum-sha256` with the digest in base64.
        """
        ...
