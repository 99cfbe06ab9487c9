"""Hands records to Kafka and tells when they are durable.

Idempotent, `acks=all`: what librdkafka repeats after a lost answer has no second effect, and
keeps its order. https://docs.confluent.io/platform/current/clients/librdkafka/html/index.html
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from functools import partial
from typing import Any, Self

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from chat4all.adapters.kafka.config import KafkaConfig
from chat4all.adapters.kafka.errors import translate
from chat4all.adapters.kafka.trace_headers import Headers, headers_of
from chat4all.domain.errors import InvalidInput, Unavailable
from chat4all.domain.events import Position
from chat4all.ports.event_log import Record

log = structlog.get_logger(__name__)

_POLL = 0.1  # seconds that one look for answers waits
_FLUSH = 10.0  # seconds for what is on its way when the producer is closed

Encoded = tuple[str, bytes, bytes, Headers | None]
"""Topic, key, value and headers of one record."""
_Answer = tuple[asyncio.Future[Position], "KafkaError | None", Position]


class KafkaProducer:
    """Use it as a context, on one event loop."""

    def __init__(self, config: KafkaConfig) -> None:
        self._settings: dict[str, Any] = {
            **config.access,
            "enable.idempotence": True,
            "acks": "all",
            "linger.ms": 3,
            "compression.type": "lz4",
            "delivery.timeout.ms": 20_000,
            "partitioner": "murmur2_random",
            "queue.buffering.max.messages": 200_000,
            "message.max.bytes": 4 * 1024 * 1024,
        }
        self._answers: list[_Answer] = []
        self._stopping = threading.Event()

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._producer = Producer(self._settings)
        self._thread = threading.Thread(target=self._listen, name="kafka answers", daemon=True)
        self._thread.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self._producer.flush, _FLUSH)
        self._stopping.set()
        await asyncio.to_thread(self._thread.join)
        await asyncio.sleep(0)

    async def append(self, records: Sequence[Encoded]) -> list[Position]:
        """Return the places of `records` once every replica that must has them.

        Raises `Unavailable` when one of them was not confirmed: then it is open which of
        them Kafka keeps.
        """
        waiting = [self._produce(*record) for record in records]
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return [outcome for outcome in outcomes if isinstance(outcome, Position)]

    def _produce(
        self, topic: str, key: bytes, value: bytes, headers: Headers | None
    ) -> asyncio.Future[Position]:
        future: asyncio.Future[Position] = self._loop.create_future()
        try:
            self._producer.produce(
                topic,
                value=value,
                key=key,
                headers=headers,
                on_delivery=partial(self._answered, future),
            )
        except BufferError:
            future.set_exception(Unavailable("too many records wait for Kafka; try again"))
        except KafkaException as error:
            future.set_exception(translate(error.args[0]))
        return future

    def _answered(
        self, future: asyncio.Future[Position], error: KafkaError | None, message: Message
    ) -> None:
        """Note an answer; called on the listening thread, within `poll`."""
        place = Position(message.partition() or 0, message.offset() or 0)
        self._answers.append((future, error, place))

    def _listen(self) -> None:
        while not self._stopping.is_set():
            self._producer.poll(_POLL)
            answers, self._answers = self._answers, []
            if answers:
                self._loop.call_soon_threadsafe(_settle, answers)


def _settle(answers: Sequence[_Answer]) -> None:
    for future, error, place in answers:
        if future.done():  # whoever waited was cancelled
            continue
        if error is None:
            future.set_result(place)
        else:
            log.warning("kafka did not confirm a record", error=error.name())
            future.set_exception(translate(error))


def encoded(topic: str, record: Record) -> Encoded:
    """Return a record as Kafka takes it. Raises `InvalidInput` for a key that is no text."""
    try:
        return topic, record.key.encode(), record.value, headers_of(record.trace)
    except UnicodeEncodeError as error:
        raise InvalidInput("a record's key is not Unicode text") from error
