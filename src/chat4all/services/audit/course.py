"""A course goes once through one kind of what is stored, in steps of bounded size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from chat4all.ports.integrity import Finding
from chat4all.services.clock import Clock, utc_now

Place = Any
"""Where a course is: values of JSON, so that it can be kept. None is the beginning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one step came to; with `over` the pass has ended, and `place` begins the next."""

    looked: int
    place: Place
    findings: Sequence[Finding] = ()
    over: bool = False


class Course(Protocol):
    """One thing to prove."""

    @property
    def name(self) -> str:
        """Return what it is called in metrics and notes."""
        ...

    @property
    def ledger(self) -> str:
        """Return the course whose passes come upon its findings again: mostly itself."""
        ...

    async def step(self, place: Place, limit: int) -> Step:
        """Look at up to about `limit` records from `place` on.

        Tells only what is wrong for good: what is on its way is no finding. Raises
        `Unavailable` when the storage does not answer; the same step can be made again.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long past its deadline something may stand before it counts as stuck.

    Who acts on deadlines has that long after the start `since` as well.
    """

    grace: timedelta
    since: datetime
    now: Clock = utc_now

    def is_over(self, deadline: datetime) -> bool:
        """Say whether what had to happen by `deadline` is stuck."""
        return self.now() - max(deadline, self.since) > self.grace
