"""Receipts that were faster than our own record: they are tried again until that is there.

A platform may tell that a message was delivered before it has answered the call that brought
it, and our record of the answer may lie in the log for some time when much is going on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import takewhile

import structlog

from chat4all.domain.commands import ReportStatus
from chat4all.domain.directory import Account
from chat4all.domain.errors import UnreadableRecord
from chat4all.domain.events import Position
from chat4all.domain.ids import AccountId
from chat4all.domain.inbound import EarlyReceipt, Receipt
from chat4all.domain.status import StatusEntry
from chat4all.ports.accounts import Accounts
from chat4all.ports.event_log import (
    COMMANDS,
    EARLY_RECEIPTS,
    Consumer,
    EventLog,
    LogRecord,
)
from chat4all.ports.message_store import MessageStore
from chat4all.router.persist import persist
from chat4all.router.progress import Progress
from chat4all.router.worker import GROUP as ROUTER
from chat4all.services.clock import Clock, utc_now
from chat4all.services.dead_letters import dead_letter
from chat4all.services.message_traces import WriteCommands, plain_records
from chat4all.services.receipts import UNKNOWN
from chat4all.services.records import decode_receipt

log = structlog.get_logger(__name__)

GROUP = "early-receipts"
KEPT = 300.0
"""Seconds within which our own record comes into the log, if there will be one."""
MOST = 10_000
"""Receipts in memory; while there are so many the log keeps the others."""
_EVERY = 0.25
_MARKS = 5.0
"""Seconds between looks at how far the store is."""
_LONGEST_PAUSE = 15.0

Reports = Callable[[Receipt, StatusEntry, Account], Awaitable[Sequence[ReportStatus]]]
"""What a receipt says about the message whose way the entry tells."""
_Message = tuple[AccountId, str, str]
"""An account, a chat, and the platform's id of a message in it."""


@dataclass(frozen=True, slots=True)
class _Held:
    record: LogRecord
    early: EarlyReceipt
    until: float


@dataclass(slots=True)
class _Waiting:
    """The receipts of one message, in order."""

    held: list[_Held] = field(default_factory=list)
    due: float = 0.0
    pause: float = _EVERY

    def look_again(self, now: float, pause: float) -> None:
        self.pause = min(pause, _LONGEST_PAUSE)
        self.due = now + self.pause


class _Stored:
    """Up to when the store has all commands that were appended, as a time of the loop."""

    def __init__(self, event_log: EventLog) -> None:
        self._log = event_log
        self._mark: tuple[float, Sequence[Position]] | None = None
        self._next = 0.0
        self.until = 0.0

    async def look(self) -> None:
        """Set a mark at the end of the log, and see whether the last one was reached."""
        if self._mark is None and _clock() >= self._next:
            self._mark = _clock(), await self._log.ends(COMMANDS)
            self._next = _clock() + _MARKS
        if self._mark is None:
            return
        at, ends = self._mark
        done = {one.partition: one.offset for one in self._log.done(COMMANDS, ROUTER)}
        if all(done.get(end.partition, -1) >= end.offset for end in ends):
            self.until, self._mark = at, None


class EarlyReceipts:
    """Consumes `early-receipts`, beside others of its group.

    A receipt is done when what it says is in the commands log, or when it is of no message of
    ours: `kept` seconds have passed since it was appended, and since this reader began (it
    may have stood still for long, and our own record with it), and all commands up to then
    are stored. The position is committed up to the oldest that is not done, so a restart
    looks at the others again. What is counted in twice by that changes nothing: a status
    only moves forward.
    """

    def __init__(  # noqa: PLR0913 - its collaborators, and limits with defaults
        self,
        event_log: EventLog,
        store: MessageStore,
        accounts: Accounts,
        reports: Reports,
        ignored: Callable[[str], None],
        *,
        records: WriteCommands = plain_records,
        most: int = MOST,
        kept: float = KEPT,
        now: Clock = utc_now,
    ) -> None:
        self._log = event_log
        self._store = store
        self._accounts = accounts
        self._reports = reports
        self._ignored = ignored
        self._records = records
        self._most = most
        self._kept = kept
        self._now = now

    async def run(self) -> None:
        """Work until cancelled; may be called again after it failed."""
        self._room = asyncio.Semaphore(self._most)
        self._progress = Progress()
        self._waiting: dict[_Message, _Waiting] = {}
        self._work = asyncio.Event()
        self._began = _clock()
        self._stored = _Stored(self._log)
        async with (
            self._log.consume(EARLY_RECEIPTS, GROUP) as consumer,
            asyncio.TaskGroup() as group,
        ):
            group.create_task(self._read(consumer))
            group.create_task(self._look(consumer))

    async def _read(self, consumer: Consumer) -> None:
        while True:
            for record in await consumer.next(limit=100):
                await self._room.acquire()
                self._progress.started(record.position)
                try:
                    self._hold(record, decode_receipt(record.value))
                except UnreadableRecord as error:
                    await self._park(record, error)
                    await self._done(record, consumer)

    def _hold(self, record: LogRecord, early: EarlyReceipt) -> None:
        now = _clock()
        age = max((self._now() - record.appended_at).total_seconds(), 0.0)
        held = _Held(record, early, max(now - age, self._began) + self._kept)
        message = (early.account_id, early.receipt.address, early.receipt.external_id)
        waiting = self._waiting.setdefault(message, _Waiting())
        waiting.held.append(held)
        waiting.look_again(now, _EVERY)
        self._work.set()

    async def _look(self, consumer: Consumer) -> None:
        while True:
            await self._work.wait()
            await asyncio.sleep(_EVERY)
            await persist(self._stored.look)
            now = _clock()
            due = [message for message, one in self._waiting.items() if one.due <= now]
            for message in due:
                await self._look_for(message, consumer)
            if not self._waiting:
                self._work.clear()

    async def _look_for(self, message: _Message, consumer: Consumer) -> None:
        """Do what can be done with the receipts of one message."""
        waiting = self._waiting[message]
        done, settle = await self._outcome(message, waiting)
        for held in done:
            await settle(held)
            await self._done(held.record, consumer)
        del waiting.held[: len(done)]  # others may have come meanwhile
        if not waiting.held:
            del self._waiting[message]

    async def _outcome(
        self, message: _Message, waiting: _Waiting
    ) -> tuple[Sequence[_Held], Callable[[_Held], Awaitable[None]]]:
        """Return which receipts are done with, and what to do with each of them."""
        try:
            entry = await persist(lambda: self._store.status_of(*message))
        except Exception as error:  # the boundary between one message and the rest
            log.exception("receipts parked", account=message[0])
            return list(waiting.held), partial(self._give_up, error)
        if entry is not None:
            return list(waiting.held), partial(self._count_in, entry)
        waiting.look_again(_clock(), waiting.pause * 2)
        over = takewhile(lambda one: one.until <= self._stored.until, waiting.held)
        return list(over), self._let_go

    async def _count_in(self, entry: StatusEntry, held: _Held) -> None:
        receipt, account_id = held.early.receipt, held.early.account_id
        try:
            account = await persist(lambda: self._accounts.get(account_id))
            if account is None:  # it was removed: its callbacks are refused too
                await self._let_go(held)
                return
            commands = await persist(lambda: self._reports(receipt, entry, account))
            records = await self._records(commands)
            await persist(lambda: self._log.append(records))
        except Exception as error:  # the boundary between one receipt and the rest
            log.exception("receipt parked", account=account_id)
            await self._give_up(error, held)

    async def _let_go(self, held: _Held) -> None:
        del held
        self._ignored(UNKNOWN)

    async def _give_up(self, error: Exception, held: _Held) -> None:
        await self._park(held.record, error)

    async def _done(self, record: LogRecord, consumer: Consumer) -> None:
        self._room.release()
        position = self._progress.finished(record.position)
        if position is not None:
            await persist(lambda: consumer.commit(position))

    async def _park(self, record: LogRecord, error: Exception) -> None:
        letter = dead_letter(record.stream, record.key, record.value, error)
        await persist(lambda: self._log.append([letter]))


def _clock() -> float:
    return asyncio.get_running_loop().time()
