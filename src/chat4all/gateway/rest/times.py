"""Times in queries."""

from __future__ import annotations

from datetime import UTC, datetime

from chat4all.domain.errors import InvalidInput


def read_time(text: str | None, pointer: str) -> datetime | None:
    """Return the time, in UTC when it names no zone. Raises `InvalidInput`."""
    if text is None:
        return None
    try:
        # "+" in a query that was not percent-encoded arrives as a space
        moment = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidInput(
            "write a time such as 2026-01-31T12:00:00Z", [(pointer, "not a time of RFC 3339")]
        ) from error
