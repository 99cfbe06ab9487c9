"""Brings tasks of one channel to its connectors: in order per chat, however often it takes."""

from __future__ import annotations

import asyncio
import heapq
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

import structlog

from chat4all.domain.capabilities import Capabilities
from chat4all.domain.commands import ReportStatus
from chat4all.domain.delivery import DeliveryKind, DeliveryTask
from chat4all.domain.errors import ChannelError, Unavailable, UnreadableRecord
from chat4all.domain.events import Position
from chat4all.domain.ids import AccountId, MessageId, derived_id
from chat4all.domain.outgoing import Outgoing, Sent
from chat4all.domain.payload import MEDIA
from chat4all.domain.status import Failure, Status, StatusEntry
from chat4all.ports.connector import Connector, SupportsChanges
from chat4all.ports.event_log import COMMANDS, Consumer, EventLog, LogRecord, Record, outbound
from chat4all.ports.message_store import MessageData
from chat4all.router.degrade import fit
from chat4all.router.persist import persist
from chat4all.router.state import Recent
from chat4all.services.dead_letters import dead_letter
from chat4all.services.records import decode_task, encode_command

log = structlog.get_logger(__name__)

GROUP = "delivery"
REMEMBERED = 100_000
"""Tasks lately done: a router that begins anew may ask for them again."""


class Accounts(Protocol):
    """The connectors that are running, by account."""

    def get(self, account: AccountId, /) -> Connector | None:
        """Return the connector of an account, or None while it is not running."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How long to wait after attempt 0, 1, 2 ...: doubling from `first` to `most` seconds.

    Each wait is drawn between half and all of that, so that many chats do not come back at
    once. After `attempts` tries, or when the task expires, the delivery fails.
    """

    first: float = 0.5
    most: float = 300.0
    attempts: int = 50

    def wait(self, attempt: int, wish: float | None) -> float:
        """Return the seconds to wait; the platform's own wish is the least."""
        ceiling = min(self.most, self.first * 2.0 ** min(attempt, 30))
        drawn: float = ceiling * random.uniform(0.5, 1.0)  # noqa: S311 - jitter is no secret
        return max(drawn, wish or 0.0)


class DeliveryWorker:
    """Consumes `outbound.<channel>`.

    Tasks of one chat wait for each other, also while one is retried; chats do not. The
    position is committed up to the oldest task that is not done, so a restart repeats what
    may not have been done; a task whose result is stored is not repeated.
    """

    def __init__(
        self,
        channel: str,
        event_log: EventLog,
        store: MessageData,
        connectors: Accounts,
        *,
        policy: RetryPolicy | None = None,
        window: int = 1_000,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._channel = channel
        self._log = event_log
        self._store = store
        self._connectors = connectors
        self._policy = policy or RetryPolicy()
        self._size = window
        self._clock = clock
        self._finished: Recent[str, None] = Recent(REMEMBERED)
        self._begin()

    def _begin(self) -> None:
        self._window = asyncio.Semaphore(self._size)
        self._lanes: dict[tuple[AccountId, str], deque[tuple[LogRecord, DeliveryTask]]] = {}
        self._progress = _Progress()

    async def run(self) -> None:
        """Work until cancelled; may be called again after it failed."""
        self._begin()
        stream = outbound(self._channel)
        async with self._log.consume(stream, GROUP) as consumer, asyncio.TaskGroup() as group:
            while True:
                for record in await consumer.next(limit=100):
                    await self._window.acquire()
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
        if key in self._lanes:
            self._lanes[key].append((record, task))
        else:
            self._lanes[key] = deque([(record, task)])
            group.create_task(self._drain(key, consumer))

    async def _drain(self, key: tuple[AccountId, str], consumer: Consumer) -> None:
        lane = self._lanes[key]
        while lane:
            record, task = lane[0]
            try:
                await self._carry_out(task)
            except Unavailable as error:
                log.warning("delivery waits for the storage", code=error.code)
                await asyncio.sleep(1.0)
                continue
            except Exception as error:  # the boundary between one task and the rest
                log.exception("delivery task parked", task=task.task_id)
                await self._park(record, error)
            lane.popleft()
            await self._done(record, consumer)
        del self._lanes[key]

    async def _done(self, record: LogRecord, consumer: Consumer) -> None:
        self._window.release()
        position = self._progress.finished(record.position)
        if position is not None:
            await persist(lambda: consumer.commit(position))

    async def _park(self, record: LogRecord, error: Exception) -> None:
        letter = dead_letter(record.stream, record.key, record.value, error)
        await persist(lambda: self._log.append([letter]))

    async def _carry_out(self, task: DeliveryTask) -> None:
        if task.task_id in self._finished:
            return
        if task.kind is DeliveryKind.MESSAGE and await self._was_sent(task):
            return
        try:
            await self._until_taken(task)
        except ChannelError as error:
            log.info("delivery failed", channel=task.channel, code=error.reason)
            if task.kind is DeliveryKind.MESSAGE:
                failure = Failure(
                    code=error.reason, text=str(error), platform_error=error.platform_error
                )
                await self._report(task, Status.FAILED, error=failure)
        self._finished[task.task_id] = None

    async def _until_taken(self, task: DeliveryTask) -> None:
        attempt = 0
        taken: list[Sent] = []
        while True:
            if self._clock() >= task.expires_at:
                raise ChannelError("not delivered in time", retry=False, reason="expired")
            if task.kind is DeliveryKind.MESSAGE and not taken:
                task = await self._as_it_is_now(task)
            try:
                await self._attempt(task, taken)
            except ChannelError as error:
                attempt += 1
                if not error.retry or attempt >= self._policy.attempts:
                    raise
                wait = self._policy.wait(attempt - 1, error.retry_after)
                log.info("delivery retried", channel=task.channel, code=error.reason, wait=wait)
                await asyncio.sleep(wait)
            else:
                return

    async def _as_it_is_now(self, task: DeliveryTask) -> DeliveryTask:
        """Return the task with the payload that edits have left the message with."""
        kept = (await self._store.find([task.message_id])).get(task.message_id)
        if kept is None:
            return task
        if kept.message.deleted_at is not None:
            raise ChannelError("deleted before it was sent", retry=False, reason="deleted")
        return replace(task, payload=kept.message.payload)

    async def _attempt(self, task: DeliveryTask, taken: list[Sent]) -> None:
        connector = self._connectors.get(task.account_id)
        if connector is None:
            raise ChannelError(
                f"the {task.channel} account is not running", retry=True, reason="no_account"
            )
        if task.kind is DeliveryKind.MESSAGE:
            await self._send(connector, task, taken)
        elif isinstance(connector, SupportsChanges):
            await self._change(connector, connector.capabilities, task)

    async def _send(self, connector: Connector, task: DeliveryTask, taken: list[Sent]) -> None:
        """Send what the platform has not `taken` yet of the parts of a message."""
        if task.payload is None:
            raise ChannelError("there is nothing to send", retry=False, reason="deleted")
        reply_to = await self._external_id(task, task.reply_to) if task.reply_to else None
        prefix = f"{task.from_name}: " if task.from_name else ""
        fitted = fit(task.payload, connector.capabilities, prefix=prefix)
        # The platform may report the delivery before its answer to the call comes back.
        at = self._clock()
        for number, part in enumerate(fitted.parts[len(taken) :], len(taken)):
            if part.type in MEDIA:
                raise ChannelError(
                    "files are not carried yet", retry=False, reason="unsupported_payload"
                )
            outgoing = Outgoing(
                message_id=_part_id(task.message_id, number),
                address=task.address,
                payload=part,
                reply_to=None if number else reply_to,
            )
            taken.append(await connector.send_message(outgoing))
        await self._report(task, taken[0].status, at=at, sent=taken[0], note=fitted.note)

    async def _change(
        self, connector: SupportsChanges, capabilities: Capabilities, task: DeliveryTask
    ) -> None:
        external_id = await self._external_id(task, task.message_id)
        if external_id is None:
            return
        if task.kind is DeliveryKind.DELETE:
            await connector.delete_message(task.address, external_id)
        elif task.kind is DeliveryKind.REACTIONS:
            await connector.set_reactions(task.address, external_id, task.emojis)
        elif task.payload is not None:
            prefix = f"{task.from_name}: " if task.from_name else ""
            fitted = fit(task.payload, capabilities, prefix=prefix)
            outgoing = Outgoing(
                message_id=task.message_id, address=task.address, payload=fitted.parts[0]
            )
            await connector.edit_message(outgoing, external_id)

    async def _was_sent(self, task: DeliveryTask) -> bool:
        return any(
            entry.user_id == task.user_id
            and entry.channel == task.channel
            and entry.status >= Status.SENT
            for entry in await self._store.statuses([task.message_id])
        )

    async def _external_id(self, task: DeliveryTask, message: MessageId | None) -> str | None:
        """Return the platform's id of `message` in the chat of `task`."""
        if message is None:
            return None
        entries = await self._store.statuses([message])
        return next(
            (
                entry.external_id
                for entry in entries
                if (entry.account_id, entry.address) == (task.account_id, task.address)
                and entry.external_id is not None
            ),
            None,
        )

    async def _report(
        self,
        task: DeliveryTask,
        status: Status,
        *,
        at: datetime | None = None,
        sent: Sent | None = None,
        error: Failure | None = None,
        note: str | None = None,
    ) -> None:
        entry = StatusEntry(
            message_id=task.message_id,
            conversation_id=task.conversation_id,
            user_id=task.user_id,
            channel=task.channel,
            status=status,
            at=at or self._clock(),
            account_id=task.account_id,
            address=task.address,
            external_id=sent.external_id if sent else None,
            error=error,
            note=note,
        )
        command = ReportStatus(conversation_id=task.conversation_id, entry=entry)
        record = Record(COMMANDS, task.conversation_id, encode_command(command))
        # It happened at the platform: asked again, it would happen twice.
        await persist(lambda: self._log.append([record]))


def _part_id(message: MessageId, number: int) -> MessageId:
    """Return the id by which a platform tells a repeat of one part from another part."""
    return MessageId(derived_id("part", message, str(number))) if number else message


class _Progress:
    """Which tasks are under way, and up to where all are done."""

    def __init__(self) -> None:
        self._open: dict[int, list[int]] = {}
        self._finished: dict[int, set[int]] = {}

    def started(self, position: Position) -> None:
        heapq.heappush(self._open.setdefault(position.partition, []), position.offset)

    def finished(self, position: Position) -> Position | None:
        """Return how far the partition may now be committed; None when no further."""
        waiting = self._open[position.partition]
        finished = self._finished.setdefault(position.partition, set())
        finished.add(position.offset)
        done = None
        while waiting and waiting[0] in finished:
            done = heapq.heappop(waiting)
            finished.discard(done)
        return None if done is None else Position(position.partition, done)
