"""How long to wait after a failure: ever longer, and not all at once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits in seconds: `first`, and each `factor` times the one before, up to `longest`."""

    first: float = 5.0
    factor: float = 3.0
    longest: float = 4 * 3_600.0

    def wait(self, failures: int, jitter: float) -> float:
        """Return the wait after so many failures; `jitter`, from 0 to 1, moves it by a fifth."""
        wait = min(self.first * self.factor ** min(failures - 1, 20), self.longest)
        return wait * (0.8 + 0.4 * jitter)
