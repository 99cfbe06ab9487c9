"""What the contract of `EventLog` does with a log, in words."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

from chat4all.domain.events import Position
from chat4all.ports.event_log import (
    COMMANDS,
    Consumer,
    EventLog,
    LogRecord,
    Record,
    SupportsRead,
    SupportsTrim,
)
from chat4all.ports.moving import SupportsSurvey

TRACE = f"00-{1:032x}-{2:016x}-01 other=1,system=2"
PATIENCE = 30.0  # seconds after which something that should have come is a failure


class FullLog(EventLog, SupportsRead, SupportsTrim, SupportsSurvey, Protocol):
    """A log with every optional power."""


def later() -> datetime:
    """Return a time after everything appended so far."""
    return datetime.now(UTC) + timedelta(seconds=5)


async def append(log: EventLog, key: str, value: int) -> Position:
    """Append one number to `commands`."""
    record = Record(COMMANDS, key, str(value).encode(), _trace(value))
    [position] = await log.append([record])
    return position


async def fill(log: EventLog, count: int, *, start: int = 0) -> None:
    """Append `count` numbers to `commands` over a few keys, 500 a call."""
    for first in range(start, start + count, 500):
        numbers = range(first, min(first + 500, start + count))
        records = [Record(COMMANDS, f"k{n % 11}", str(n).encode(), _trace(n)) for n in numbers]
        await log.append(records)


async def collect(consumer: Consumer, count: int, *, limit: int = 100) -> list[LogRecord]:
    """Return the next `count` records, failing when they do not come."""
    got: list[LogRecord] = []
    while len(got) < count:
        got += await next_batch(consumer, min(limit, count - len(got)))
    return got


async def take(log: EventLog, stream: str, group: str, count: int) -> list[LogRecord]:
    """Return the next `count` records of a group, committing none."""
    async with log.consume(stream, group) as consumer:
        return await collect(consumer, count)


async def values(log: SupportsRead, after: Position, limit: int) -> list[int]:
    """Return the numbers placed later than `after` in its partition of `commands`."""
    records = await log.read(COMMANDS, after=after, limit=limit)
    assert [one.trace for one in records] == [_trace(int(one.value)) for one in records]
    return [int(one.value) for one in records]


def _trace(number: int) -> str:
    """Return a trace for some of the numbers."""
    return TRACE if number % 3 == 1 else ""


async def next_batch(consumer: Consumer, limit: int) -> Sequence[LogRecord]:
    """Return the next 1 to `limit` records, failing when none comes."""
    async with asyncio.timeout(PATIENCE):
        return await consumer.next(limit=limit)
