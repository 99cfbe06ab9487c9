"""Works on what is due: many at a time, few for one owner, one in each lane."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog

from chat4all.domain.errors import Chat4AllError

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """One thing that is due, in a lane of its owner; `work` does it and keeps what came of it."""

    owner: str
    lane: str
    work: Callable[[], Coroutine[Any, Any, None]]


Look = Callable[[Collection[str]], Awaitable[Sequence[Job]]]
"""Returns what is due, without that of the owners named."""


class Crew:
    """Looks again and again for what is due, and works on it.

    A slow owner holds up nobody else: at most `per_owner` of the `at_a_time` are its.
    What fails with an error of ours was not kept, so that the next look finds it again.
    """

    def __init__(
        self, look: Look, *, what: str, every: float, at_a_time: int, per_owner: int
    ) -> None:
        self._look = look
        self._what = what
        self._every = every
        self._at_a_time = at_a_time
        self._per_owner = per_owner
        self._busy: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Look at once for what is due, rather than soon."""
        self._wake.set()

    async def run(self) -> None:
        """Work until cancelled; what is under way then is cancelled too."""
        try:
            while True:
                self._wake.clear()
                try:
                    await self._start_due()
                except Chat4AllError as error:
                    log.warning("what is due waits", what=self._what, detail=str(error))
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._every):
                        await self._wake.wait()
        finally:
            tasks = list(self._busy.values())
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks)

    async def _start_due(self) -> None:
        loads = Counter(owner for owner, _ in self._busy)
        full = [one for one, count in loads.items() if count >= self._per_owner]
        if len(self._busy) >= self._at_a_time:
            return
        before = set(self._busy)  # what one of them ends meanwhile, the look may still have seen
        for job in await self._look(full):
            lane = job.owner, job.lane
            if lane in before or lane in self._busy or loads[job.owner] >= self._per_owner:
                continue
            if len(self._busy) >= self._at_a_time:
                return
            loads[job.owner] += 1
            self._busy[lane] = asyncio.create_task(self._work(lane, job))

    async def _work(self, lane: tuple[str, str], job: Job) -> None:
        try:
            await job.work()
            self._wake.set()
        except Chat4AllError as error:
            log.warning("work could not be kept", what=self._what, detail=str(error))
        except Exception:
            log.exception("work failed", what=self._what, owner=job.owner)
        finally:
            del self._busy[lane]
