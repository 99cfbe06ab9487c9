"""A log that continues another one is a log like any other, and counts on."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest

from chat4all.adapters.memory.event_log import MemoryEventLog
from chat4all.adapters.sqlite.event_log import SqliteEventLog
from chat4all.domain.events import Position
from chat4all.ports.event_log import COMMANDS, EVENTS, Record
from chat4all.services.log_generation import (
    ContinuedLog,
    Generation,
    continued,
    following,
    generation_of,
)
from chat4all.testing.event_log import EventLogContract, Features, Open
from chat4all.testing.event_log_reading import FullLog, append


class TestContinued(EventLogContract):
    features = Features(durable=False)

    @pytest.fixture
    def opened(self) -> Open:
        log: FullLog = ContinuedLog(MemoryEventLog(partitions=2), Generation(first=3))
        return lambda: nullcontext(log)


async def test_a_log_that_is_the_first_stays_as_it_is(tmp_path: Path) -> None:
    async with SqliteEventLog(tmp_path / "log.sqlite3") as log:
        assert await continued(log) is log
        assert await following(log) == Generation(first=0)


async def test_places_are_counted_on_over_several_logs() -> None:
    places: list[Position] = []
    before: Generation | None = None
    for partitions in (1, 4, 2):
        raw = MemoryEventLog(partitions=partitions)
        if before is not None:
            await raw.append([before.record()])
            assert await generation_of(raw) == before
        log = await continued(raw)
        old = list(places)
        places += [await append(log, f"k{n % 7}", n) for n in range(30)]
        await log.append([Record(EVENTS, "k", b"event")])
        assert min(places[len(old) :]) > max(old, default=Position(-1, -1))
        ends = {at.partition: at.offset for at in await log.ends(COMMANDS)}
        assert all(at.offset <= ends[at.partition] for at in places)
        assert len(set(places)) == len(places)
        before = await following(log)
        assert before.ends == ends
        assert before.first > max(ends)


async def test_of_the_logs_before_everything_is_done_and_nothing_is_left() -> None:
    raw = MemoryEventLog()
    log = ContinuedLog(raw, Generation(first=1, ends={0: 41}))
    assert await log.ends(COMMANDS) == [Position(0, 41)]
    assert log.done(COMMANDS, "router") == [Position(0, 41)]
    assert await log.ends(EVENTS) == []
    assert (await append(log, "k", 7)) == Position(1, 0)
    assert await log.read(COMMANDS, after=Position(0, 3), limit=9) == []
    [record] = await log.read(COMMANDS, after=Position(1, -1), limit=9)
    assert record.position == Position(1, 0)
    async with log.consume(COMMANDS, "router") as consumer:
        [taken] = await consumer.next(limit=9)
        assert taken == record
        await consumer.commit(taken.position)
    assert log.done(COMMANDS, "router") == [Position(0, 41), Position(1, 0)]
    survey = await log.survey(COMMANDS)
    assert (survey.lag("router"), survey.lag("another")) == (0, 1)
    assert survey.ends == {0: 41, 1: 0}
