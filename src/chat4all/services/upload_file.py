"""Takes the bytes of an upload in; where it stands is what the object store has."""

from __future__ import annotations

from collections.abc import AsyncIterable
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial

from chat4all.domain.errors import FileGone, FileNotFound, OffsetConflict, TooLarge, UploadNotFound
from chat4all.domain.files import File, FileState
from chat4all.domain.ids import FileId, UserId
from chat4all.ports.object_store import ObjectStore, UploadToken
from chat4all.services.clock import Clock, utc_now
from chat4all.services.file_access import FileAccess
from chat4all.services.file_meter import FileMeter, NoFileMeter, counted
from chat4all.services.file_objects import Discard, object_key


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload and how many of its bytes are kept."""

    file: File
    offset: int


class UploadFile:
    """Uploads as their owners see them; anybody else gets `FileNotFound`.

    One that has ended, failed or expired is `FileGone`.
    """

    def __init__(
        self,
        access: FileAccess,
        objects: ObjectStore,
        discard: Discard,
        *,
        meter: FileMeter | None = None,
        now: Clock = utc_now,
    ) -> None:
        self._access = access
        self._objects = objects
        self._discard = discard
        self._count = partial((meter or NoFileMeter()).file_bytes, "receive", "client")
        self._now = now

    async def status(self, owner: UserId, file_id: FileId) -> Upload:
        """Return where an upload stands; one that is complete stands at its end."""
        file = await self._going_on(owner, file_id)
        return Upload(file, await self._offset(file))

    async def at(self, owner: UserId, file_id: FileId, offset: int) -> Upload:
        """Return an upload that stands at `offset`. Raises `OffsetConflict`."""
        upload = await self.status(owner, file_id)
        if upload.offset != offset:
            raise OffsetConflict(
                f"the upload stands at {upload.offset}, not at {offset}; go on from there"
            )
        return upload

    async def append(self, upload: Upload, data: AsyncIterable[bytes]) -> Upload:
        """Keep `data` where `upload` stands; return where it stands then.

        Raises `OffsetConflict`, `UploadBusy`, `TooLarge`, `StorageFull`, `Unavailable`, and
        what `data` raises; what came before is kept, as `Uploads.append` says.
        """
        file = upload.file
        if file.upload is None:  # complete: there is room for nothing more
            async for _ in data:
                raise TooLarge(f"the file has all of its {file.size} bytes")
            return upload
        token = UploadToken(file.upload)
        async with aclosing(counted(data, self._count)) as pieces:
            offset = await self._objects.uploads.append(token, upload.offset, pieces)
        return Upload(file, offset)

    async def terminate(self, owner: UserId, file_id: FileId) -> None:
        """End an upload and forget its bytes. A file that is ready is not ended this way."""
        file = await self._access.owned(owner, file_id)
        if file.state is FileState.UPLOADING:
            reason = "the upload was ended by its sender"
            await self._discard(file, FileState.DELETED, error="upload_ended", reason=reason)
        else:
            raise FileGone(f"the upload is over: the file is {file.state}")

    async def _going_on(self, owner: UserId, file_id: FileId) -> File:
        file = await self._access.owned(owner, file_id)
        if file.state is FileState.RECEIVING:
            raise FileNotFound("this file is not uploaded but fetched from a platform")
        if file.state in {FileState.FAILED, FileState.DELETED}:
            raise FileGone(file.reason or "the upload was ended; begin a new one")
        expires = file.expires_at
        if file.state is FileState.UPLOADING and expires is not None and expires <= self._now():
            raise FileGone("the upload has expired; begin a new one")
        return file

    async def _offset(self, file: File) -> int:
        if file.state is FileState.READY or file.upload is None:
            return file.size
        try:
            return await self._objects.uploads.offset(UploadToken(file.upload))
        except UploadNotFound:
            # Complete in the store already, and stopped before the record said so?
            if await self._objects.stat(object_key(file.id)) is None:
                raise FileGone("the store has lost this upload; begin a new one") from None
            return file.size
