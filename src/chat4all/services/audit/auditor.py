"""Walks all courses at a pace, for ever, and tells what it finds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Protocol

import msgspec
import structlog

from chat4all.domain.errors import Chat4AllError
from chat4all.ports.integrity import AuditNotes, Finding
from chat4all.services.audit.course import Course
from chat4all.services.audit.notes import (
    KEPT,
    Flown,
    Notes,
    Progress,
    Told,
    read_notes,
    write_notes,
)
from chat4all.services.canary import Flight
from chat4all.services.clock import Clock, utc_now

log = structlog.get_logger(__name__)

TICK = 1.0
"""Seconds between two steps of a course."""
REST = timedelta(seconds=5)
"""How long after the beginning of a pass the next one of the same course begins at the earliest."""
KEEP = timedelta(seconds=5)
"""How often it is written down how far it is; a finding and the end of a pass are at once."""
LEAST = 10
"""Records of a step, however slow the pace is."""


class AuditMeter(Protocol):
    """Who counts."""

    def looked(self, part: str, count: int) -> None:
        """Count records that were looked at."""
        ...

    def found(self, check: str) -> None:
        """Count a finding that was not known."""
        ...

    def findings(self, by_check: Mapping[str, int]) -> None:
        """Show how many there are now."""
        ...

    def proven(self, part: str, until: datetime, cycle_seconds: float | None) -> None:
        """Show until when a part is proven, and how long its last pass took."""
        ...

    def ended(self) -> None:
        """Show nothing any more: another process audits."""
        ...


class Auditor:
    """Makes a step of every course each second, together `rate` records a second.

    Of that only the share that `spare` gives, which is less the busier the process is.
    What it knows is kept, so that it goes on where it was. One auditor works at a time;
    should two do for a moment, each writes down what is true. What the `canary` came to is
    kept with it.
    """

    def __init__(
        self,
        courses: Sequence[Course],
        store: AuditNotes,
        meter: AuditMeter,
        *,
        rate: float,
        spare: Callable[[], float] = lambda: 1.0,
        canary: Callable[[], Sequence[Flight]] = tuple,
        now: Clock = utc_now,
    ) -> None:
        self._courses = courses
        self._store = store
        self._meter = meter
        self._rate = rate
        self._spare = spare
        self._canary = canary
        self._now = now
        self._notes = Notes()
        self._kept_at = now()

    async def run(self) -> None:
        """Audit until cancelled."""
        loop = asyncio.get_running_loop()
        await self.begin()
        try:
            while True:
                due = loop.time() + TICK
                await self.tick()
                await asyncio.sleep(max(due - loop.time(), TICK / 2))
        finally:
            self._meter.ended()

    async def begin(self) -> None:
        """Read how far it was."""
        self._notes = await read_notes(self._store)
        self._notes.began_at = self._notes.began_at or self._now()
        names = {one.name for one in self._courses}
        kept = {name: one for name, one in self._notes.courses.items() if name in names}
        self._notes.courses = {one.name: kept.get(one.name, Progress()) for one in self._courses}
        self._show()

    async def tick(self) -> None:
        """Make a step of each course that does not rest."""
        waiting = [one for one in self._courses if self._is_due(self._notes.courses[one.name])]
        limit = max(LEAST, int(self._rate * self._spare() * TICK / max(len(waiting), 1)))
        is_news = False
        for course in waiting:
            try:
                is_news |= await self._step(course, limit)
            except Chat4AllError as error:  # the storage: the other courses may have another
                log.warning("audit waits", part=course.name, code=error.code, detail=str(error))
        now = self._notes.looked_at = self._now()
        if is_news or now - self._kept_at >= KEEP:
            self._notes.canary = [msgspec.convert(asdict(one), Flown) for one in self._canary()]
            await write_notes(self._store, self._notes)
            self._kept_at = now
        self._show()

    def _show(self) -> None:
        self._meter.findings(self._notes.open_findings())
        first = self._notes.began_at or self._now()
        for name, one in self._notes.courses.items():
            self._meter.proven(name, one.proven_until or first, one.cycle_seconds)

    def _is_due(self, progress: Progress) -> bool:
        if progress.began_at is not None or progress.proven_until is None:
            return True
        return self._now() - progress.proven_until >= REST

    async def _step(self, course: Course, limit: int) -> bool:
        """Return whether there is something to write down."""
        progress = self._notes.courses[course.name]
        if progress.began_at is None:
            progress.began_at, progress.looked = self._now(), 0
        step = await course.step(progress.place, limit)
        for finding in step.findings:
            self._note(course.ledger, finding)
        progress.place = step.place
        progress.looked += step.looked
        self._meter.looked(course.name, step.looked)
        if step.over:
            self._end_pass(course.name, progress)
        return bool(step.findings) or step.over

    def _note(self, course: str, finding: Finding) -> None:
        """Count a finding once in each pass, and tell it when it is new."""
        progress, now = self._notes.courses[course], self._now()
        known = next((one for one in self._notes.latest if one.is_of(course, finding)), None)
        if known is not None:
            if progress.began_at is not None and known.seen_at >= progress.began_at:
                return
            known.seen_at = now
        elif sum(progress.found.values()) < KEPT:
            self._tell(course, finding, now)
        progress.found[finding.check] = progress.found.get(finding.check, 0) + 1

    def _tell(self, course: str, finding: Finding, now: datetime) -> None:
        check, conversation, detail = finding.check, finding.conversation_id, finding.detail
        self._meter.found(check)
        log.error("integrity finding", check=check, conversation=conversation, detail=detail)
        told = Told(
            course=course,
            check=check,
            conversation_id=conversation,
            detail=detail,
            found_at=now,
            seen_at=now,
        )
        self._notes.latest = [told, *self._notes.latest][:KEPT]

    def _end_pass(self, course: str, progress: Progress) -> None:
        began = progress.began_at or self._now()
        progress.cycle_seconds = (self._now() - began).total_seconds()
        progress.proven_until, progress.began_at = began, None
        progress.before, progress.found = progress.found, {}
        gone = [one for one in self._notes.latest if one.course == course and one.seen_at < began]
        for one in gone:
            self._notes.latest.remove(one)
            log.info("integrity finding gone", check=one.check, conversation=one.conversation_id)
