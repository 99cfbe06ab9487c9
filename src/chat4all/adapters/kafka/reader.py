"""Reads by place, without a group."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from confluent_kafka import Consumer, KafkaError, TopicPartition

from chat4all.adapters.kafka.config import KafkaConfig
from chat4all.adapters.kafka.consumer import record_of
from chat4all.domain.errors import Unavailable
from chat4all.domain.events import Position
from chat4all.ports.event_log import LogRecord

_WAIT = 10.0  # seconds for records that the servers say are there


class KafkaReader:
    """One read at a time, on a thread of its own."""

    def __init__(self, config: KafkaConfig) -> None:
        self._settings = {
            **config.access,
            "group.id": f"{config.prefix}.reader",  # asked for, and never joined
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 50,
        }
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="kafka reader")

    async def read(
        self, stream: str, topic: str, start: Position, count: int
    ) -> Sequence[LogRecord]:
        """Return `count` records from `start` on. Raises `Unavailable` when they do not come."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._read, stream, topic, start, count)

    async def close(self) -> None:
        """Let what is being read come to its end."""
        await asyncio.to_thread(self._thread.shutdown)

    def _read(self, stream: str, topic: str, start: Position, count: int) -> list[LogRecord]:
        consumer = Consumer(self._settings)
        try:
            consumer.assign([TopicPartition(topic, start.partition, start.offset)])
            return self._collect(consumer, stream, count)
        finally:
            consumer.close()

    def _collect(self, consumer: Consumer, stream: str, count: int) -> list[LogRecord]:
        got: list[LogRecord] = []
        deadline = time.monotonic() + _WAIT
        while len(got) < count:
            if time.monotonic() > deadline:
                raise Unavailable("Kafka does not hand out records that it has; try again")
            message = consumer.poll(0.2)
            if message is None:
                continue
            error = message.error()
            if error is None:
                got.append(record_of(message, stream))
            elif error.code() == KafkaError.OFFSET_OUT_OF_RANGE:
                raise Unavailable("the records were trimmed meanwhile; read again")
        return got
