"""A receipt that was faster than our own record of the send is counted in, once, and not lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from chat4all.adapters.memory.accounts import MemoryAccounts
from chat4all.adapters.memory.directory_state import DirectoryState
from chat4all.adapters.memory.event_log import MemoryEventLog
from chat4all.adapters.memory.message_store import MemoryMessageStore
from chat4all.domain.commands import Command, ReportStatus
from chat4all.domain.directory import Account
from chat4all.domain.errors import Unavailable
from chat4all.domain.events import Position
from chat4all.domain.ids import AccountId, ConversationId, MessageId, UserId
from chat4all.domain.inbound import Receipt
from chat4all.domain.status import Failure, Status, StatusEntry
from chat4all.ports.event_log import COMMANDS, DEAD_LETTERS, EARLY_RECEIPTS, Record
from chat4all.router.early_receipts import GROUP, EarlyReceipts
from chat4all.router.worker import GROUP as ROUTER
from chat4all.services.dead_letters import DeadLetters
from chat4all.services.receipts import early_record
from chat4all.services.records import decode_command, encode_command
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
        if external_id == "breaks the store":
            raise ZeroDivisionError
        return SENT if self.shown and asked else None


class BusyLog(MemoryEventLog):
    """Does not keep commands while a test says so."""

    refuses = False

    async def append(self, records: Sequence[Record]) -> Sequence[Position]:
        if self.refuses and any(record.stream == COMMANDS for record in records):
            raise Unavailable("not now")
        return await super().append(records)


async def reports(receipt: Receipt, entry: StatusEntry, account: Account) -> list[ReportStatus]:
    assert account == ACCOUNT
    if receipt.author == "a person that breaks it":
        raise ZeroDivisionError
    news = replace(entry, status=receipt.status, error=receipt.error)
    return [ReportStatus(conversation_id=entry.conversation_id, entry=news)]


class World:
    """A log and a store that outlive each reader; its wall clock goes with the loop's."""

    def __init__(self) -> None:
        self.store, self.log = LateStore(), BusyLog()
        self.accounts = MemoryAccounts(DirectoryState())
        self.ignored: list[str] = []
        self._zero = datetime.now(UTC)

    def now(self) -> datetime:
        return self._zero + timedelta(seconds=asyncio.get_running_loop().time())

    async def hears(self, *receipts: Receipt) -> None:
        await self.log.append([early_record(ACCOUNT, one) for one in receipts])

    @asynccontextmanager
    async def reading(self, *, most: int = 100) -> AsyncIterator[None]:
        """Have somebody look again, who is gone without a farewell after the block."""
        await self.accounts.put(ACCOUNT)
        early = EarlyReceipts(
            self.log,
            self.store,
            self.accounts,
            reports,
            self.ignored.append,
            most=most,
            now=self.now,
        )
        task = asyncio.create_task(early.run())
        await asyncio.sleep(0)
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def stores(self) -> None:
        """Let the router do all commands."""
        async with self.log.consume(COMMANDS, ROUTER) as consumer:
            while self.log.backlog(COMMANDS, ROUTER):
                for record in await consumer.next(limit=100):
                    await consumer.commit(record.position)

    @property
    def waiting(self) -> int:
        return self.log.backlog(EARLY_RECEIPTS, GROUP)

    async def reported(self) -> list[Status]:
        records = await self.log.read(COMMANDS, after=None, limit=100)
        commands: list[Command] = [decode_command(record.value) for record in records]
        assert all(isinstance(one, ReportStatus) for one in commands)
        return [one.entry.status for one in commands if isinstance(one, ReportStatus)]


def receipt(status: Status, external_id: str = "77", author: str | None = None) -> Receipt:
    return Receipt(external_id=external_id, address="1", status=status, at=AT, author=author)


def test_it_counts_once_the_send_is_stored_however_late_that_is() -> None:
    async def main() -> None:
        world = World()
        async with world.reading():
            await world.hears(receipt(Status.DELIVERED), receipt(Status.READ))
            await asyncio.sleep(200)
            assert (await world.reported(), world.waiting) == ([], 2)
            world.store.shown = True
            await asyncio.sleep(16)
            assert await world.reported() == [Status.DELIVERED, Status.READ]
            await asyncio.sleep(400)
        assert len(await world.reported()) == 2
        assert (world.ignored, world.waiting) == ([], 0)

    run_in_virtual_time(main())


def test_a_kill_before_it_is_counted_in_loses_none_and_counts_each_once() -> None:
    async def main() -> None:
        world = World()
        async with world.reading():
            await world.hears(receipt(Status.DELIVERED), receipt(Status.READ, "of nobody"))
            await asyncio.sleep(10)
        async with world.reading():
            await world.hears(receipt(Status.READ))
            await asyncio.sleep(10)
        world.store.shown = True
        async with world.reading():
            await asyncio.sleep(20)
            assert await world.reported() == [Status.DELIVERED, Status.READ]
            assert world.waiting == 2, "what was counted in waits behind the oldest that was not"
        async with world.reading():
            await asyncio.sleep(10)
            await world.stores()
            await asyncio.sleep(320)
        assert world.waiting == 0
        assert set(await world.reported()) == {Status.DELIVERED, Status.READ}

    run_in_virtual_time(main())


def test_a_receipt_keeps_the_order_of_its_message_whenever_it_comes() -> None:
    async def main() -> None:
        world = World()
        async with world.reading():
            await world.hears(receipt(Status.DELIVERED))
            await asyncio.sleep(100)  # looks at it come seldom now
            world.store.shown = True
            await world.hears(receipt(Status.READ))
            await asyncio.sleep(1)
            assert await world.reported() == [Status.DELIVERED, Status.READ]

    run_in_virtual_time(main())


def test_what_is_never_ours_is_counted_and_let_go() -> None:
    async def main() -> None:
        world = World()
        async with world.reading():
            await world.hears(receipt(Status.READ, "of nobody"))
            await asyncio.sleep(290)
            assert (world.ignored, world.waiting) == ([], 1)
            await asyncio.sleep(30)
        assert (world.ignored, world.waiting) == (["unknown_receipt"], 0)
        assert await world.reported() == []

    run_in_virtual_time(main())


def test_what_there_is_no_memory_for_stays_in_the_log_and_gets_its_turn() -> None:
    async def main() -> None:
        world = World()
        async with world.reading(most=2):
            await world.hears(*(receipt(Status.READ, f"of nobody {one}") for one in range(3)))
            await world.hears(receipt(Status.DELIVERED))
            world.store.shown = True
            await asyncio.sleep(200)
            assert (await world.reported(), world.ignored) == ([], [])
            await asyncio.sleep(130)
        assert await world.reported() == [Status.DELIVERED]
        assert (world.ignored, world.waiting) == (["unknown_receipt"] * 3, 0)

    run_in_virtual_time(main())


def test_after_a_long_standstill_our_own_record_has_its_time_too() -> None:
    async def main() -> None:
        world = World()
        await world.hears(receipt(Status.DELIVERED))
        await asyncio.sleep(3_600)
        async with world.reading():
            await asyncio.sleep(100)
            world.store.shown = True
            await asyncio.sleep(20)
        assert await world.reported() == [Status.DELIVERED]

    run_in_virtual_time(main())


def test_while_the_store_is_behind_our_own_record_may_still_come() -> None:
    async def main() -> None:
        world = World()
        ours = ReportStatus(conversation_id=SENT.conversation_id, entry=SENT)
        await world.log.append([Record(COMMANDS, "c", encode_command(ours))])
        async with world.reading():
            await world.hears(receipt(Status.DELIVERED), receipt(Status.READ, "of nobody"))
            await asyncio.sleep(3_000)
            assert (world.ignored, world.waiting) == ([], 2)
            world.store.shown = True
            await asyncio.sleep(20)
            await world.stores()
            await asyncio.sleep(40)
        assert await world.reported() == [Status.SENT, Status.DELIVERED]
        assert (world.ignored, world.waiting) == (["unknown_receipt"], 0)

    run_in_virtual_time(main())


def test_a_log_that_does_not_answer_is_waited_for() -> None:
    async def main() -> None:
        world = World()
        world.store.shown = world.log.refuses = True
        async with world.reading():
            await world.hears(receipt(Status.DELIVERED))
            await asyncio.sleep(1_000)
            assert world.waiting == 1
            world.log.refuses = False
            await asyncio.sleep(10)
        assert (await world.reported(), world.waiting) == ([Status.DELIVERED], 0)

    run_in_virtual_time(main())


def test_what_cannot_be_read_or_done_is_parked_and_the_next_goes_on() -> None:
    async def main() -> None:
        world = World()
        world.store.shown = True
        newer = Record(EARLY_RECEIPTS, "k", b'{"type":"receipt","v":2}')
        async with world.reading():
            await world.log.append([newer])
            await world.hears(receipt(Status.READ, author="a person that breaks it"))
            await world.hears(receipt(Status.READ, "breaks the store"), receipt(Status.READ))
            await asyncio.sleep(10)
        assert (await world.reported(), world.waiting) == ([Status.READ], 0)
        letters = DeadLetters(world.log, world.log)
        first, *broken = (await letters.page()).items
        second = next(one for one in broken if one.contents and "77" in one.contents.ids.values())
        assert [one.code for one in broken] == ["internal_error"] * 2
        assert (first.code, first.value) == ("unreadable_record", newer.value)
        assert second.contents is not None
        assert (second.contents.kind, second.contents.ids) == (
            "receipt",
            {"account_id": ACCOUNT.id, "address": "1", "external_id": "77"},
        )
        _, begun = await letters.redrive(second.id)
        assert begun
        assert world.waiting == 1, "it comes again"
        assert len(await world.log.read(DEAD_LETTERS, after=None, limit=9)) == 4

    run_in_virtual_time(main())


def test_receipts_of_an_account_that_was_removed_are_let_go() -> None:
    async def main() -> None:
        world = World()
        async with world.reading():
            await world.hears(receipt(Status.READ))
            await world.accounts.remove(ACCOUNT.id)
            world.store.shown = True
            await asyncio.sleep(10)
        assert (world.ignored, world.waiting) == (["unknown_receipt"], 0)
        assert await world.reported() == []

    run_in_virtual_time(main())


def test_a_failure_keeps_what_the_platform_said() -> None:
    async def main() -> None:
        world = World()
        said = Failure(code="blocked", text="no", platform_error={"code": 131026, "why": ["x"]})
        world.store.shown = True
        async with world.reading():
            await world.hears(replace(receipt(Status.FAILED), error=said))
            await asyncio.sleep(10)
        [record] = await world.log.read(COMMANDS, after=None, limit=9)
        command = decode_command(record.value)
        assert isinstance(command, ReportStatus)
        assert command.entry.error == said

    run_in_virtual_time(main())
