"""Ends an upload: what the store has must be what was announced."""

from __future__ import annotations

import asyncio

from chat4all.domain.errors import (
    ChecksumMismatch,
    FileGone,
    FileNotReady,
    HarmfulFile,
    OffsetConflict,
    UploadNotFound,
)
from chat4all.domain.files import File, FileState
from chat4all.domain.ids import FileId, UserId
from chat4all.ports.object_store import ObjectStore, UploadToken
from chat4all.services.examine_file import ExamineFile
from chat4all.services.file_access import FileAccess
from chat4all.services.file_objects import Discard, object_key, sha256_of

AT_ONCE = 2
"""Files that are hashed at a time; the others wait."""


class CompleteFile:
    """Makes uploads visible, once their bytes were found to be right.

    The work goes on when the caller goes away, and callers who ask for the same file share it.
    """

    def __init__(
        self, access: FileAccess, objects: ObjectStore, discard: Discard, examine: ExamineFile
    ) -> None:
        self._access = access
        self._objects = objects
        self._discard = discard
        self._examine = examine
        self._going_on: dict[FileId, asyncio.Task[File]] = {}
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def __call__(self, owner: UserId, file_id: FileId) -> File:
        """Return the file once it is ready; a repeat returns it again.

        Raises `FileNotReady` while bytes are missing, `ChecksumMismatch` when the stored
        bytes are others than announced (they are gone then), `HarmfulFile`, `FileGone`.
        """
        file = await self._access.owned(owner, file_id)
        if file.state is FileState.READY:
            return file
        _refuse_ended(file)
        task = self._going_on.get(file_id)
        if task is None:
            task = self._going_on[file_id] = asyncio.create_task(self._complete(file))
            task.add_done_callback(lambda done: self._ended(file_id, done))
        return await asyncio.shield(task)

    async def aclose(self) -> None:
        """Wait for what is being done."""
        await asyncio.gather(*self._going_on.values(), return_exceptions=True)

    def _ended(self, file_id: FileId, task: asyncio.Task[File]) -> None:
        self._going_on.pop(file_id, None)
        if not task.cancelled():
            task.exception()  # nobody may be left to hear of it

    async def _complete(self, file: File) -> File:
        async with self._turn:
            await self._publish(file)
            found = await sha256_of(self._objects.read(object_key(file.id)))
            if found != file.checksum:
                reason = f"the bytes that came are {found}, and {file.checksum} was announced"
                code = ChecksumMismatch.code
                await self._discard(file, FileState.FAILED, error=code, reason=reason)
                raise ChecksumMismatch(f"{reason}; they were removed: begin a new upload")
            return await self._examine(file)

    async def _publish(self, file: File) -> None:
        if file.upload is None:
            raise FileGone("the store has lost this upload; begin a new one")
        try:
            await self._objects.uploads.complete(UploadToken(file.upload))
        except OffsetConflict as error:
            raise FileNotReady(f"bytes are missing: {error}") from error
        except UploadNotFound as error:
            if await self._objects.stat(object_key(file.id)) is None:
                raise FileGone("the store has lost this upload; begin a new one") from error


def _refuse_ended(file: File) -> None:
    if file.state is FileState.RECEIVING:
        raise FileNotReady("this file is fetched from a platform; it becomes ready by itself")
    if file.error == ChecksumMismatch.code:
        raise ChecksumMismatch(f"{file.reason}; they were removed: begin a new upload")
    if file.error == HarmfulFile.code:
        raise HarmfulFile(file.reason or "the file was not kept")
    if file.state is not FileState.UPLOADING:
        raise FileGone(file.reason or "the upload was ended; begin a new one")
