"""A log that took the place of another one: its partitions are counted on from there.

Messages, events and the cursors of clients name places of the log. Where a new log begins at
offset 0, what it gives away must not look like a place of the old one. So the first partition
of a new log has the number that follows the last of all before it. The order of places stays
that of what happened, and a cursor from before says rightly what its client has not seen.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

import msgspec

from chat4all.domain.errors import MoveRefused
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
from chat4all.ports.moving import SupportsSurvey, Survey

STREAM = "generation"
"""The stream in which a log says what was before it; of the first log it is empty."""


class Log(EventLog, SupportsRead, SupportsTrim, SupportsSurvey, Protocol):
    """An event log with all its powers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """What was before a log: the number of its own first partition, and the ends of the others.

    `ends` has the last offset of commands in each partition of the logs before.
    """

    first: int
    ends: Mapping[int, int] = field(default_factory=dict)

    def record(self) -> Record:
        """Return what is kept in the log."""
        return Record(STREAM, STREAM, msgspec.json.encode(self))


async def generation_of(log: Log) -> Generation | None:
    """Return what a log says was before it; None of one that is the first."""
    for end in await log.ends(STREAM):
        found = await log.read(STREAM, after=Position(end.partition, -1), limit=1)
        if found:
            try:
                return msgspec.json.decode(found[0].value, type=Generation)
            except msgspec.DecodeError as error:
                raise MoveRefused(
                    f"the log says in its stream {STREAM} what this version cannot read; install "
                    "a newer one"
                ) from error
    return None


async def following(log: Log) -> Generation:
    """Return what a log that takes the place of `log` has to say."""
    surveys = [await log.survey(stream) for stream in await log.streams()]
    commands = await log.survey(COMMANDS)
    known = [partition for one in (*surveys, commands) for partition in one.ends]
    return Generation(
        first=max(known, default=-1) + 1,
        ends={number: end for number, end in sorted(commands.ends.items()) if end >= 0},
    )


async def continued(log: Log) -> Log:
    """Return `log`, with its partitions counted on from those before it."""
    generation = await generation_of(log)
    return log if generation is None else ContinuedLog(log, generation)


class ContinuedLog:
    """A log behind those of earlier generations, of which everything was dropped."""

    def __init__(self, log: Log, generation: Generation) -> None:
        self._log = log
        self._first = generation.first
        self._before = [Position(*one) for one in sorted(generation.ends.items())]

    async def append(self, records: Sequence[Record]) -> Sequence[Position]:
        """See `EventLog.append`."""
        return [self._here(one) for one in await self._log.append(records)]

    def consume(self, stream: str, group: str) -> AbstractAsyncContextManager[Consumer]:
        """See `EventLog.consume`."""
        return self._consume(stream, group)

    async def ends(self, stream: str) -> Sequence[Position]:
        """See `EventLog.ends`; the ends of the logs before are among those of the commands."""
        ours = [self._here(one) for one in await self._log.ends(stream)]
        return [*self._earlier(stream), *ours]

    def done(self, stream: str, group: str) -> Sequence[Position]:
        """See `EventLog.done`; the logs before are done."""
        ours = [self._here(one) for one in self._log.done(stream, group)]
        return [*self._earlier(stream), *ours]

    def backlog(self, stream: str, group: str) -> int:
        """See `EventLog.backlog`."""
        return self._log.backlog(stream, group)

    async def read(self, stream: str, *, after: Position | None, limit: int) -> Sequence[LogRecord]:
        """See `SupportsRead.read`; of the logs before nothing is left."""
        if after is not None and after.partition < self._first:
            return []
        place = None if after is None else self._there(after)
        found = await self._log.read(stream, after=place, limit=limit)
        return [replace(one, position=self._here(one.position)) for one in found]

    async def trim(self, stream: str, *, before: datetime) -> int:
        """See `SupportsTrim.trim`."""
        return await self._log.trim(stream, before=before)

    async def streams(self) -> Sequence[str]:
        """See `SupportsSurvey.streams`."""
        return await self._log.streams()

    async def survey(self, stream: str) -> Survey:
        """See `SupportsSurvey.survey`; of the commands it has the logs before as well."""
        found = await self._log.survey(stream)
        earlier = {at.partition: at.offset for at in self._earlier(stream)}
        return Survey(
            starts={
                **{number: end + 1 for number, end in earlier.items()},
                **self._counted(found.starts),
            },
            ends={**earlier, **self._counted(found.ends)},
            done={
                group: {**earlier, **self._counted(places)} for group, places in found.done.items()
            },
            readers=found.readers,
        )

    def _earlier(self, stream: str) -> Sequence[Position]:
        return self._before if stream == COMMANDS else ()

    def _counted(self, places: Mapping[int, int]) -> dict[int, int]:
        return {self._first + number: place for number, place in places.items()}

    def _here(self, position: Position) -> Position:
        return Position(self._first + position.partition, position.offset)

    def _there(self, position: Position) -> Position:
        return Position(position.partition - self._first, position.offset)

    @asynccontextmanager
    async def _consume(self, stream: str, group: str) -> AsyncIterator[Consumer]:
        async with self._log.consume(stream, group) as consumer:
            yield _ContinuedConsumer(consumer, self._first)


class _ContinuedConsumer:
    def __init__(self, consumer: Consumer, first: int) -> None:
        self._consumer = consumer
        self._first = first

    async def next(self, *, limit: int) -> Sequence[LogRecord]:
        return [
            replace(
                one, position=Position(self._first + one.position.partition, one.position.offset)
            )
            for one in await self._consumer.next(limit=limit)
        ]

    @property
    def handovers(self) -> int:
        return self._consumer.handovers

    def hold(self, partition: int) -> AbstractContextManager[bool]:
        return self._consumer.hold(partition - self._first)

    async def commit(self, position: Position) -> None:
        await self._consumer.commit(Position(position.partition - self._first, position.offset))
