"""Objects on their way into the folder."""

from __future__ import annotations

import os
from collections.abc import AsyncIterable
from contextlib import suppress
from pathlib import Path

from chat4all.adapters.localfs.names import UploadName, file_name
from chat4all.adapters.localfs.open_upload import GONE, OpenUpload
from chat4all.adapters.localfs.scribe import Scribe
from chat4all.adapters.localfs.stored import stored, sync_folder
from chat4all.adapters.localfs.threads import Threads
from chat4all.domain.errors import TooLarge, UploadNotFound
from chat4all.ports.object_store import ObjectKey, StoredObject, UploadToken


class LocalUploads:
    """Implements `Uploads`: an unfinished upload is a file in `uploads`, its token the name.

    A file keeps what was written when the program is killed; `append` answers once it is also
    safe from a power cut.
    """

    def __init__(self, threads: Threads, uploads: Path, objects: Path) -> None:
        self._threads = threads
        self._uploads = uploads
        self._objects = objects

    async def begin(self, key: ObjectKey, *, size: int, mime_type: str) -> UploadToken:
        """Make an empty file. The type is not kept: a file has none."""
        del mime_type
        upload = UploadName.new(key, size)
        await self._threads.run(self._create, upload)
        return upload.token

    async def offset(self, token: UploadToken) -> int:
        """Return the length of the file."""
        return await self._threads.run(self._length, UploadName.read(token))

    async def append(self, token: UploadToken, offset: int, data: AsyncIterable[bytes]) -> int:
        """Write at the end of the file, in large pieces."""
        upload = UploadName.read(token)
        file = OpenUpload(self._uploads, upload)
        try:
            await self._threads.run(file.open, offset)
            try:
                await self._fill(file, data, upload.size - offset)
            except BaseException:
                await self._threads.run(file.settle)
                raise
            return await self._threads.run(file.settle)
        finally:
            await self._threads.run(file.close)

    async def complete(self, token: UploadToken) -> StoredObject:
        """Give the file the object's name."""
        return await self._threads.run(self._publish, UploadName.read(token))

    async def abort(self, token: UploadToken) -> None:
        """Remove the file."""
        try:
            upload = UploadName.read(token)
        except UploadNotFound:
            return
        await self._threads.run(self._remove, upload)

    async def _fill(self, file: OpenUpload, data: AsyncIterable[bytes], room: int) -> None:
        scribe = Scribe(self._threads, file)
        try:
            async for piece in data:
                part = piece[:room]
                room -= len(part)
                if part:
                    await scribe.take(part)
                if len(part) < len(piece):
                    raise TooLarge("more bytes came than the upload was announced to have")
        finally:
            await scribe.end()

    def _create(self, upload: UploadName) -> None:
        path = self._uploads / upload.token
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        sync_folder(self._uploads)

    def _length(self, upload: UploadName) -> int:
        try:
            return (self._uploads / upload.token).stat().st_size
        except FileNotFoundError as error:
            raise UploadNotFound(GONE) from error

    def _publish(self, upload: UploadName) -> StoredObject:
        file = OpenUpload(self._uploads, upload)
        target = self._objects / file_name(upload.key)
        try:
            with suppress(UploadNotFound):  # then it may be complete already
                file.open()
                file.publish(target)
                sync_folder(self._objects)
                sync_folder(self._uploads)
        finally:
            file.close()
        done = stored(target, upload.key)
        if done is None or done.size != upload.size:
            raise UploadNotFound(GONE)
        return done

    def _remove(self, upload: UploadName) -> None:
        (self._uploads / upload.token).unlink(missing_ok=True)
        sync_folder(self._uploads)
