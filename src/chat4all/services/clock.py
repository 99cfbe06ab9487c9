"""The time, as something that can be given."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the time now, aware, in UTC."""


def utc_now() -> datetime:
    """Return the time now."""
    return datetime.now(UTC)
