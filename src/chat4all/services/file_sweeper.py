"""Removes what nobody will ask for again: unfinished uploads, files that were never sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import structlog

from chat4all.domain.files import FileState
from chat4all.ports.file_records import FileRecords, FileReferences
from chat4all.ports.object_store import ObjectStore, UploadToken
from chat4all.services.clock import Clock, utc_now
from chat4all.services.file_meter import FileMeter, NoFileMeter, Swept
from chat4all.services.file_objects import Discard

log = structlog.get_logger(__name__)

EVERY_SECONDS = 300.0
UNSENT_AFTER = timedelta(days=7)
"""How long a ready file waits for a message that shows it."""
MARGIN = timedelta(hours=1)
"""A message that was accepted within `UNSENT_AFTER` shows its file at the latest after it."""
MOST = 500
"""Files looked at per sweep and kind; the next sweep goes on."""
EXPIRED = "upload_expired"


class FileSweeper:
    """Sweeps again and again; what it stops in the middle of, the next sweep finishes.

    `idle` says whether every event so far was seen by what keeps the references; only then
    is a file that no message shows known to be unsent.
    """

    def __init__(
        self,
        records: FileRecords,
        references: FileReferences,
        objects: ObjectStore,
        discard: Discard,
        *,
        idle: Callable[[], bool],
        lasting: timedelta,
        meter: FileMeter | None = None,
        now: Clock = utc_now,
    ) -> None:
        self._records = records
        self._references = references
        self._objects = objects
        self._discard = discard
        self._idle = idle
        self._lasting = lasting
        self._meter = meter or NoFileMeter()
        self._now = now

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            await self.once()
            await asyncio.sleep(EVERY_SECONDS)

    async def once(self) -> int:
        """Sweep once; return how many files and uploads went."""
        swept: dict[Swept, int] = {
            "expired": await self._expired(),
            "half_gone": await self._half_gone(),
        }
        if self._idle():
            swept["unsent"] = await self._unsent()
        swept["stray_upload"] = await self._stray_uploads()
        for kind, count in swept.items():
            self._meter.file_sweep(kind, count)
        if any(swept.values()):
            log.info("files swept", **swept)
        return sum(swept.values())

    async def _expired(self) -> int:
        late = await self._records.in_state(FileState.UPLOADING, before=self._now(), limit=MOST)
        reason = "the upload was not finished in time; begin a new one"
        for file in late:
            await self._discard(file, FileState.FAILED, error=EXPIRED, reason=reason)
        return len(late)

    async def _half_gone(self) -> int:
        """Finish what was stopped between the record and the bytes."""
        count = 0
        for state in (FileState.FAILED, FileState.DELETED):
            for file in await self._records.in_state(state, before=self._now(), limit=MOST):
                await self._discard.finish(file)
                count += 1
        return count

    async def _unsent(self) -> int:
        before = self._now() - UNSENT_AFTER - MARGIN
        unsent = await self._references.unattached(before=before, limit=MOST)
        reason = "no message showed the file within 7 days"
        for file in unsent:
            await self._discard(file, FileState.DELETED, error="unsent", reason=reason)
        return len(unsent)

    async def _stray_uploads(self) -> int:
        """End uploads of the store that no record names: begun, and stopped before it was kept."""
        before = self._now() - self._lasting - MARGIN
        strays: set[UploadToken] = set()
        async for token, began_at in self._objects.unfinished():
            if began_at < before and len(strays) < MOST:
                strays.add(token)
        if strays:
            async for file in self._records.every():
                if file.upload is not None:
                    strays.discard(UploadToken(file.upload))
        for token in strays:
            await self._objects.uploads.abort(token)
        return len(strays)
