"""Times on a clock somewhere, also where it is set forward and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat4all.domain.errors import InvalidInput
from chat4all.domain.local_time import instant_of, moment_of, shown_in

ZONES = (
    "Europe/Berlin",
    "America/Sao_Paulo",
    "America/New_York",
    "Australia/Lord_Howe",  # set forward by half an hour
    "Pacific/Apia",  # left out a whole day in 2011
    "Africa/Casablanca",
    "Asia/Kathmandu",
    "UTC",
)
LOCAL = st.datetimes(datetime(2000, 1, 1), datetime(2037, 12, 31))  # noqa: DTZ001 - a clock's


def meant(text: str, zone: str | None = None) -> str:
    return moment_of(text, zone, "/at", "/zone").isoformat()


@pytest.mark.parametrize(
    ("text", "zone", "instant"),
    [
        ("2026-07-01T09:00:00Z", None, "2026-07-01T09:00:00+00:00"),
        ("2026-07-01t09:00:00z", None, "2026-07-01T09:00:00+00:00"),
        ("2026-07-01T09:00:00-03:00", None, "2026-07-01T12:00:00+00:00"),
        # its own offset decides, whatever the zone
        ("2026-07-01T09:00:00-03:00", "Europe/Berlin", "2026-07-01T12:00:00+00:00"),
        ("2026-07-01T09:00", "Europe/Berlin", "2026-07-01T07:00:00+00:00"),
        ("2026-01-01T09:00:00.25", "Europe/Berlin", "2026-01-01T08:00:00.250000+00:00"),
        # 02:00 is followed by 03:00
        ("2026-03-29T01:59:59", "Europe/Berlin", "2026-03-29T00:59:59+00:00"),
        ("2026-03-29T02:30:00", "Europe/Berlin", "2026-03-29T01:30:00+00:00"),
        ("2026-03-29T03:00:00", "Europe/Berlin", "2026-03-29T01:00:00+00:00"),
        # 03:00 is followed by 02:00
        ("2026-10-25T02:30:00", "Europe/Berlin", "2026-10-25T00:30:00+00:00"),
        ("2026-10-25T03:00:00", "Europe/Berlin", "2026-10-25T02:00:00+00:00"),
        ("2026-10-04T02:15:00", "Australia/Lord_Howe", "2026-10-03T15:45:00+00:00"),
    ],
)
def test_a_time_means_an_instant(text: str, zone: str | None, instant: str) -> None:
    assert meant(text, zone) == instant


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tomorrow",
        "2026-07-01",
        "2026-02-30T09:00:00Z",
        "2026-07-01T25:00:00Z",
        "2026-07-01T09:00:61Z",
        "20260701T090000Z",
        "2026-W27-3T09:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "2026-07-01T09:00:00+99:00",
        "2026-07-01T09:00:00Z\n",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        meant(text, "Europe/Berlin")
    assert refused.value.errors[0][0] == "/at"


def test_a_time_without_offset_and_zone_is_refused() -> None:
    with pytest.raises(InvalidInput) as refused:
        meant("2026-07-01T09:00:00")
    assert refused.value.errors == (("/at", "has neither an offset nor a time zone"),)


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "../../etc/passwd", "Europe", ""])
def test_a_zone_that_there_is_not_is_refused(zone: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        meant("2026-07-01T09:00:00Z", zone)
    assert refused.value.errors == (("/zone", "unknown time zone"),)
    at = datetime(2026, 7, 1, 9, tzinfo=UTC)
    assert shown_in(at, zone) == at


@given(LOCAL, st.sampled_from(ZONES))
def test_a_clock_shows_the_time_that_was_meant_or_as_much_later_as_it_leapt(
    local: datetime, name: str
) -> None:
    zone = ZoneInfo(name)
    shown = shown_in(instant_of(local, zone), name).replace(tzinfo=None, fold=0)
    before = local.replace(tzinfo=zone, fold=0).utcoffset()
    after = local.replace(tzinfo=zone, fold=1).utcoffset()
    assert before is not None
    assert after is not None
    leap = max(after - before, timedelta())  # PEP 495: positive in a gap alone
    assert shown == local + leap


@given(LOCAL, st.sampled_from(ZONES))
def test_no_earlier_instant_shows_the_same_time(local: datetime, name: str) -> None:
    instant = instant_of(local, ZoneInfo(name))
    for minutes in (30, 60, 120, 24 * 60):
        earlier = shown_in(instant - timedelta(minutes=minutes), name)
        assert earlier.replace(tzinfo=None, fold=0) < local + timedelta(hours=24)
        assert earlier.replace(tzinfo=None, fold=0) != local
