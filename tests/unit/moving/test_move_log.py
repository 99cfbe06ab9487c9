"""The log on its way: letters, what waits, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from chat4all.adapters.memory.event_log import MemoryEventLog
from chat4all.adapters.sqlite.event_log import SqliteEventLog
from chat4all.domain.errors import MoveRefused, NotPermitted, Unavailable
from chat4all.domain.events import Position
from chat4all.ports.event_log import COMMANDS, EVENTS, EventLog, Record, outbound
from chat4all.services.dead_letters import DeadLetters, dead_letter
from chat4all.services.log_generation import STREAM, Log, continued
from chat4all.services.moving.log import MoveLog
from tests.unit.moving.counted import Counted

TASKS = outbound("mock")


class Breaking(MemoryEventLog):
    """A log that fails at its `last` append."""

    last = 0

    async def append(self, records: Sequence[Record]) -> Sequence[Position]:
        self.last -= 1
        if self.last == 0:
            raise Unavailable("broken off")
        return await super().append(records)


def moving(ours: Log, theirs: Log) -> MoveLog:
    return MoveLog(ours, theirs, Counted(), router="router", keepers={EVENTS: "files"})


async def do(log: EventLog, stream: str, group: str, count: int) -> None:
    """Have a group do the first `count` records."""
    done = 0
    async with log.consume(stream, group) as consumer:
        while done < count:
            records = await consumer.next(limit=count - done)
            done += len(records)
            await consumer.commit(records[-1].position)


async def fill(log: EventLog) -> None:
    await log.append([Record(COMMANDS, "k", b"submit %d" % n) for n in range(9)])
    await log.append([Record(EVENTS, "k", b"added %d" % n) for n in range(9)])
    await log.append([Record(TASKS, f"+55 {n % 3}", b"task %d" % n) for n in range(9)])
    for n in range(5):
        await log.append([dead_letter(COMMANDS, "k", b"letter %d" % n, NotPermitted("no"))])
    await do(log, COMMANDS, "router", 9)
    await do(log, EVENTS, "files", 7)
    await do(log, EVENTS, "notifier", 2)
    await do(log, TASKS, "delivery", 4)
    letters = DeadLetters(log, log)  # type: ignore[arg-type] # it can be read, too
    await letters.redrive((await letters.page()).items[1].id)
    await do(log, COMMANDS, "router", 1)


async def contents(log: Log, stream: str) -> list[bytes]:
    return [
        record.value
        for end in await log.ends(stream)
        for record in await log.read(stream, after=Position(end.partition, -1), limit=99)
    ]


@pytest.mark.parametrize("at", range(14))
async def test_what_is_of_use_is_there_however_often_it_broke_off(tmp_path: Path, at: int) -> None:
    theirs = Breaking()
    async with SqliteEventLog(tmp_path / "log.sqlite3") as ours:
        await fill(ours)
        before = (await DeadLetters(ours, ours).page()).items
        theirs.last = at
        move = moving(ours, theirs)
        await move.require()
        try:
            await move.copy()
        except Unavailable:
            await move.require()
            await move.copy()
        assert await move.verify() == {"dead letters": 6, "waiting records": 7}
        old = (await ours.ends(COMMANDS))[0]
    log = await continued(theirs)
    assert await log.ends(COMMANDS) == [old]
    assert await contents(log, TASKS) == [b"task %d" % n for n in range(4, 9)]
    assert await contents(log, EVENTS) == [b"added 7", b"added 8"]
    after = (await DeadLetters(log, log).page()).items
    for one, other in zip(before, after, strict=True):
        assert one.id != other.id
        told = [
            (x.value, x.reason, x.code, x.parked_at, x.redriven_at, x.redriven_by)
            for x in (one, other)
        ]
        assert told[0] == told[1]
    assert [one.redriven_at is None for one in after] == [True, False, True, True, True]


async def test_commands_that_are_not_done_are_not_left_behind() -> None:
    ours = MemoryEventLog()
    await ours.append([Record(COMMANDS, "k", b"submit")] * 3)
    await do(ours, COMMANDS, "router", 2)
    with pytest.raises(MoveRefused, match="1 commands"):
        await moving(ours, MemoryEventLog()).require()


async def test_a_log_that_is_read_is_not_moved() -> None:
    ours = MemoryEventLog()
    async with ours.consume(EVENTS, "notifier"):
        with pytest.raises(MoveRefused, match="stop every server"):
            await moving(ours, MemoryEventLog()).require()


@pytest.mark.parametrize("stream", [COMMANDS, EVENTS, TASKS])
async def test_a_log_with_records_of_its_own_is_refused(stream: str) -> None:
    ours, theirs = MemoryEventLog(), MemoryEventLog()
    await theirs.append([Record(stream, "k", b"theirs")])
    with pytest.raises(MoveRefused, match=f"records of {stream}"):
        await moving(ours, theirs).require()


async def test_a_log_that_was_used_since_is_refused() -> None:
    ours, theirs = MemoryEventLog(), MemoryEventLog()
    await fill(ours)
    move = moving(ours, theirs)
    await move.copy()
    await move.verify()
    await (await continued(theirs)).append([Record(COMMANDS, "k", b"after")])
    with pytest.raises(MoveRefused, match="used since"):
        await move.require()


async def test_a_log_that_continues_another_one_is_refused() -> None:
    ours, others, theirs = MemoryEventLog(), MemoryEventLog(), MemoryEventLog()
    await fill(ours)
    await others.append([Record(COMMANDS, "k", b"submit")])
    await moving(others, theirs).copy()
    with pytest.raises(MoveRefused, match="continues another one"):
        await moving(ours, theirs).require()


async def test_a_record_that_got_lost_is_found() -> None:
    ours, theirs = MemoryEventLog(), MemoryEventLog()
    await fill(ours)
    move = moving(ours, theirs)
    await move.copy()
    await ours.append([Record(TASKS, "k", b"one more")])
    with pytest.raises(MoveRefused, match=r"waits in outbound\.mock"):
        await move.verify()
    assert STREAM in await theirs.streams()
