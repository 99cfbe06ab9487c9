"""Brings tasks of one channel to its connectors: in order per chat, however often it takes."""

from __future__ import annotations

import asyncio
from functools import partial

import structlog
from structlog.contextvars import bound_contextvars

from chat4all.domain.errors import Unavailable, UnreadableRecord
from chat4all.domain.ids import AccountId
from chat4all.ports.event_log import Consumer, LogRecord, outbound
from chat4all.ports.tracing import Kind, Tracing, Untraced
from chat4all.router.carrier import Carrier
from chat4all.router.followed import delivery
from chat4all.router.lanes import Held, Lane, ReadableLog
from chat4all.router.persist import persist
from chat4all.router.progress import Progress
from chat4all.router.sending import HandedOver, Hold
from chat4all.services.dead_letters import code_of, dead_letter
from chat4all.services.message_traces import MessageTraces
from chat4all.services.records import decode_task

log = structlog.get_logger(__name__)

GROUP = "delivery"
UNFINISHED = 200_000
"""Tasks of one channel that may be begun and not done: a place each, and a coroutine per chat."""


class DeliveryWorker:
    """Consumes `outbound.<channel>`.

    Tasks of one chat wait for each other, also while one is retried; chats do not, and a
    chat with many takes no room from the others. The position is committed up to the oldest
    task that is not done, so a restart repeats what may not have been done. What waits here
    when its partition goes to another process is left to that one.
    """

    def __init__(
        self,
        channel: str,
        event_log: ReadableLog,
        carrier: Carrier,
        *,
        unfinished: int = UNFINISHED,
        tracing: Tracing | None = None,
        traces: MessageTraces | None = None,
    ) -> None:
        self._channel = channel
        self._tracing = tracing or Untraced()
        self._traces = traces
        self._stream = outbound(channel)
        self._log = event_log
        self._carrier = carrier
        self._unfinished = unfinished
        self._begin()

    def _begin(self) -> None:
        self._room = asyncio.Semaphore(self._unfinished)
        self._lanes: dict[tuple[AccountId, str], Lane] = {}
        self._progress = Progress()

    async def run(self) -> None:
        """Work until cancelled; may be called again after it failed."""
        self._begin()
        async with (
            self._log.consume(self._stream, GROUP) as consumer,
            asyncio.TaskGroup() as group,
        ):
            while True:
                for record in await consumer.next(limit=100):
                    await self._room.acquire()
                    self._progress.started(record.position)
                    await self._take(record, consumer, group)

    async def _take(self, record: LogRecord, consumer: Consumer, group: asyncio.TaskGroup) -> None:
        try:
            task = decode_task(record.value)
        except UnreadableRecord as error:
            await self._park(record, error)
            await self._done(record, consumer)
            return
        key = (task.account_id, task.address)
        is_new = key not in self._lanes
        lane = self._lanes.setdefault(key, Lane(self._log, self._stream))
        lane.add(Held(record, task))
        if is_new:
            group.create_task(self._drain(key, consumer))

    async def _drain(self, key: tuple[AccountId, str], consumer: Consumer) -> None:
        lane = self._lanes[key]
        while lane:
            try:
                held = await lane.first()
                hold = partial(consumer.hold, held.position.partition)
                with hold() as ours:
                    if not ours:
                        raise HandedOver
                await self._carry_out(held, hold)
            except HandedOver:
                self._progress.forget(held.position.partition)
                for _ in range(len(lane)):
                    self._room.release()
                break
            except Unavailable as error:
                log.warning("delivery waits for the storage", code=error.code)
                await asyncio.sleep(1.0)
                continue
            lane.drop_first()
            await self._done(held.record, consumer)
        del self._lanes[key]

    async def _carry_out(self, held: Held, hold: Hold) -> None:
        task = held.task
        name, attributes = f"deliver {self._channel}", delivery(task)
        with (
            self._tracing.follow(held.record.trace, name, Kind.CONSUMER, attributes) as span,
            bound_contextvars(connector=self._channel, message_id=task.message_id),
        ):
            if self._traces is not None:
                await self._traces.remember(task.message_id, span.context)
            try:
                await self._carrier.carry_out(task, hold)
            except (Unavailable, HandedOver):
                raise
            except Exception as error:  # the boundary between one task and the rest
                log.exception("delivery task parked", task=task.task_id)
                span.failed(code_of(error))
                await self._park(held.record, error)

    async def _done(self, record: LogRecord, consumer: Consumer) -> None:
        self._room.release()
        position = self._progress.finished(record.position)
        if position is not None:
            await persist(lambda: consumer.commit(position))

    async def _park(self, record: LogRecord, error: Exception) -> None:
        letter = dead_letter(record.stream, record.key, record.value, error)
        await persist(lambda: self._log.append([letter]))
