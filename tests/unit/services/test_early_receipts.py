"""A receipt that was faster than our record of the send still counts; others do not stay."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from chat4all.adapters.memory.event_log import MemoryEventLog
from chat4all.adapters.memory.message_store import MemoryMessageStore
from chat4all.domain.commands import Command, ReportStatus
from chat4all.domain.directory import Account
from chat4all.domain.ids import AccountId, ConversationId, MessageId, UserId
from chat4all.domain.inbound import Receipt
from chat4all.domain.status import Status, StatusEntry
from chat4all.ports.event_log import COMMANDS
from chat4all.services.early_receipts import EarlyReceipts
from chat4all.services.records import decode_command
from chat4all.testing.virtual_time import run_in_virtual_time

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
ACCOUNT = Account(
    id=AccountId("a"),
    platform="paper",
    name="Paper",
    owner_id=UserId("o"),
    config={},
    created_at=AT,
    updated_at=AT,
)
SENT = StatusEntry(
    message_id=MessageId("m"),
    conversation_id=ConversationId("c"),
    user_id=UserId("u"),
    channel="paper",
    status=Status.SENT,
    at=AT + timedelta(milliseconds=300),
    account_id=ACCOUNT.id,
    address="1",
    external_id="77",
)


class LateStore(MemoryMessageStore):
    """Shows the send only when a test says so."""

    shown = False

    async def status_of(
        self, account: AccountId, address: str, external_id: str
    ) -> StatusEntry | None:
        asked = (account, address, external_id) == (ACCOUNT.id, "1", "77")
        return SENT if self.shown and asked else None


async def reports(receipt: Receipt, entry: StatusEntry, account: Account) -> list[ReportStatus]:
    assert account == ACCOUNT
    news = replace(entry, status=receipt.status)
    return [ReportStatus(conversation_id=entry.conversation_id, entry=news)]


class World:
    def __init__(self, *, most: int = 100) -> None:
        self.store, self.log = LateStore(), MemoryEventLog()
        self.ignored: list[str] = []
        self.early = EarlyReceipts(self.store, self.log, reports, self.ignored.append, most=most)

    async def reported(self) -> list[StatusEntry]:
        commands: list[Command] = []
        async with self.log.consume(COMMANDS, "test") as consumer:
            while self.log.backlog(COMMANDS, "test") > len(commands):
                records = await consumer.next(limit=100)
                commands += [decode_command(record.value) for record in records]
        assert all(isinstance(one, ReportStatus) for one in commands)
        return [one.entry for one in commands if isinstance(one, ReportStatus)]


def receipt(status: Status, external_id: str = "77") -> Receipt:
    return Receipt(external_id=external_id, address="1", status=status, at=AT)


def test_it_counts_once_the_send_is_stored_however_late_that_is() -> None:
    async def main() -> None:
        world = World()
        task = asyncio.create_task(world.early.run())
        await asyncio.sleep(0)
        for status in (Status.DELIVERED, Status.READ):
            world.early.hold(ACCOUNT, receipt(status))
        await asyncio.sleep(200)
        assert world.log.backlog(COMMANDS, "test") == 0
        world.store.shown = True
        await asyncio.sleep(16)
        entries = await world.reported()
        assert [one.status for one in entries] == [Status.DELIVERED, Status.READ]
        await asyncio.sleep(400)
        assert len(await world.reported()) == 2
        assert world.ignored == ["early_receipt"] * 2
        task.cancel()

    run_in_virtual_time(main())


def test_what_is_never_ours_is_counted_and_forgotten() -> None:
    async def main() -> None:
        world = World(most=2)
        task = asyncio.create_task(world.early.run())
        await asyncio.sleep(0)
        for number in range(3):
            world.early.hold(ACCOUNT, receipt(Status.READ, f"of nobody {number}"))
        assert world.ignored.count("unknown_receipt") == 1, "the oldest went"
        await asyncio.sleep(400)
        assert world.ignored.count("unknown_receipt") == 3
        assert world.log.backlog(COMMANDS, "test") == 0
        task.cancel()

    run_in_virtual_time(main())


async def test_while_nobody_looks_again_none_is_held() -> None:
    world = World()
    world.early.hold(ACCOUNT, receipt(Status.READ))
    assert world.ignored == ["unknown_receipt"]
