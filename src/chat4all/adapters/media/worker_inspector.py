"""The inspector: the type told here, everything else by workers, which may be lost."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

import structlog

from chat4all.adapters.media.found import Found
from chat4all.adapters.media.limits import Limits
from chat4all.adapters.media.sniff import type_of, with_streams
from chat4all.adapters.media.sniffing_inspector import read_head
from chat4all.adapters.media.worker_process import WorkerLost, WorkerProcess
from chat4all.domain.files import Looks
from chat4all.ports.media import Bytes, Inspection

_LOOKED_INTO = ("image/", "audio/", "video/")
log = structlog.get_logger(__name__)


class WorkerInspector:
    """Looks into files in processes that start when they are needed and end when they are not.

    A worker that takes too long is killed, one that dies is replaced; the file that did it
    has no looks.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._free = asyncio.Semaphore(self._limits.workers)
        self._waiting = 0
        self._idle: list[WorkerProcess] = []
        self._timer: asyncio.TimerHandle | None = None
        self._ending: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Start nothing: the first file does."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the workers."""
        if self._timer is not None:
            self._timer.cancel()
        self._end_idle()
        await asyncio.gather(*self._ending)

    async def inspect(self, data: Bytes, *, size: int, name: str, claimed: str) -> Inspection:
        """Return what the bytes are."""
        head = await read_head(data, size)
        mime_type = type_of(head, name=name, claimed=claimed)
        if not mime_type.startswith(_LOOKED_INTO):
            return Inspection(mime_type=mime_type, looks=Looks())
        found = await self._found(data, size, mime_type)
        if found.video is not None:
            mime_type = with_streams(mime_type, video=found.video)
        looks = Looks(
            width=found.width,
            height=found.height,
            duration=found.duration,
            thumbnail=found.thumbnail is not None,
        )
        return Inspection(mime_type=mime_type, looks=looks, thumbnail=found.thumbnail)

    async def _found(self, data: Bytes, size: int, mime_type: str) -> Found:
        if self._waiting >= self._limits.waiting:
            log.warning("media_worker_busy", waiting=self._waiting)
            return Found()
        self._waiting += 1
        try:
            async with asyncio.timeout(self._limits.seconds):
                await self._free.acquire()
        except TimeoutError:
            log.warning("media_worker_busy", waiting=self._waiting)
            return Found()
        finally:
            self._waiting -= 1
        try:
            return await self._look(data, size, mime_type)
        finally:
            self._free.release()

    async def _look(self, data: Bytes, size: int, mime_type: str) -> Found:
        try:
            async with asyncio.timeout(self._limits.seconds) as limit:
                return await self._asked(data, size, mime_type)
        except WorkerLost as lost:
            log.warning("media_worker_lost", reason=str(lost), mime_type=mime_type, size=size)
        except TimeoutError:
            if not limit.expired():
                raise  # of the store that is read, and not ours
            log.warning("media_worker_slow", mime_type=mime_type, size=size)
        return Found()

    async def _asked(self, data: Bytes, size: int, mime_type: str) -> Found:
        worker = await self._take()
        try:
            found = await worker.look(data, size=size, mime_type=mime_type)
        except WorkerLost:
            if worker.served == 1:
                raise
            return await self._asked(data, size, mime_type)  # it may have died while idle
        else:
            self._give_back(worker)
            return found
        finally:
            if worker not in self._idle:
                await asyncio.shield(self._end(worker))

    async def _take(self) -> WorkerProcess:
        while self._idle:
            worker = self._idle.pop()
            if worker.alive:
                return worker
            self._end(worker)
        return await WorkerProcess.start(self._limits)

    def _give_back(self, worker: WorkerProcess) -> None:
        if worker.served >= self._limits.files_per_worker:
            return
        self._idle.append(worker)
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._limits.idle_seconds, self._end_idle)

    def _end_idle(self) -> None:
        for worker in self._idle:
            self._end(worker)
        self._idle.clear()

    def _end(self, worker: WorkerProcess) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(worker.end())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        return task
