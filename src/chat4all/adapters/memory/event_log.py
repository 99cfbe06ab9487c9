"""The log in memory: ordered as the others are, gone with the process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    nullcontext,
)
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zlib import crc32

from chat4all.domain.errors import InvalidInput
from chat4all.domain.events import Position
from chat4all.ports.event_log import Consumer, LogRecord, Record
from chat4all.ports.moving import Survey


@dataclass(slots=True)
class _Partition:
    start: int = 0
    records: list[LogRecord] = field(default_factory=list)

    @property
    def end(self) -> int:
        return self.start + len(self.records)


@dataclass(slots=True)
class _Group:
    committed: dict[int, int] = field(default_factory=dict)
    owner: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(slots=True)
class _Stream:
    partitions: list[_Partition]
    groups: dict[str, _Group] = field(default_factory=dict)
    changed: set[asyncio.Event] = field(default_factory=set)


class MemoryEventLog:
    """An `EventLog` with all its powers. Trim it, or it grows for ever."""

    def __init__(self, *, partitions: int = 1) -> None:
        self._count = partitions
        self._streams: dict[str, _Stream] = {}

    async def append(self, records: Sequence[Record]) -> Sequence[Position]:
        """See `EventLog.append`."""
        now = datetime.now(UTC)
        partitions = [self._partition(record.key) for record in records]
        positions: list[Position] = []
        for record, number in zip(records, partitions, strict=True):
            stream = self._stream(record.stream)
            partition = stream.partitions[number]
            position = Position(number, partition.end)
            partition.records.append(
                LogRecord(record.stream, position, record.key, record.value, now, record.trace)
            )
            positions.append(position)
            for event in stream.changed:
                event.set()
        return positions

    def consume(self, stream: str, group: str) -> AbstractAsyncContextManager[Consumer]:
        """See `EventLog.consume`."""
        return self._consume(stream, group)

    async def ends(self, stream: str) -> Sequence[Position]:
        """See `EventLog.ends`; a partition that was trimmed empty still tells its last one."""
        partitions = self._stream(stream).partitions
        return [
            Position(number, each.end - 1) for number, each in enumerate(partitions) if each.end
        ]

    def done(self, stream: str, group: str) -> Sequence[Position]:
        """See `EventLog.done`."""
        groups = self._stream(stream).groups
        done = groups[group].committed if group in groups else {}
        return [Position(number, offset) for number, offset in sorted(done.items())]

    def backlog(self, stream: str, group: str) -> int:
        """See `EventLog.backlog`."""
        here = self._stream(stream)
        done = here.groups[group].committed if group in here.groups else {}
        return sum(
            each.end - max(each.start, done.get(number, -1) + 1)
            for number, each in enumerate(here.partitions)
        )

    async def read(self, stream: str, *, after: Position | None, limit: int) -> Sequence[LogRecord]:
        """See `SupportsRead.read`."""
        number, offset = (after.partition, after.offset + 1) if after else (0, 0)
        partitions = self._stream(stream).partitions
        if number >= len(partitions):
            return []
        at = max(0, offset - partitions[number].start)
        return partitions[number].records[at : at + limit]

    async def trim(self, stream: str, *, before: datetime) -> int:
        """See `SupportsTrim.trim`."""
        here = self._stream(stream)
        dropped = 0
        for number, partition in enumerate(here.partitions):
            done = min(
                (group.committed.get(number, -1) for group in here.groups.values()),
                default=partition.end - 1,
            )
            gone = 0
            for record in partition.records:
                if record.position.offset > done or record.appended_at >= before:
                    break
                gone += 1
            del partition.records[:gone]
            partition.start += gone
            dropped += gone
        return dropped

    async def streams(self) -> Sequence[str]:
        """See `SupportsSurvey.streams`."""
        return sorted(self._streams)

    async def survey(self, stream: str) -> Survey:
        """See `SupportsSurvey.survey`."""
        here = self._streams.get(stream, _Stream([]))
        partitions = {number: one for number, one in enumerate(here.partitions) if one.end}
        return Survey(
            starts={number: one.start for number, one in partitions.items()},
            ends={number: one.end - 1 for number, one in partitions.items()},
            done={name: dict(group.committed) for name, group in here.groups.items()},
            readers=len(here.changed),
        )

    def _partition(self, key: str) -> int:
        try:
            return crc32(key.encode()) % self._count
        except UnicodeEncodeError as error:
            raise InvalidInput("a key must be valid Unicode") from error

    def _stream(self, name: str) -> _Stream:
        if name not in self._streams:
            self._streams[name] = _Stream([_Partition() for _ in range(self._count)])
        return self._streams[name]

    @asynccontextmanager
    async def _consume(self, stream: str, group: str) -> AsyncIterator[Consumer]:
        here = self._stream(stream)
        consumer = _Consumer(here, here.groups.setdefault(group, _Group()))
        here.changed.add(consumer.woken)
        try:
            yield consumer
        finally:
            here.changed.discard(consumer.woken)
            consumer.release()


class _Consumer:
    def __init__(self, stream: _Stream, group: _Group) -> None:
        self.woken = asyncio.Event()
        self._stream = stream
        self._group = group
        self._next: dict[int, int] | None = None
        self._turn = 0

    async def next(self, *, limit: int) -> Sequence[LogRecord]:
        if self._next is None:
            await self._group.owner.acquire()
            self._next = {number: done + 1 for number, done in self._group.committed.items()}
        while True:
            self.woken.clear()
            if found := self._take(self._next, limit):
                return found
            await self.woken.wait()

    @property
    def handovers(self) -> int:
        return int(self._next is not None)

    def hold(self, partition: int) -> AbstractContextManager[bool]:
        del partition  # the second reader waits for the first
        return nullcontext(self._next is not None)

    async def commit(self, position: Position) -> None:
        done = self._group.committed
        done[position.partition] = max(done.get(position.partition, -1), position.offset)

    def release(self) -> None:
        if self._next is not None:
            self._next = None
            self._group.owner.release()

    def _take(self, places: dict[int, int], limit: int) -> list[LogRecord]:
        partitions = self._stream.partitions
        for _ in partitions:
            self._turn = (self._turn + 1) % len(partitions)
            partition = partitions[self._turn]
            here = max(places.get(self._turn, 0), partition.start)
            at = here - partition.start
            if found := partition.records[at : at + limit]:
                places[self._turn] = here + len(found)
                return found
        return []
