"""Time for tests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class ManualClock:
    """Unix seconds that pass only when somebody adds to `now`."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now
