"""Receipts that were faster than our own record: they are tried again until that is there.

A platform may tell that a message was delivered before it has answered the call that brought
it, and our record of the answer may lie in the log for some time when much is going on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import count

import structlog

from chat4all.domain.commands import ReportStatus
from chat4all.domain.directory import Account
from chat4all.domain.errors import Unavailable
from chat4all.domain.inbound import Receipt
from chat4all.domain.status import StatusEntry
from chat4all.ports.event_log import COMMANDS, EventLog, Record
from chat4all.ports.message_store import MessageStore
from chat4all.services.records import encode_command

log = structlog.get_logger(__name__)

EARLY, UNKNOWN = "early_receipt", "unknown_receipt"
KEPT = 300.0
"""Seconds after which a receipt is of no message of ours."""
MOST = 10_000
"""Receipts that are held; beyond it the oldest goes."""
_EVERY = 0.25
_LONGEST_PAUSE = 15.0


Reports = Callable[[Receipt, StatusEntry, Account], Awaitable[Sequence[ReportStatus]]]
"""What a receipt says about the message whose way the entry tells."""


@dataclass(slots=True)
class _Held:
    account: Account
    receipt: Receipt
    since: float
    due: float
    pause: float = _EVERY


class EarlyReceipts:
    """Holds receipts in memory while `run` runs; before that it takes none.

    A stop loses what is held: then the status stays where it was until the next receipt.
    """

    def __init__(
        self,
        store: MessageStore,
        event_log: EventLog,
        reports: Reports,
        ignored: Callable[[str], None],
        *,
        most: int = MOST,
        kept: float = KEPT,
    ) -> None:
        self._store = store
        self._log = event_log
        self._reports = reports
        self._ignored = ignored
        self._most = most
        self._kept = kept
        self._held: dict[int, _Held] = {}
        self._numbers = count()
        self._running = False
        self._work = asyncio.Event()

    def hold(self, account: Account, receipt: Receipt) -> None:
        """Try it again later; count it as unknown when that is not done or was in vain."""
        if not self._running:
            self._ignored(UNKNOWN)
            return
        if len(self._held) >= self._most:
            del self._held[next(iter(self._held))]
            self._ignored(UNKNOWN)
        self._ignored(EARLY)
        now = asyncio.get_running_loop().time()
        self._held[next(self._numbers)] = _Held(account, receipt, now, now + _EVERY)
        self._work.set()

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        self._running = True
        try:
            while True:
                if not self._held:
                    self._work.clear()
                    await self._work.wait()
                await asyncio.sleep(_EVERY)
                try:
                    await self._look()
                except Unavailable as error:
                    log.warning("receipts wait for the storage", code=error.code)
        finally:
            self._running = False

    async def _look(self) -> None:
        now = asyncio.get_running_loop().time()
        due = [(number, one) for number, one in self._held.items() if one.due <= now]
        for number, held in due:
            receipt, account = held.receipt, held.account
            entry = await self._store.status_of(account.id, receipt.address, receipt.external_id)
            if entry is not None:
                commands = await self._reports(receipt, entry, account)
                await self._log.append(
                    [Record(COMMANDS, one.conversation_id, encode_command(one)) for one in commands]
                )
            elif now - held.since < self._kept:
                held.pause = min(held.pause * 2, _LONGEST_PAUSE)
                held.due = now + held.pause
                continue
            else:
                self._ignored(UNKNOWN)
            self._held.pop(number, None)  # it may have been pushed out meanwhile
