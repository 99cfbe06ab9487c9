"""The topics as the servers know them: made once, asked for their ends, trimmed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime
from functools import partial
from typing import TypeVar

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import ListOffsetsResultInfo, OffsetSpec
from confluent_kafka.admin._records import DeletedRecords
from confluent_kafka.cimpl import NewTopic

from chat4all.adapters.kafka.config import PARTITIONS, KafkaConfig
from chat4all.adapters.kafka.errors import AUTHENTICATION, NOT_HEARD_OF, translate
from chat4all.adapters.kafka.progress import Ends
from chat4all.domain.errors import BadSettings, EngineMissing, Unavailable
from chat4all.ports.event_log import DEAD_LETTERS

T = TypeVar("T")

_WAIT = 10.0  # seconds for an answer of the servers
_FIRST_WAIT = 4.0
_PAUSE = 0.05
_PASSING = frozenset(
    {
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.OFFSET_NOT_AVAILABLE,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.UNKNOWN_TOPIC_OR_PART,  # made a moment ago
        NOT_HEARD_OF,
    }
)
_KEPT = {
    # What is processed is trimmed by us; nothing else may drop a record that nobody has read.
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "cleanup.policy": "delete",
    "message.timestamp.type": "LogAppendTime",
    "max.message.bytes": str(4 * 1024 * 1024),
}


class Topics:
    """Asks the servers; every method may raise `Unavailable`."""

    def __init__(self, config: KafkaConfig) -> None:
        self._config = config
        self._admin = AdminClient({**config.access, "socket.timeout.ms": int(_WAIT * 1_000)})
        self._partitions: dict[str, int] = {}
        self._members: dict[str, Consumer] = {}

    def name(self, stream: str) -> str:
        """Return what the topic of a stream is called."""
        return f"{self._config.prefix}.{stream}"

    def group(self, stream: str, group: str) -> str:
        """Return the id of a consumer group: one for each stream, so none waits for another."""
        return f"{self.name(stream)}.{group}"

    async def open(self) -> Mapping[str, int]:
        """Return our topics and how many partitions each has. Raises `BadSettings`."""
        try:
            found = await asyncio.to_thread(self._admin.list_topics, timeout=_FIRST_WAIT)
        except KafkaException as error:
            raise _refusal(error.args[0], self._config.place) from error
        ours = f"{self._config.prefix}."
        self._partitions = {
            name: len(topic.partitions)
            for name, topic in found.topics.items()
            if name.startswith(ours)
        }
        return self._partitions

    async def make(self, stream: str) -> int:
        """Make the topic of a stream where there is none; return how many partitions it has.

        Raises `BadSettings` when it has another number than was asked for: the key of a
        record would lead elsewhere.
        """
        name = self.name(stream)
        if name not in self._partitions:
            new = NewTopic(
                name,
                num_partitions=self._wanted(name) or PARTITIONS,
                replication_factor=self._config.replication,
                config=_KEPT,
            )
            try:
                await asyncio.wrap_future(self._admin.create_topics([new])[name])
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise translate(error.args[0]) from error
        # Another process may have made it a moment ago: who asks about it too early fails.
        self._partitions[name] = await asyncio.to_thread(self._await_leaders, name)
        self._check(name)
        return self._partitions[name]

    def check(self) -> None:
        """Raise `BadSettings` when a topic that is there has another number than was asked for.

        Found out later, it would stop what is under way.
        """
        for name in self._partitions:
            self._check(name)

    def _check(self, name: str) -> None:
        there, wanted = self._partitions[name], self._wanted(name)
        if wanted is not None and there != wanted:
            raise BadSettings(
                f"CHAT4ALL_LOG_URL: the topic {name} has {there} partitions, not {wanted}; "
                "leave `partitions` out, or choose another prefix"
            )

    def _wanted(self, name: str) -> int | None:
        return 1 if name == self.name(DEAD_LETTERS) else self._config.partitions

    def partitions(self, stream: str) -> int:
        """Return how many partitions a stream has; 0 when there is no topic for it."""
        return self._partitions.get(self.name(stream), 0)

    async def ends(self, stream: str) -> Ends:
        """Return where each partition begins and ends."""
        low = await self._offsets(stream, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
        high = await self._offsets(stream, OffsetSpec.latest())  # type: ignore[no-untyped-call]
        return {partition: (low[partition], end) for partition, end in high.items()}

    async def first_after(self, stream: str, at: datetime) -> Mapping[int, int]:
        """Return, per partition, the first offset appended at `at` or later; -1 for none."""
        return await self._offsets(stream, OffsetSpec.for_timestamp(int(at.timestamp() * 1_000)))

    async def groups(self, stream: str) -> Sequence[str]:
        """Return the groups that ever read a stream."""
        listed = await self._ask(self._admin.list_consumer_groups)
        start = self.group(stream, "")
        ours = (one.group_id for one in listed.valid)
        return [name.removeprefix(start) for name in ours if name.startswith(start)]

    async def readers(self, stream: str, groups: Sequence[str]) -> int:
        """Return how many consumers these groups have now."""
        names = [self.group(stream, one) for one in groups]
        if not names:
            return 0
        asked = self._admin.describe_consumer_groups(names)
        told = [await self._ask(partial(asked.__getitem__, name)) for name in names]
        return sum(len(one.members) for one in told)

    async def committed(self, stream: str, group: str) -> Mapping[int, int]:
        """Return, per partition, the offset before which the group has done everything.

        A consumer that never joins is asked: the admin client crashes where Kafka answers
        that the group's coordinator moved (https://github.com/confluentinc/librdkafka/issues/5040).
        """
        name, topic = self.group(stream, group), self.name(stream)
        if name not in self._members:
            told = {**self._config.access, "group.id": name, "enable.auto.commit": False}
            self._members[name] = Consumer(told)
        places = [TopicPartition(topic, part) for part in range(self.partitions(stream))]
        found = await asyncio.to_thread(self._committed, self._members[name], places)
        return {one.partition: one.offset for one in found if one.offset >= 0}

    async def close(self) -> None:
        """Let the servers go."""
        members, self._members = self._members, {}
        for one in members.values():
            await asyncio.to_thread(one.close)

    async def drop(self, stream: str, before: Mapping[int, int]) -> None:
        """Forget what is placed before these offsets."""
        topic = self.name(stream)
        for part, offset in before.items():
            await self._ask(partial(self._drop, TopicPartition(topic, part, offset)))

    def require_alike(self, one: str, other: str) -> None:
        """Have two streams lead each key to the same partition. Raises `BadSettings`."""
        here, there = self.partitions(one), self.partitions(other)
        if here != there:
            raise BadSettings(
                f"CHAT4ALL_LOG_URL: the topics {self.name(one)} and {self.name(other)} have {here} "
                f"and {there} partitions, and need the same number: events keep the order of "
                "commands"
            )

    def _await_leaders(self, name: str) -> int:
        """Wait until the topic is there for whoever asks; return how many partitions it has."""
        deadline = time.monotonic() + _WAIT
        while time.monotonic() < deadline:
            found = self._admin.list_topics(name, timeout=_WAIT).topics[name]
            led = [one for one in found.partitions.values() if one.leader >= 0]
            if found.error is None and led and len(led) == len(found.partitions):
                return len(led)
            time.sleep(_PAUSE)
        raise Unavailable(f"no server of Kafka leads the topic {name}")

    async def _offsets(self, stream: str, spec: OffsetSpec) -> dict[int, int]:
        places = [
            TopicPartition(self.name(stream), part) for part in range(self.partitions(stream))
        ]
        found = await asyncio.gather(
            *(self._ask(partial(self._offset, place, spec)) for place in places)
        )
        return {place.partition: one.offset for place, one in zip(places, found, strict=True)}

    def _offset(self, place: TopicPartition, spec: OffsetSpec) -> Future[ListOffsetsResultInfo]:
        return self._admin.list_offsets({place: spec})[place]

    def _drop(self, place: TopicPartition) -> Future[DeletedRecords]:
        return self._admin.delete_records([place])[place]

    def _committed(
        self, member: Consumer, places: list[TopicPartition]
    ) -> Sequence[TopicPartition]:
        """Return what a group has committed; ask again while a server is finding its feet."""
        deadline = time.monotonic() + _WAIT
        while True:
            try:
                found = member.committed(places, timeout=_WAIT)
                error = next((one.error for one in found if one.error is not None), None)
            except KafkaException as raised:
                error = raised.args[0]
            if error is None:
                return found
            if not _is_passing(error) or time.monotonic() > deadline:
                raise translate(error)
            time.sleep(_PAUSE)

    async def _ask(self, question: Callable[[], Future[T]]) -> T:
        """Return the answer; ask again while a server is only busy finding its feet."""
        deadline = time.monotonic() + _WAIT
        while True:
            try:
                return await asyncio.wrap_future(question())
            except KafkaException as error:
                if not _is_passing(error.args[0]) or time.monotonic() > deadline:
                    raise translate(error.args[0]) from error
            await asyncio.sleep(_PAUSE)


def _is_passing(error: KafkaError) -> bool:
    return error.code() in _PASSING or error.retriable()


def _refusal(error: KafkaError, place: str) -> BadSettings:
    if error.code() in (AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED):
        return BadSettings(f"CHAT4ALL_LOG_URL: Kafka at {place} refuses the user name or password")
    return EngineMissing(
        f"CHAT4ALL_LOG_URL: Kafka at {place} does not answer ({error.name()}); start it, or "
        "correct the address"
    )
