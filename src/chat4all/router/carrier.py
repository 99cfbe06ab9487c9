"""Carries out one task: until the platform has taken it, refuses it, or it is too late."""

from __future__ import annotations

import asyncio
import random
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
)
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Protocol, TypeVar

import structlog

from chat4all.domain.capabilities import Capabilities
from chat4all.domain.commands import ReportStatus
from chat4all.domain.delivery import DeliveryKind, DeliveryTask, Try
from chat4all.domain.errors import ChannelError, FileGone, Unavailable
from chat4all.domain.ids import AccountId, MessageId, derived_id
from chat4all.domain.outgoing import FileRef, Outgoing, Sent
from chat4all.domain.payload import MEDIA, Payload
from chat4all.domain.status import Failure, Status, StatusEntry
from chat4all.ports.connector import Connector, SupportsChanges
from chat4all.ports.event_log import COMMANDS, EventLog, Record
from chat4all.ports.message_store import MessageData
from chat4all.ports.tracing import Kind, Tracing, Untraced
from chat4all.router.degrade import fit, fit_edit
from chat4all.router.enclosures import Enclosed, Enclosures, as_channel_error, hand_over
from chat4all.router.failed_deliveries import FailedDeliveries
from chat4all.router.followed import delivery
from chat4all.router.gate import Gate, Permit
from chat4all.router.openness import Settled, There, check_open, statuses_of
from chat4all.router.persist import persist
from chat4all.router.sending import Hold, Sending, alone, to_its_end
from chat4all.router.state import Recent
from chat4all.router.windows import WindowGuard
from chat4all.services.batched import Batched
from chat4all.services.records import encode_command

log = structlog.get_logger(__name__)

_STALE = 0.2
"""Seconds after which the statuses of a message are looked at again before it is sent."""
OUTCOME = "chat4all.outcome"
T = TypeVar("T")
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


class Carrier:
    """Carries out tasks; one whose result is stored is not repeated.

    `gate` paces the calls. `windows` looks after channels with a session window. `failed`
    keeps what failed for good. `enclosures` finds the files.
    """

    def __init__(  # noqa: PLR0913 - the collaborators of a delivery, each with a default
        self,
        event_log: EventLog,
        store: MessageData,
        connectors: Accounts,
        gate: Gate,
        *,
        windows: WindowGuard | None = None,
        policy: RetryPolicy | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        failed: FailedDeliveries | None = None,
        enclosures: Enclosures | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        self._tracing = tracing or Untraced()
        self._enclosures = enclosures
        self._failed = failed or FailedDeliveries()
        self._log = event_log
        self._kept = Batched(store.find)
        self._statuses = Batched(partial(statuses_of, store))
        self._connectors = connectors
        self._gate = gate
        self._windows = windows
        self._policy = policy or RetryPolicy()
        self._clock = clock
        self._finished: Recent[str, None] = Recent(REMEMBERED)

    async def carry_out(self, task: DeliveryTask, hold: Hold = alone) -> None:
        """Do what `task` asks and report it.

        Raises `Unavailable` when storage fails, and `HandedOver` when `hold` says so.
        """
        if task.task_id in self._finished:
            return
        sending = Sending(task, self._clock(), hold)
        try:
            await self._until_taken(sending)
        except Settled:
            log.debug("delivery settled before", task=task.task_id)
        except There as found:
            sent = Sent(external_id=found.entry.external_id or "")
            await self._report(sending.task, Status.SENT, at=found.entry.at, sent=sent)
        except ChannelError as error:
            log.info("delivery failed", channel=task.channel, code=error.reason)
            if task.kind is DeliveryKind.MESSAGE:
                await self._give_up(sending, error)
        self._finished[task.task_id] = None

    async def _give_up(self, sending: Sending, error: ChannelError) -> None:
        """Tell the sender, and keep the task for when the cause is gone."""
        task = sending.task
        failure = Failure(code=error.reason, text=str(error), platform_error=error.platform_error)
        letter = await self._failed.letter(task, error, attempts=sending.attempts)
        await self._report(task, Status.FAILED, error=failure, letter=letter, tries=sending.tries)

    async def _until_taken(self, sending: Sending) -> None:
        loop = asyncio.get_running_loop()
        if self._enclosures is not None:
            wanted = partial(self._check_wanted, sending.task)
            await self._enclosures.wait(sending.task.payload, wanted)
        while True:
            task = sending.task
            if task.kind is DeliveryKind.MESSAGE and not sending.taken:
                await self._check_open(task)
                sending.looked_at = loop.time()
            try:
                await self._attempt(sending)
            except ChannelError as error:
                sending.attempts += 1
                moved = await self._failed.at_new_address(task, error)
                if moved is not None:
                    sending.task = moved
                    continue
                if not error.retry or sending.attempts >= self._policy.attempts:
                    raise
                sending.tried(error, self._clock())
                wait = self._policy.wait(sending.attempts - 1, error.retry_after)
                log.info("delivery retried", channel=task.channel, code=error.reason, wait=wait)
                await asyncio.sleep(wait)
            else:
                return

    async def _check_wanted(self, task: DeliveryTask) -> None:
        """Raise when a message that waits for its file is not to be sent any more."""
        self._check_expiry(task)
        if task.kind is DeliveryKind.MESSAGE:
            await self._check_open(task)
            await self._payload_now(task)

    async def _check_open(self, task: DeliveryTask) -> None:
        """See that it was not sent or given up, and is needed yet; see `check_open`."""
        check_open(task, await self._statuses(task.message_id) or ())

    async def _attempt(self, sending: Sending) -> None:
        task = sending.task
        self._check_expiry(task)
        connector = self._connectors.get(task.account_id)
        if connector is None:
            raise ChannelError(
                f"the {task.channel} account is not running", retry=True, reason="no_account"
            )
        if task.kind is DeliveryKind.MESSAGE:
            await self._send(connector, sending)
        elif isinstance(connector, SupportsChanges):
            await self._change(connector, connector.capabilities, sending)

    def _check_expiry(self, task: DeliveryTask) -> None:
        if self._clock() >= task.expires_at:
            raise _too_late()

    @asynccontextmanager
    async def _permit(self, task: DeliveryTask, limits: Capabilities) -> AsyncIterator[Permit]:
        """Wait for leave to call the platform, but not longer than the task is worth it."""
        left = (task.expires_at - self._clock()).total_seconds()
        try:
            async with asyncio.timeout(left):
                permit = await self._gate.permit(
                    task.account_id, task.address, task.conversation_id, limits
                )
        except TimeoutError as error:
            raise _too_late() from error
        try:
            yield permit
        finally:
            permit.close()

    async def _send(self, connector: Connector, sending: Sending) -> None:
        """Send what the platform has not `taken` yet of the parts of a message."""
        async with self._permit(sending.task, connector.capabilities) as permit:
            if not sending.taken:
                await self._prepare(connector, sending)
            await to_its_end(self._send_parts(connector, sending, permit), sending.hold)

    async def _send_parts(self, connector: Connector, sending: Sending, permit: Permit) -> None:
        task = sending.task
        await self._send_part(connector, sending, permit)
        while len(sending.taken) < len(sending.parts):
            async with self._permit(task, connector.capabilities) as another:
                await self._send_part(connector, sending, another)
        first = sending.taken[0]
        status = max(first.status, Status.SENT)  # the platform has taken it
        await self._report(
            task, status, at=sending.at, sent=first, note=sending.note, tries=sending.tries
        )

    async def _send_part(self, connector: Connector, sending: Sending, permit: Permit) -> None:
        number = len(sending.taken)
        outgoing = Outgoing(
            message_id=_part_id(sending.task.message_id, number),
            address=sending.task.address,
            payload=sending.parts[number],
            reply_to=None if number else sending.reply_to,
        )
        call = self._traced(_call(connector, outgoing, sending.file), sending)
        try:
            sending.taken.append(await permit.use(call))
        except (FileGone, Unavailable) as error:
            raise as_channel_error(error) from error

    async def _prepare(self, connector: Connector, sending: Sending) -> None:
        """Fit the message, as edits have left it by now, into what the channel carries."""
        task = sending.task
        if asyncio.get_running_loop().time() > sending.looked_at + _STALE:
            await self._check_open(task)  # much may have happened while it waited
        payload = await self._payload_now(task)
        if self._windows is not None:
            await self._windows.check(task, payload.type, connector.capabilities, self._clock())
        prefix = f"{task.from_name}: " if task.from_name else ""
        file = await self._enclosed(payload)
        fitted = fit(payload, connector.capabilities, prefix=prefix, file=file)
        sending.parts, sending.note = fitted.parts, fitted.note
        sending.file = file.ref if file is not None else None
        sending.reply_to = await self._external_id(task, task.reply_to)
        # The platform may report the delivery before its answer to the call comes back.
        sending.at = self._clock()

    async def _enclosed(self, payload: Payload) -> Enclosed | None:
        return None if self._enclosures is None else await self._enclosures.of(payload)

    async def _payload_now(self, task: DeliveryTask) -> Payload:
        kept = await self._kept(task.message_id)
        if kept is not None and kept.message.deleted_at is not None:
            raise ChannelError("deleted before it was sent", retry=False, reason="deleted")
        payload = kept.message.payload if kept is not None else task.payload
        if payload is None:
            raise ChannelError("there is nothing to send", retry=False, reason="deleted")
        return payload

    async def _change(
        self, connector: SupportsChanges, capabilities: Capabilities, sending: Sending
    ) -> None:
        task = sending.task
        external_id = await self._external_id(task, task.message_id)
        if external_id is None:
            return
        async with self._permit(task, capabilities) as permit:
            call: Callable[[], Awaitable[None]]
            if task.kind is DeliveryKind.DELETE:
                call = partial(connector.delete_message, task.address, external_id)
            elif task.kind is DeliveryKind.REACTIONS:
                call = partial(connector.set_reactions, task.address, external_id, task.emojis)
            elif task.payload is not None:
                prefix = f"{task.from_name}: " if task.from_name else ""
                file = await self._enclosed(task.payload)
                fitted = fit_edit(task.payload, capabilities, prefix=prefix, file=file)
                outgoing = Outgoing(
                    message_id=task.message_id, address=task.address, payload=fitted
                )
                call = partial(connector.edit_message, outgoing, external_id)
            else:
                return
            await permit.use(self._traced(call, sending))

    def _traced(
        self, call: Callable[[], Awaitable[T]], sending: Sending
    ) -> Callable[[], Awaitable[T]]:
        """Return a call of a platform as a piece of work of its own, with how it ended."""

        async def traced() -> T:
            task = sending.task
            attributes = {**delivery(task), "chat4all.attempt": sending.attempts + 1}
            with self._tracing.within(f"call {task.channel}", Kind.CLIENT, attributes) as span:
                try:
                    answer = await call()
                except ChannelError as error:
                    span.note({OUTCOME: error.reason})
                    raise
                span.note({OUTCOME: "taken"})
                return answer

        return traced

    async def _external_id(self, task: DeliveryTask, message: MessageId | None) -> str | None:
        """Return the platform's id of `message` in the chat of `task`."""
        if message is None:
            return None
        entries = await self._statuses(message) or ()
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
        letter: Record | None = None,
        tries: Iterable[Try] = (),
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
        talk = task.conversation_id
        records = [letter] if letter is not None else []
        for user in task.users:
            command = ReportStatus(
                conversation_id=talk,
                entry=replace(entry, user_id=user),
                why=task.why,
                tries=tuple(tries),
            )
            records.append(Record(COMMANDS, talk, encode_command(command)))
        # It happened at the platform: asked again, it would happen twice.
        await persist(lambda: self._log.append(records))


def _call(
    connector: Connector, message: Outgoing, file: FileRef | None
) -> Callable[[], Awaitable[Sent]]:
    if message.payload.type not in MEDIA:
        return partial(connector.send_message, message)
    if file is None:
        raise ChannelError("no files are kept here", retry=False, reason="unsupported_payload")
    return partial(hand_over, connector, message, file)


def _too_late() -> ChannelError:
    return ChannelError("not delivered in time", retry=False, reason="expired")


def _part_id(message: MessageId, number: int) -> MessageId:
    """Return the id by which a platform tells a repeat of one part from another part."""
    return MessageId(derived_id("part", message, str(number))) if number else message
