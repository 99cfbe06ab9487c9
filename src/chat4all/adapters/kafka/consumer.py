"""One member of a consumer group, on a thread of its own."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

import structlog
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from chat4all.adapters.kafka.config import KafkaConfig
from chat4all.adapters.kafka.errors import DISCONNECTED, END_OF_PARTITION, is_lost, translate
from chat4all.adapters.kafka.holds import Holds
from chat4all.adapters.kafka.progress import Progress
from chat4all.adapters.kafka.trace_headers import trace_of
from chat4all.domain.events import Position
from chat4all.ports.event_log import LogRecord

T = TypeVar("T")

log = structlog.get_logger(__name__)

_POLL = 0.2  # seconds that one look for records waits
SESSION_MS = 6_000
"""How long a member may be silent before its partitions go to others: what a dead one costs.

The least that brokers allow by default: `group.min.session.timeout.ms` of
https://kafka.apache.org/documentation/#brokerconfigs.
"""


class KafkaGroupMember:
    """See `Consumer`. It joins its group with the first `next`.

    A commit that comes after the partition went to another member has no effect, and is no
    error: that member gets the records again, and their effects are there already. One that
    comes while partitions are being shared out is made up for, if the partition stays here.
    """

    def __init__(
        self, config: KafkaConfig, stream: str, topic: str, group: str, progress: Progress
    ) -> None:
        self._stream = stream
        self._topic = topic
        self._group = group
        self._progress = progress
        self._consumer = Consumer(_settings(config, group))
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"kafka {topic}")
        self._held: deque[LogRecord] = deque()
        self._fetching: asyncio.Future[list[LogRecord]] | None = None
        self._joined = False
        self._handovers = 0
        self._holds = Holds()
        # Both by this member, on its thread, and forgotten when the partition comes or goes.
        self._committed: dict[int, int] = {}
        self._owed: dict[int, TopicPartition] = {}

    async def next(self, *, limit: int) -> Sequence[LogRecord]:
        """See `Consumer.next`."""
        while not self._held:
            if self._fetching is None:
                self._fetching = self._in_thread(partial(self._fetch, limit))
            await asyncio.wait([self._fetching])  # cancelled or not, what it brings is kept
            fetched, self._fetching = self._fetching, None
            self._held.extend(fetched.result())
        return [self._held.popleft() for _ in range(min(limit, len(self._held)))]

    @property
    def handovers(self) -> int:
        """See `Consumer.handovers`."""
        return self._handovers

    def hold(self, partition: int) -> AbstractContextManager[bool]:
        """See `Consumer.hold`."""
        return self._holds.hold(partition)

    async def commit(self, position: Position) -> None:
        """See `Consumer.commit`."""
        after = position.offset + 1
        if after <= self._progress.done(self._topic, self._group, position.partition):
            return
        place = TopicPartition(self._topic, position.partition, after)
        if await self._in_thread(partial(self._commit, place)):
            self._progress.committed(self._topic, self._group, position.partition, after)

    async def begin(self, partition: int, offset: int) -> None:
        """Commit that the group, a new one, begins a partition at `offset`."""
        await self._in_thread(partial(self._commit, TopicPartition(self._topic, partition, offset)))

    async def close(self) -> None:
        """Give the partitions up."""
        if self._fetching is not None:
            await asyncio.wait([self._fetching])
        await self._in_thread(self._consumer.close)
        self._thread.shutdown(wait=False)

    def _in_thread(self, work: Callable[[], T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _fetch(self, limit: int) -> list[LogRecord]:
        if not self._joined:
            self._consumer.subscribe(
                [self._topic], on_assign=self._came, on_revoke=self._went, on_lost=self._lost
            )
            self._joined = True
        first = self._consumer.poll(_POLL)
        self._make_up()
        if first is None:
            return []
        rest = self._consumer.consume(limit - 1, 0) if limit > 1 else []
        return [one for one in map(self._record, [first, *rest]) if one is not None]

    def _came(self, consumer: Any, partitions: Any) -> None:
        """Note that partitions came, on the thread and before any of their records."""
        del consumer
        self._forget(partitions)
        if partitions:
            self._holds.came([one.partition for one in partitions])
            self._handovers += 1
            log.info("partitions taken", partitions=[one.partition for one in partitions])

    def _went(self, consumer: Any, partitions: Any) -> None:
        """Let partitions go, once nobody holds them.

        What else was handed out of them is finished, and found to be there.
        """
        del consumer
        self._holds.let_go([one.partition for one in partitions])
        self._forget(partitions)
        log.info("partitions given up", partitions=[one.partition for one in partitions])

    def _lost(self, consumer: Any, partitions: Any) -> None:
        """Note that others have had partitions for a while."""
        del consumer
        self._holds.lost([one.partition for one in partitions])
        self._forget(partitions)
        log.warning("partitions lost", partitions=[one.partition for one in partitions])

    def _forget(self, partitions: Any) -> None:
        for one in partitions:
            self._committed.pop(one.partition, None)
            self._owed.pop(one.partition, None)

    def _make_up(self) -> None:
        """Commit what could not be while partitions were being shared out."""
        owed, self._owed = self._owed, {}
        for place in owed.values():
            if self._commit(place):
                self._progress.committed(self._topic, self._group, place.partition, place.offset)

    def _record(self, message: Message) -> LogRecord | None:
        error = message.error()
        if error is None:
            return record_of(message, self._stream)
        if error.retriable() or error.code() in DISCONNECTED | {END_OF_PARTITION}:
            return None  # it connects again by itself
        raise translate(error)

    def _commit(self, place: TopicPartition) -> bool:
        if place.offset <= self._committed.get(place.partition, -1):
            return False
        if self._joined and not self._is_ours(place.partition):
            # Kafka would take it, and put back who has the partition now.
            log.warning("the partition went to another consumer", topic=self._topic)
            return False
        try:
            self._consumer.commit(offsets=[place], asynchronous=False)
        except KafkaException as error:
            if not is_lost(error.args[0]):
                raise translate(error.args[0]) from error
            log.warning("partitions are being shared out", topic=self._topic)
            self._owed[place.partition] = place
            return False
        self._committed[place.partition] = place.offset
        return True

    def _is_ours(self, partition: int) -> bool:
        return any(one.partition == partition for one in self._consumer.assignment())


def record_of(message: Message, stream: str) -> LogRecord:
    """Return one of Kafka's messages as a record of a stream."""
    key, value = message.key(), message.value()
    _, milliseconds = message.timestamp()
    return LogRecord(
        stream=stream,
        position=Position(message.partition() or 0, message.offset() or 0),
        key=key.decode() if isinstance(key, bytes) else str(key or ""),
        value=value if isinstance(value, bytes) else b"",
        appended_at=datetime.fromtimestamp(milliseconds / 1_000, UTC),
        trace=trace_of(message.headers()),
    )


def _settings(config: KafkaConfig, group: str) -> dict[str, Any]:
    return {
        **config.access,
        "group.id": group,
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": SESSION_MS,
        "heartbeat.interval.ms": SESSION_MS // 12,  # by which members hear of a handover
        # A store that is down for long holds its router up; the router need not lose its place.
        "max.poll.interval.ms": 3_600_000,
        "fetch.wait.max.ms": 100,
        "queued.max.messages.kbytes": 32_768,
    }
