"""Objects in a local folder."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from chat4all.adapters.localfs.names import UploadName, file_name, key_of
from chat4all.adapters.localfs.stored import OpenObject, named_after, stored, sync_folder
from chat4all.adapters.localfs.threads import Threads, finished
from chat4all.adapters.localfs.uploads import LocalUploads
from chat4all.domain.errors import BadSettings, UploadNotFound
from chat4all.ports.object_store import FilePart, ObjectKey, StoredObject, UploadToken

PIECE_BYTES, PART_BYTES = 1 << 20, 16 << 20
THREADS = 8
LISTED_AT_ONCE = 10_000


class LocalFsObjectStore:
    """Implements `ObjectStore` and `SupportsFileParts` in `folder`; use as `async with store`.

    `folder/objects` holds one file for each object and `folder/uploads` one for each
    unfinished upload. Several processes may share the folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._objects = folder / "objects"
        self._uploads = folder / "uploads"
        self._threads = Threads(THREADS)
        self._on_their_way = LocalUploads(self._threads, self._uploads, self._objects)

    async def __aenter__(self) -> Self:
        """Make the folder where it is missing. Raises `BadSettings` when it cannot be used."""
        try:
            for folder in (self._folder, self._objects, self._uploads):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            sync_folder(self._folder)
        except OSError as error:
            raise BadSettings(
                f"CHAT4ALL_OBJECTS_URL: cannot use {self._folder}: {error.strerror}"
            ) from error
        self._threads.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let what was begun come to its end."""
        await asyncio.to_thread(self._threads.stop)

    @property
    def uploads(self) -> LocalUploads:
        """Objects on their way in."""
        return self._on_their_way

    async def stat(self, key: ObjectKey) -> StoredObject | None:
        """Look at the file."""
        return await self._threads.run(stored, self._objects / file_name(key), key)

    async def read(
        self, key: ObjectKey, *, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        """Read the file, one piece ahead of the reader."""
        file = OpenObject(self._objects / file_name(key), key)
        ahead: asyncio.Future[bytes] | None = None
        try:
            stop = await self._threads.run(file.open, start, end)
            while start < stop or ahead:
                piece = await finished(ahead) if ahead else b""
                ahead = None
                if start < stop:
                    length = min(PIECE_BYTES, stop - start)
                    ahead = self._threads.begin(file.read, start, length)
                    start += length
                if piece:
                    yield piece
        finally:
            if ahead is not None:
                await asyncio.wait([ahead])
                ahead.exception()
            file.close()

    async def parts(
        self, key: ObjectKey, *, start: int = 0, end: int | None = None
    ) -> AsyncIterator[FilePart]:
        """Hold the file open, and tell one part of it after the other."""
        file = OpenObject(self._objects / file_name(key), key)
        try:
            stop = await self._threads.run(file.open, start, end)
            for at in range(start, stop, PART_BYTES):
                yield file.part(at, min(at + PART_BYTES, stop))
        finally:
            file.close()

    async def delete(self, key: ObjectKey) -> None:
        """Remove the file; whoever has it open reads on."""
        await self._threads.run(self._remove, self._objects / file_name(key))

    async def objects(self, prefix: str = "", *, after: str = "") -> AsyncIterator[StoredObject]:
        """List the folder, some thousand at a time."""

        def wanted(name: str) -> str | None:
            key = key_of(name)
            return key if key is not None and key.startswith(prefix) else None

        last = after
        while page := await self._threads.run(
            named_after, self._objects, wanted, last, LISTED_AT_ONCE
        ):
            last = page[-1]
            for found in await self._threads.run(self._stored, page):
                yield found

    async def unfinished(self) -> AsyncIterator[tuple[UploadToken, datetime]]:
        """List the folder of the uploads, some thousand at a time."""
        after = ""
        while page := await self._threads.run(
            named_after, self._uploads, _token, after, LISTED_AT_ONCE
        ):
            after = page[-1]
            for token in page:
                upload = UploadName.read(token)
                yield upload.token, upload.began_at

    def _stored(self, keys: Sequence[str]) -> Sequence[StoredObject]:
        found = (stored(self._objects / file_name(key), ObjectKey(key)) for key in keys)
        return [one for one in found if one is not None]

    def _remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        sync_folder(self._objects)


def _token(name: str) -> str | None:
    try:
        return UploadName.read(name).token
    except UploadNotFound:
        return None
