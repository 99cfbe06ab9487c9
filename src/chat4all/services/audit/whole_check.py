"""Looks at everything now, without a pace: what `chat4all check` asks for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from chat4all.ports.integrity import Finding
from chat4all.services.audit.course import Course, Place
from chat4all.services.audit.cursors import CursorsCourse, Store
from chat4all.services.audit.numbers import NumbersCourse

AT_ONCE = 1_000
"""Records of a step."""


class WholeCheck:
    """One pass of every course, made anew for each call."""

    def __init__(
        self,
        courses: Callable[[], Sequence[Course]],
        *counts: Callable[[], Awaitable[dict[str, int]]],
    ) -> None:
        self._courses = courses
        self._counts = counts

    async def findings(self) -> AsyncIterator[Finding]:
        """Yield every finding; nothing when all promises hold."""
        for course in self._courses():
            async for finding in findings_of(course):
                yield finding

    async def counts(self) -> dict[str, int]:
        """Return how much there is: conversations, messages, cursors, statuses, files."""
        found: dict[str, int] = {}
        for count in self._counts:
            found |= await count()
        return found


async def stored_findings(store: Store) -> AsyncIterator[Finding]:
    """Yield what is wrong with the numbers and the cursors of a store."""
    for course in (NumbersCourse(store), CursorsCourse(store)):
        async for finding in findings_of(course):
            yield finding


async def findings_of(course: Course, *, at_once: int = AT_ONCE) -> AsyncIterator[Finding]:
    """Yield what one pass of a course finds."""
    place: Place = None
    while True:
        step = await course.step(place, at_once)
        for finding in step.findings:
            yield finding
        if step.over:
            return
        place = step.place
