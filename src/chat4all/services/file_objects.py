"""Which objects belong to a file, and how they go."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace

from chat4all.domain.files import File, FileState
from chat4all.domain.ids import FileId
from chat4all.ports.file_records import FileRecords
from chat4all.ports.object_store import ObjectKey, ObjectStore, UploadToken
from chat4all.services.clock import Clock, utc_now

FILES, THUMBNAILS = "files/", "thumbs/"


def object_key(file: FileId) -> ObjectKey:
    """Return the name of the object that holds the bytes of a file."""
    return ObjectKey(FILES + file)


def thumbnail_key(file: FileId) -> ObjectKey:
    """Return the name of the object that holds its small picture."""
    return ObjectKey(THUMBNAILS + file)


async def keep_object(objects: ObjectStore, key: ObjectKey, data: bytes, mime_type: str) -> None:
    """Keep a small object; one that is there already stays."""
    if await objects.stat(key) is not None:
        return

    async def pieces() -> AsyncIterator[bytes]:
        yield data

    token = await objects.uploads.begin(key, size=len(data), mime_type=mime_type)
    await objects.uploads.append(token, 0, pieces())
    await objects.uploads.complete(token)


class Discard:
    """Ends files: the record says so first, then the bytes go.

    A crash in between leaves a record whose `expires_at` tells that there may be bytes; the
    sweeper finishes it.
    """

    def __init__(self, records: FileRecords, objects: ObjectStore, *, now: Clock = utc_now) -> None:
        self._records = records
        self._objects = objects
        self._now = now

    async def __call__(
        self, file: File, state: FileState, *, error: str | None = None, reason: str | None = None
    ) -> bool:
        """End `file` as failed or deleted; False when it has changed meanwhile."""
        gone = replace(file, state=state, error=error, reason=reason, expires_at=self._now())
        if not await self._records.change(gone, was=file.state):
            return False
        await self.finish(gone)
        return True

    async def finish(self, gone: File) -> None:
        """Remove whatever bytes a file that ended still has; a repeat does no harm."""
        if gone.upload is not None:
            await self._objects.uploads.abort(UploadToken(gone.upload))
        await self._objects.delete(object_key(gone.id))
        await self._objects.delete(thumbnail_key(gone.id))
        done = replace(gone, upload=None, expires_at=None)
        await self._records.change(done, was=gone.state)


async def sha256_of(pieces: AsyncIterator[bytes]) -> str:
    """Return `sha256:<hex>` of a stream; the work is done off the event loop."""
    digest = hashlib.sha256()
    async for piece in pieces:
        await asyncio.to_thread(digest.update, piece)
    return f"sha256:{digest.hexdigest()}"
