"""What the auditor knows, as it is kept: how far each course is, and what it found."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from chat4all.ports.integrity import CHECKS, AuditNotes, Finding

KEPT = 100
"""Findings that are kept with their words; all are counted."""


class Told(msgspec.Struct, kw_only=True):
    """A finding of a course: when it was first found, and when it was last seen."""

    course: str
    check: str
    conversation_id: str | None
    detail: str
    found_at: datetime
    seen_at: datetime

    def is_of(self, course: str, finding: Finding) -> bool:
        """Say whether it tells what `finding` does."""
        told = (self.course, self.check, self.conversation_id, self.detail)
        return told == (course, finding.check, finding.conversation_id, finding.detail)


class Progress(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One course: where it is, and what its passes came to.

    `began_at` is when the running pass began; `proven_until` when the last whole one did, for
    all that there was then has been looked at. `found` counts what the running pass found,
    `before` what the last one had.
    """

    place: Any = None
    began_at: datetime | None = None
    proven_until: datetime | None = None
    cycle_seconds: float | None = None
    looked: int = 0
    found: dict[str, int] = {}
    before: dict[str, int] = {}


class Flown(msgspec.Struct, kw_only=True):
    """The last message of the canary from one channel to another."""

    source: str
    target: str
    outcome: str
    seconds: float | None
    at: datetime


class Notes(msgspec.Struct, kw_only=True, omit_defaults=True):
    """All of it."""

    began_at: datetime | None = None
    looked_at: datetime | None = None
    courses: dict[str, Progress] = {}
    latest: list[Told] = []
    canary: list[Flown] = []

    def open_findings(self) -> dict[str, int]:
        """Return how many of each check there are, as far as is known.

        What the last whole pass found counts until the running one has come round.
        """
        return {
            check: sum(
                max(one.found.get(check, 0), one.before.get(check, 0))
                for one in self.courses.values()
            )
            for check in CHECKS
        }

    def proven_until(self) -> datetime | None:
        """Return the time before which everything is proven; None while a course is not."""
        known = [one.proven_until for one in self.courses.values()]
        times = [one for one in known if one is not None]
        return min(times) if times and len(times) == len(known) else None


_decode = msgspec.json.Decoder(Notes).decode
_encode = msgspec.json.Encoder().encode


async def read_notes(store: AuditNotes) -> Notes:
    """Return what is kept; what cannot be read, of a newer version, is begun anew."""
    kept = await store.read_notes()
    if kept is None:
        return Notes()
    try:
        return _decode(kept)
    except msgspec.DecodeError:
        return Notes()


async def write_notes(store: AuditNotes, notes: Notes) -> None:
    """Keep `notes`."""
    await store.write_notes(_encode(notes))
