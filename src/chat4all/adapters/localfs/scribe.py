"""Writes one batch of an upload while the next one comes in."""

from __future__ import annotations

import asyncio

from chat4all.adapters.localfs.open_upload import OpenUpload
from chat4all.adapters.localfs.threads import Threads, finished

BATCH_BYTES = 1 << 20
MOST_PIECES = 1024


class Scribe:
    """Holds at most two batches, and writes nothing after a write that failed."""

    def __init__(self, threads: Threads, file: OpenUpload) -> None:
        self._threads = threads
        self._file = file
        self._batch: list[bytes] = []
        self._held = 0
        self._writing: asyncio.Future[None] | None = None
        self._failed = False

    async def take(self, piece: bytes) -> None:
        """Take a piece; wait while the batch before this one is still being written."""
        self._batch.append(piece)
        self._held += len(piece)
        if self._held >= BATCH_BYTES or len(self._batch) >= MOST_PIECES:
            await self._written()
            self._begin()

    async def end(self) -> None:
        """Write what is left, unless a write has failed."""
        await self._written()
        if self._batch and not self._failed:
            self._begin()
            await self._written()

    def _begin(self) -> None:
        self._writing = self._threads.begin(self._file.write, self._batch)
        self._batch, self._held = [], 0

    async def _written(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None:
            try:
                await finished(writing)
            except asyncio.CancelledError:
                self._failed = self._failed or writing.exception() is not None
                raise
            except Exception:
                self._failed = True
                raise
