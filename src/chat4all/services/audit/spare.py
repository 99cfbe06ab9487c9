"""How much of a processor the process leaves free, so that an audit takes what nobody needs."""

from __future__ import annotations

import time
from collections.abc import Callable

LEAST_SHARE = 0.2
"""What an audit gets of its pace in a process that has no time to spare."""


class Spare:
    """Tells which share of its pace an audit may have: 1 in an idle process, and at least 0.2.

    By the processor time that the process used since it was last asked.
    """

    def __init__(
        self,
        used: Callable[[], float] = time.process_time,
        passed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._used, self._passed = used, passed
        self._at = used(), passed()

    def __call__(self) -> float:
        """Return the share."""
        used, passed = self._used(), self._passed()
        busy = (used - self._at[0]) / max(passed - self._at[1], 1e-3)
        self._at = used, passed
        return max(LEAST_SHARE, min(1.0, 1.0 - busy))
