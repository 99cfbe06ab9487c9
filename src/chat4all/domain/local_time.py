"""Times as people say them: a clock in some place, and the instant that it means.

https://www.rfc-editor.org/rfc/rfc3339 and https://www.iana.org/time-zones
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from chat4all.domain.errors import InvalidInput

_FORM = re.compile(
    r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})?", re.ASCII
)


def zone_of(name: str, pointer: str) -> ZoneInfo:
    """Return a time zone by its name, such as Europe/Lisbon. Raises `InvalidInput`."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise InvalidInput(
            "no such time zone; names are like Europe/Lisbon", [(pointer, "unknown time zone")]
        ) from error


def instant_of(local: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant at which a clock in `zone` shows `local`, a time without a zone.

    A time that the clock shows twice is its first; one that it leaps over is as much later as
    the leap is wide, so that 02:30 is 03:30 where 02:00 is followed by 03:00.

    >>> instant_of(datetime(2026, 3, 29, 2, 30), ZoneInfo("Europe/Berlin")).isoformat()
    '2026-03-29T01:30:00+00:00'
    """
    return local.replace(tzinfo=zone, fold=0).astimezone(UTC)


def moment_of(text: str, zone: str | None, pointer: str, zone_pointer: str) -> datetime:
    """Return the instant that `text` means, in UTC: by its offset, or on a clock in `zone`.

    Raises `InvalidInput`, also for a zone that there is not.
    """
    place = None if zone is None else zone_of(zone, zone_pointer)
    written = text.upper()
    try:
        if _FORM.fullmatch(written) is None:
            raise ValueError(written)
        moment = datetime.fromisoformat(written)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
        if place is not None:
            return instant_of(moment, place)
    except (ValueError, OverflowError) as error:
        raise InvalidInput(
            "write a time such as 2026-01-31T12:00:00Z", [(pointer, "not a time of RFC 3339")]
        ) from error
    raise InvalidInput(
        "say the offset of the time, 2026-01-31T12:00:00Z, or a `time_zone` beside it",
        [(pointer, "has neither an offset nor a time zone")],
    )


def shown_in(moment: datetime, zone: str) -> datetime:
    """Return `moment` as a clock in `zone` shows it; in UTC where that zone is not known."""
    try:
        return moment.astimezone(zone_of(zone, ""))
    except InvalidInput:  # it was known when it was given, perhaps on another machine
        return moment
