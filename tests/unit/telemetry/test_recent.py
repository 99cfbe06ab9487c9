"""The last hour of a process, kept in memory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat4all.telemetry.overview import LAG, overview
from chat4all.telemetry.recent import BUCKETS, SLOT_SECONDS, SLOTS, Recent, quantile

NOON = 1_800_000_000.0


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def recent(clock: Clock) -> Recent:
    return Recent(clock)


def test_what_happened_in_a_slot_is_told_as_a_rate(recent: Recent, clock: Clock) -> None:
    for _ in range(10):
        recent.request("/v1/messages", 202, 0.004)
    recent.message("app", 5)
    clock.now += SLOT_SECONDS
    series = overview(recent).series
    assert series.requests[-2:] == [10 / SLOT_SECONDS, 0]
    assert series.messages[-2:] == [5 / SLOT_SECONDS, 0]
    assert series.p95[-1] is None
    assert 0.0025 < (series.p95[-2] or 0) <= 0.005


def test_an_hour_later_it_is_forgotten(recent: Recent, clock: Clock) -> None:
    recent.request("/v1/messages", 500, 0.1)
    clock.now += (SLOTS - 1) * SLOT_SECONDS
    assert overview(recent).requests == 1
    clock.now += SLOT_SECONDS
    assert overview(recent).requests == 0


def test_a_slot_of_an_hour_ago_is_not_counted_on(recent: Recent, clock: Clock) -> None:
    recent.request("/v1/messages", 500, 0.1)
    clock.now += SLOTS * SLOT_SECONDS
    recent.request("/v1/messages", 200, 0.1)
    found = overview(recent)
    assert (found.requests, found.availability.value) == (1, 1.0)


def test_the_aims_are_missed_by_errors_and_by_slow_answers(recent: Recent) -> None:
    assert overview(recent).availability.value is None
    for _ in range(98):
        recent.request("/v1/messages", 200, 0.01)
    found = overview(recent)
    assert (found.availability.kept, found.p95.kept, found.errors.kept) == (True, True, True)
    recent.request("/v1/messages", 503, 0.01)
    recent.request("/v1/messages", 0, 0.01)  # the client was gone before the answer
    found = overview(recent)
    assert found.availability.value == pytest.approx(0.99)
    assert (found.availability.kept, found.p95.kept, found.errors.kept) == (False, True, True)
    recent.request("/v1/messages", 500, 0.01)
    assert not overview(recent).errors.kept
    for _ in range(20):
        recent.request("/v1/messages", 200, 0.4)
    assert not overview(recent).p95.kept


def test_waiting_for_news_and_bytes_of_files_is_not_slow(recent: Recent) -> None:
    for route in ("/v1/sync", "/v1/files/uploads/{file_id:str}"):
        recent.request(route, 200, 30.0)
    found = overview(recent)
    assert (found.requests, found.p95.value) == (2, None)


def test_errors_of_long_ago_are_no_errors_of_now(recent: Recent, clock: Clock) -> None:
    recent.request("/v1/messages", 500, 0.1)
    clock.now += 301
    recent.request("/v1/messages", 200, 0.1)
    found = overview(recent)
    assert (found.errors.value, found.availability.value) == (0.0, 0.5)


def test_channels_are_told_by_what_they_brought_and_reported(recent: Recent) -> None:
    recent.message("telegram", 2)
    recent.report("telegram", "sent")
    recent.report("mock", "failed")
    mock, telegram = overview(recent).channels
    assert (mock.channel, mock.received, mock.failed) == ("mock", 0, 1)
    assert (telegram.channel, telegram.received, telegram.sent) == ("telegram", 2, 1)


def test_a_gauge_is_read_when_a_slot_begins(recent: Recent, clock: Clock) -> None:
    assert not overview(recent).stores
    lag = [3.0]
    recent.watch(LAG, lambda: lag[0])
    clock.now += SLOT_SECONDS
    assert overview(recent).series.lag[-1] == 3.0
    lag[0] = 7.0
    clock.now += SLOT_SECONDS
    found = overview(recent)
    assert (found.series.lag[-2:], found.stores) == ([3.0, 7.0], True)


@given(st.lists(st.floats(0, 20), min_size=1, max_size=60), st.sampled_from([0.5, 0.95]))
def test_a_quantile_lies_in_the_bucket_of_the_one_it_is(taken: list[float], part: float) -> None:
    recent = Recent(Clock())
    for seconds in taken:
        recent.request("/v1/messages", 200, seconds)
    [slot] = recent.slots(1)
    found = quantile(part, slot.answered)
    assert found is not None
    place = next(n for n in range(len(taken)) if n + 1 >= part * len(taken) - 1e-9)
    true = sorted(taken)[place]
    high = next((one for one in BUCKETS if one >= true), BUCKETS[-1])
    low = max((one for one in BUCKETS if one < true), default=0.0)
    assert min(low, BUCKETS[-1]) - 1e-9 <= found <= high + 1e-9
