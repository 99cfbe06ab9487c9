"""How long to wait before the next try."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


class Backoff:
    """Seconds to wait, twice as many each time from `first` to `longest`, with jitter."""

    def __init__(self, first: float = 0.2, longest: float = 5.0) -> None:
        self._first = first
        self._longest = longest
        self.reset()

    def reset(self) -> None:
        """Begin anew: something got through."""
        self._ceiling = self._first

    def next(self) -> float:
        """Return the next pause: half of it or more is by chance, so clients spread."""
        pause = self._ceiling * random.uniform(0.5, 1.0)  # noqa: S311 - jitter is no secret
        self._ceiling = min(2 * self._ceiling, self._longest)
        return pause


class Deadline:
    """Bounds tries by `seconds` from now."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Return the seconds that are left; 0 when it has passed."""
        return max(0.0, self._end - time.monotonic())


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server asks to wait; None when it does not (RFC 9110)."""
    told = headers.get("Retry-After", "").strip()
    if told.isascii() and told.isdecimal():
        return float(told)
    try:
        at = parsedate_to_datetime(told)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())
