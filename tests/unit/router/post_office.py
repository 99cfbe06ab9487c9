"""A delivery worker with several accounts of a platform, in virtual time."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from chat4all.adapters.memory.ephemeral import MemoryEphemeral
from chat4all.adapters.memory.event_log import MemoryEventLog
from chat4all.adapters.memory.message_store import MemoryMessageStore
from chat4all.domain.capabilities import Capabilities
from chat4all.domain.delivery import DeliveryKind, DeliveryTask
from chat4all.domain.ids import AccountId, ConversationId, MessageId, UserId, new_id
from chat4all.domain.outgoing import Outgoing
from chat4all.domain.payload import text
from chat4all.ports.event_log import Record, outbound
from chat4all.router.carrier import Carrier, RetryPolicy
from chat4all.router.delivery import GROUP, DeliveryWorker
from chat4all.router.gate import Gate
from chat4all.services.records import encode_task
from chat4all.testing.paper import PaperConnector

STREAM = outbound("paper")
START = datetime(2026, 1, 31, 12, tzinfo=UTC)
UNPACED = PaperConnector.capabilities


def now() -> float:
    return asyncio.get_running_loop().time()


def clock() -> datetime:
    return START + timedelta(seconds=now())


class Account(PaperConnector):
    """One account; `calls` are the moments of every call, `taken` those that were taken."""

    def __init__(self, limits: Capabilities) -> None:
        super().__init__()
        self.capabilities = limits  # type: ignore[misc] # each account of a test has its own
        self.calls: list[tuple[float, str]] = []
        self.taken: list[tuple[float, str, str]] = []
        self.trouble: Callable[[str], None] = lambda _: None
        self.before_send = self._note

    async def _note(self, message: Outgoing) -> None:
        self.calls.append((now(), message.address))
        self.trouble(message.address)
        self.taken.append((now(), message.address, message.payload.text or ""))

    def of_chat(self, address: str) -> list[str]:
        return [words for _, chat, words in self.taken if chat == address]

    def most_in(self, seconds: float) -> int:
        """Return the most calls in any half-open window of that length."""
        moments, first, most = [at for at, _ in self.calls], 0, 0
        for last, at in enumerate(moments):
            while at - moments[first] >= seconds - 1e-6:
                first += 1
            most = max(most, last - first + 1)
        return most


class PostOffice:
    """What lies outside the worker; create it inside the loop."""

    def __init__(self, *accounts: str, **limits: Any) -> None:
        self.log = MemoryEventLog()
        self.store = MemoryMessageStore()
        self.rates = MemoryEphemeral(clock=asyncio.get_running_loop().time).rates
        can = replace(UNPACED, **limits)
        self.accounts = {AccountId(name): Account(can) for name in accounts}
        self.accepted: dict[str, float] = {}
        self.counts: defaultdict[tuple[str, str], int] = defaultdict(int)

    def __getitem__(self, name: str) -> Account:
        return self.accounts[AccountId(name)]

    def gate(self) -> Gate:
        return Gate(self.rates)

    def worker(self, gate: Gate | None = None) -> DeliveryWorker:
        policy = RetryPolicy(first=0.5, most=20.0, attempts=100_000)
        carrier = Carrier(
            self.log, self.store, self.accounts, gate or self.gate(), policy=policy, clock=clock
        )
        return DeliveryWorker("paper", self.log, carrier)

    @asynccontextmanager
    async def open(self, *gates: Gate) -> AsyncIterator[None]:
        task = asyncio.create_task(self.worker(*gates).run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def put(self, account: str, address: str, *, talk: str = "", times: int = 1) -> None:
        """Ask for messages numbered per chat."""
        records = []
        for _ in range(times):
            number = self.counts[account, address]
            self.counts[account, address] += 1
            task = DeliveryTask(
                task_id=new_id(),
                kind=DeliveryKind.MESSAGE,
                channel="paper",
                account_id=AccountId(account),
                address=address,
                user_id=UserId(address),
                conversation_id=ConversationId(talk or address),
                message_id=MessageId(new_id()),
                expires_at=START + timedelta(days=2),
                payload=text(str(number)),
            )
            self.accepted[f"{account}/{address}/{number}"] = now()
            records.append(Record(STREAM, address, encode_task(task)))
        await self.log.append(records)

    async def done(self) -> None:
        while self.log.backlog(STREAM, GROUP):  # noqa: ASYNC110 - the worker says nothing
            await asyncio.sleep(1)

    def expected(self, account: str, address: str) -> list[str]:
        return [str(number) for number in range(self.counts[account, address])]

    def waits(self, account: str) -> list[float]:
        """Return how long each message of an account took, in the order taken."""
        return [
            at - self.accepted[f"{account}/{address}/{words}"]
            for at, address, words in self[account].taken
        ]
