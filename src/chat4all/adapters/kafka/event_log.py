"""An `EventLog` on Kafka 3.0 or later."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from types import TracebackType
from typing import Self

import structlog

from chat4all.adapters.kafka.config import KafkaConfig
from chat4all.adapters.kafka.consumer import KafkaGroupMember
from chat4all.adapters.kafka.producer import KafkaProducer, encoded
from chat4all.adapters.kafka.progress import Progress
from chat4all.adapters.kafka.reader import KafkaReader
from chat4all.adapters.kafka.topics import Topics
from chat4all.domain.errors import Unavailable
from chat4all.domain.events import Position
from chat4all.ports.event_log import (
    COMMANDS,
    DEAD_LETTERS,
    EARLY_RECEIPTS,
    EVENTS,
    Consumer,
    LogRecord,
    Record,
)
from chat4all.ports.moving import Survey

log = structlog.get_logger(__name__)

_REFRESH = 1.0
"""Seconds between looks at how far others have come."""


class KafkaEventLog:
    """Use it as a context. `url` is that of `KafkaConfig.read`.

    Entering raises `BadSettings` when the servers do not answer, refuse the password, or have
    a topic with another number of partitions. Topics are made when they are first needed; a
    topic keeps its records until `trim`.

    A call of `append` with several records is checked before any is sent, but is not a
    transaction: when the servers fail in the midst of it, some may be kept although it
    raises. Whoever repeats it repeats those, and consumers drop what they have seen.
    """

    def __init__(self, url: str) -> None:
        self._config = KafkaConfig.read(url)
        self._progress = Progress()
        self._making = asyncio.Lock()
        self._made: set[str] = set()
        self._watched: set[tuple[str, str]] = set()

    async def __aenter__(self) -> Self:
        self._topics = Topics(self._config)
        await self._topics.open()
        self._topics.check()
        for stream in (COMMANDS, EVENTS, EARLY_RECEIPTS, DEAD_LETTERS):
            await self._make(stream)
        self._topics.require_alike(COMMANDS, EVENTS)
        self._producer = await KafkaProducer(self._config).__aenter__()
        self._reader = KafkaReader(self._config)
        self._watch = asyncio.create_task(self._keep_watch(), name="kafka progress")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._watch.cancel()
        await asyncio.wait([self._watch])
        await self._producer.__aexit__()
        await self._reader.close()
        await self._topics.close()

    async def append(self, records: Sequence[Record]) -> Sequence[Position]:
        """See `EventLog.append`."""
        ready = [encoded(self._topics.name(one.stream), one) for one in records]
        for stream in {one.stream for one in records} - self._made:
            await self._make(stream)
        positions = await self._producer.append(ready)
        for (topic, *_), position in zip(ready, positions, strict=True):
            self._progress.appended(topic, position.partition, position.offset)
        return positions

    def consume(self, stream: str, group: str) -> AbstractAsyncContextManager[Consumer]:
        """See `EventLog.consume`."""
        return self._consume(stream, group)

    async def ends(self, stream: str) -> Sequence[Position]:
        """See `EventLog.ends`."""
        found = await self._topics.ends(stream)
        self._progress.ends(self._topics.name(stream), found)
        return [
            Position(part, high - 1) for part, (low, high) in sorted(found.items()) if high > low
        ]

    def done(self, stream: str, group: str) -> Sequence[Position]:
        """See `EventLog.done`."""
        self._watched.add((stream, group))
        return self._progress.places(self._topics.name(stream), self._topics.group(stream, group))

    def backlog(self, stream: str, group: str) -> int:
        """See `EventLog.backlog`. Of other processes it knows what was so a second ago."""
        self._watched.add((stream, group))
        return self._progress.backlog(self._topics.name(stream), self._topics.group(stream, group))

    async def read(self, stream: str, *, after: Position | None, limit: int) -> Sequence[LogRecord]:
        """See `SupportsRead.read`."""
        start = after or Position(0, -1)
        found = await self._topics.ends(stream)
        low, high = found.get(start.partition, (0, 0))
        first = max(start.offset + 1, low)
        count = min(limit, high - first)
        if count <= 0:
            return []
        topic = self._topics.name(stream)
        return await self._reader.read(stream, topic, Position(start.partition, first), count)

    async def trim(self, stream: str, *, before: datetime) -> int:
        """See `SupportsTrim.trim`."""
        ends = await self._topics.ends(stream)
        young = await self._topics.first_after(stream, before)
        targets = {
            part: high if young[part] < 0 else young[part] for part, (_, high) in ends.items()
        }
        for group in await self._topics.groups(stream):
            done = await self._topics.committed(stream, group)
            targets = {part: min(at, done.get(part, at)) for part, at in targets.items()}
        dropped = {part: at for part, at in targets.items() if at > ends[part][0]}
        if dropped:
            await self._topics.drop(stream, dropped)
            self._progress.ends(
                self._topics.name(stream),
                {part: (at, ends[part][1]) for part, at in dropped.items()},
            )
        return sum(at - ends[part][0] for part, at in dropped.items())

    async def streams(self) -> Sequence[str]:
        """See `SupportsSurvey.streams`."""
        start = self._topics.name("")
        return sorted(name.removeprefix(start) for name in await self._topics.open())

    async def survey(self, stream: str) -> Survey:
        """See `SupportsSurvey.survey`."""
        ends = await self._topics.ends(stream)
        groups = await self._topics.groups(stream)
        done = {group: await self._topics.committed(stream, group) for group in groups}
        return Survey(
            starts={part: low for part, (low, _) in ends.items()},
            ends={part: high - 1 for part, (_, high) in ends.items()},
            done={
                group: {part: offset - 1 for part, offset in places.items()}
                for group, places in done.items()
            },
            readers=await self._topics.readers(stream, groups),
        )

    @asynccontextmanager
    async def _consume(self, stream: str, group: str) -> AsyncIterator[Consumer]:
        await self._make(stream)
        topic, name = self._topics.name(stream), self._topics.group(stream, group)
        member = KafkaGroupMember(self._config, stream, topic, name, self._progress)
        try:
            await self._enrol(stream, group, member)
            yield member
        finally:
            await member.close()

    async def _enrol(self, stream: str, group: str, member: KafkaGroupMember) -> None:
        """Make a new group known, so that nothing it has yet to read is trimmed."""
        done = await self._look_at(stream, group)
        ends = await self._topics.ends(stream)
        for part, (low, _) in ends.items():
            if part not in done:
                await member.begin(part, low)

    async def _make(self, stream: str) -> None:
        async with self._making:
            if stream in self._made:
                return
            await self._topics.make(stream)
            self._progress.ends(self._topics.name(stream), await self._topics.ends(stream))
            for group in await self._topics.groups(stream):
                await self._look_at(stream, group)
            self._made.add(stream)

    async def _look_at(self, stream: str, group: str) -> dict[int, int]:
        done = dict(await self._topics.committed(stream, group))
        topic, name = self._topics.name(stream), self._topics.group(stream, group)
        for part, offset in done.items():
            self._progress.committed(topic, name, part, offset)
        return done

    async def _keep_watch(self) -> None:
        while True:
            await asyncio.sleep(_REFRESH)
            try:
                for stream, group in tuple(self._watched):
                    ends = await self._topics.ends(stream)
                    self._progress.ends(self._topics.name(stream), ends)
                    await self._look_at(stream, group)
            except Unavailable as error:
                log.warning("kafka does not tell how far it is", detail=str(error))
