"""Looks into the bytes of a file that has all of them, and makes it ready or ends it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import structlog

from chat4all.domain.errors import FileGone, HarmfulFile, TooLarge
from chat4all.domain.files import File, FileState
from chat4all.ports.file_records import FileRecords
from chat4all.ports.media import Bytes, Inspection, MediaInspector, VirusScanner
from chat4all.ports.object_store import ObjectStore
from chat4all.services.clock import Clock, utc_now
from chat4all.services.file_objects import Discard, keep_object, object_key, thumbnail_key

log = structlog.get_logger(__name__)

THUMBNAIL_TYPE = "image/webp"


class ExamineFile:
    """The last step of every file, wherever it came from."""

    def __init__(
        self,
        records: FileRecords,
        objects: ObjectStore,
        inspector: MediaInspector,
        discard: Discard,
        *,
        scanner: VirusScanner | None = None,
        now: Clock = utc_now,
    ) -> None:
        self._records = records
        self._objects = objects
        self._inspector = inspector
        self._scanner = scanner
        self._discard = discard
        self._now = now

    async def __call__(self, file: File) -> File:
        """Make `file`, whose object is published and right, ready; return it.

        Raises `HarmfulFile` for one in which a virus was found, `TooLarge` for one that the
        scanner does not take (their bytes go), `FileGone` when it was ended meanwhile,
        `Unavailable` when the scanner does not answer: nothing becomes ready unscanned.
        """
        data = partial(self._objects.read, object_key(file.id))
        await self._scan(file, data)
        seen = await self._inspector.inspect(
            data, size=file.size, name=file.name, claimed=file.mime_type
        )
        await self._keep_thumbnail(file, seen)
        ready = replace(
            file,
            state=FileState.READY,
            mime_type=seen.mime_type,
            looks=seen.looks,
            upload=None,
            expires_at=None,
            ready_at=self._now(),
        )
        if await self._records.change(ready, was=file.state):
            return ready
        return await self._overtaken(file)

    async def _scan(self, file: File, data: Bytes) -> None:
        if self._scanner is None:
            return
        try:
            found = await self._scanner.scan(data, size=file.size)
        except TooLarge as error:
            log.warning("a file is too large to be scanned", file=file.id, size=file.size)
            reason = str(error)
            await self._discard(file, FileState.FAILED, error=TooLarge.code, reason=reason)
            raise
        if found is not None:
            log.warning("a harmful file was refused", file=file.id, found=found)
            reason = f"the file holds {found}; it was not kept"
            await self._discard(file, FileState.FAILED, error=HarmfulFile.code, reason=reason)
            raise HarmfulFile(reason)

    async def _keep_thumbnail(self, file: File, seen: Inspection) -> None:
        if seen.thumbnail is not None:
            key = thumbnail_key(file.id)
            await keep_object(self._objects, key, seen.thumbnail, THUMBNAIL_TYPE)

    async def _overtaken(self, file: File) -> File:
        """Return what another call made of the file; what was ended leaves no bytes."""
        kept = (await self._records.get_many([file.id])).get(file.id)
        if kept is not None and kept.state is FileState.READY:
            return kept
        if kept is not None:
            await self._discard.finish(kept)
        raise FileGone("the file was deleted meanwhile")
