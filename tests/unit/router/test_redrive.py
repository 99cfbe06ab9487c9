"""What is parked on the way of a message, and what trying it again does: once, or nothing."""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat4all.adapters.memory.directory import MemoryDirectory
from chat4all.adapters.memory.event_log import MemoryEventLog
from chat4all.adapters.memory.message_store import MemoryMessageStore
from chat4all.domain.commands import DeleteMessage, SubmitMessage
from chat4all.domain.delivery import DeliveryKind, DeliveryTask
from chat4all.domain.errors import ChannelError
from chat4all.domain.failover import Deadlines, FailoverPlan
from chat4all.domain.ids import ConversationId, MessageId, UserId, new_id
from chat4all.domain.payload import text
from chat4all.domain.status import Status
from chat4all.ports.event_log import COMMANDS, EVENTS, Record, outbound
from chat4all.router.failed_deliveries import FailedDeliveries
from chat4all.services.dead_letters import DeadLetter, DeadLetters
from chat4all.testing.faults import Faults, FaultyLog
from chat4all.testing.paper import PAPER_ACCOUNT, PaperConnector
from chat4all.testing.pipeline import (
    Pipeline,
    add_contact,
    add_conversation,
    add_paper_account,
    add_person,
)

STREET = "street 1"


class Shop:
    """Engines in memory that outlive the process; ana writes to the contact davi."""

    def __init__(self) -> None:
        self.log = FaultyLog(MemoryEventLog(), Faults())
        self.store = MemoryMessageStore()
        self.directory = MemoryDirectory()
        self.paper = PaperConnector()
        self.ana = self.davi = UserId("")
        self.talk = ConversationId("")

    async def populate(self) -> None:
        self.ana = await add_person(self.directory, "ana")
        self.davi = await add_contact(self.directory, "davi", self.ana, address=STREET)
        await add_paper_account(self.directory, self.ana)
        self.talk = await add_conversation(self.directory, self.ana, self.davi)

    def process(self) -> Pipeline:
        return Pipeline(self.log, self.store, self.directory, connector=self.paper)

    def letters(self) -> DeadLetters:
        return DeadLetters(self.log, self.log)

    async def parked(self) -> list[DeadLetter]:
        return list((await self.letters().page()).items)

    def submit(self, words: str) -> SubmitMessage:
        return SubmitMessage(
            message_id=MessageId(new_id()),
            conversation_id=self.talk,
            sender=self.ana,
            payload=text(words),
            accepted_at=datetime.now(UTC),
            digest=words,
        )

    def refuse(self, *reasons: str) -> None:
        failures = [ChannelError(f"no: {one}", retry=False, reason=one) for one in reasons]
        self.paper.failures[STREET] = deque(failures)

    async def status(self, message: MessageId) -> Status:
        return (await self.store.statuses([message]))[-1].status


@pytest.fixture
async def shop() -> Shop:
    shop = Shop()
    await shop.populate()
    return shop


def break_planning(process: Pipeline) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError("the directory answers nonsense")

    process.people.users = broken  # type: ignore[method-assign,assignment] # a bug, for once


async def test_a_delivery_that_failed_for_good_is_sent_once_the_cause_is_gone(
    shop: Shop,
) -> None:
    shop.refuse("unauthorized")
    asked = shop.submit("hello")
    async with shop.process() as process:
        await process.command(asked)
        await process.settle()
        [letter] = await shop.parked()
        assert (letter.stream, letter.code, letter.attempts) == (
            outbound("paper"),
            "unauthorized",
            1,
        )
        assert await shop.status(asked.message_id) is Status.FAILED
        for letters in (shop.letters(), shop.letters()):
            await letters.redrive(letter.id)
        await process.settle()
    assert shop.paper.texts(STREET) == ["Ana: hello"]
    assert await shop.status(asked.message_id) is Status.SENT


async def test_a_delivery_that_fails_again_leaves_another_letter(shop: Shop) -> None:
    shop.refuse("unauthorized", "blocked")
    async with shop.process() as process:
        await process.command(shop.submit("hello"))
        await process.settle()
        [first] = await shop.parked()
        await shop.letters().redrive(first.id)
        await process.settle()
        first, second = await shop.parked()
        assert (first.redriven_at is None, second.redriven_at is None) == (False, True)
        assert second.code == "blocked"
        await shop.letters().redrive(second.id)
        await process.settle()
    assert shop.paper.texts(STREET) == ["Ana: hello"]


async def test_what_was_sent_meanwhile_is_not_sent_again(shop: Shop) -> None:
    shop.refuse("unauthorized")
    asked = shop.submit("hello")
    async with shop.process() as process:
        await process.command(asked)
        await process.settle()
        [letter] = await shop.parked()
        await shop.log.append([Record(letter.stream, letter.key, letter.value)])
        await shop.letters().redrive(letter.id)
        await process.settle()
    async with shop.process() as process:
        await shop.log.append([Record(letter.stream, letter.key, letter.value)])
        await process.settle()
    assert shop.paper.texts(STREET) == ["Ana: hello"]


async def test_what_was_deleted_leaves_no_letter_and_is_not_sent_by_one(shop: Shop) -> None:
    shop.refuse("unauthorized")
    asked = shop.submit("hello")
    async with shop.process() as process:
        await process.command(asked)
        await process.settle()
        gone = DeleteMessage(
            conversation_id=shop.talk,
            message_id=asked.message_id,
            actor=shop.ana,
            for_everyone=True,
            at=datetime.now(UTC),
        )
        await process.command(gone)
        await process.settle()
        [letter] = await shop.parked()
        await shop.letters().redrive(letter.id)
        await process.settle()
    assert shop.paper.texts(STREET) == []
    assert len(await shop.parked()) == 1


async def test_while_another_channel_is_left_a_failure_is_not_the_end(shop: Shop) -> None:
    plan = FailoverPlan(
        message_id=MessageId(new_id()),
        user_id=shop.davi,
        conversation_id=shop.talk,
        channels=("paper", "mock"),
        deadlines=Deadlines(),
        expires_at=datetime.now(UTC) + timedelta(days=1),
    )
    await shop.directory.failovers.put(plan)
    task = DeliveryTask(
        task_id="1",
        kind=DeliveryKind.MESSAGE,
        channel="paper",
        account_id=PAPER_ACCOUNT,
        address=STREET,
        user_id=shop.davi,
        conversation_id=shop.talk,
        message_id=plan.message_id,
        expires_at=plan.expires_at,
    )
    error = ChannelError("no", retry=False, reason="blocked")
    failed = FailedDeliveries(shop.directory.failovers)
    assert await failed.letter(task, error, attempts=1) is None
    assert await FailedDeliveries().letter(task, error, attempts=1) is not None


async def test_an_event_that_could_not_be_planned_is_planned_again(shop: Shop) -> None:
    asked = shop.submit("hello")
    async with shop.process() as process:
        break_planning(process)
        await process.command(asked)
        await process.settle()
        assert shop.paper.sent == []
    events = len(await shop.log.read(EVENTS, after=None, limit=100))
    [letter] = await shop.parked()
    assert (letter.stream, letter.code) == (COMMANDS, "internal_error")
    assert letter.contents is not None
    assert (letter.contents.kind, letter.contents.message_id) == ("plan_again", asked.message_id)
    async with shop.process() as process:
        for letters in (shop.letters(), shop.letters()):
            await letters.redrive(letter.id)
        await process.settle()
    assert len(await shop.log.read(EVENTS, after=None, limit=100)) == events + 1, "its status"
    assert shop.paper.texts(STREET) == ["Ana: hello"]
    assert len(await shop.store.page(shop.talk, viewer=shop.ana, limit=10)) == 1


async def test_planning_again_survives_a_stop_and_is_not_done_twice(shop: Shop) -> None:
    async with shop.process() as process:
        break_planning(process)
        await process.command(shop.submit("hello"))
        await process.settle()
    [letter] = await shop.parked()
    await shop.letters().redrive(letter.id)
    async with shop.process() as process:  # reads the command as one of the time before it
        await process.settle()
    [command] = (await shop.log.read(COMMANDS, after=None, limit=100))[1:2]
    async with shop.process() as process:
        await shop.log.append([Record(COMMANDS, command.key, command.value)])
        await process.settle()
    assert shop.paper.texts(STREET) == ["Ana: hello"]


@settings(deadline=None)  # how long it takes says nothing
@given(
    failing=st.integers(1, 3),
    steps=st.lists(st.sampled_from(["redrive", "every", "restart", "settle"]), max_size=8),
)
async def test_any_sequence_of_redrives_sends_a_message_at_most_once(
    failing: int, steps: list[str]
) -> None:
    shop = Shop()
    await shop.populate()
    shop.refuse(*["unauthorized"] * failing)
    process = shop.process()
    await process.__aenter__()
    try:
        await process.command(shop.submit("hello"))
        await process.settle()
        for step in [*steps, "settle"]:
            if step == "restart":
                await process.__aexit__()
                process = await shop.process().__aenter__()
            elif step == "settle":
                await process.settle()
            else:
                letters = shop.letters()
                ids = [one.id for one in (await letters.page()).items]
                wanted = ids if step == "every" else ids[:1]
                await asyncio.gather(*(letters.redrive(one) for one in wanted * 2))
    finally:
        await process.__aexit__()
    parked = await shop.parked()
    redriven = [one for one in parked if one.redriven_at is not None]
    # A restart may ask once more what was refused; each that is asked is parked or sent in the end.
    assert len(parked) + len(shop.paper.sent) == 1 + len(redriven)
    assert len(parked) <= failing
    assert len(shop.paper.sent) <= 1
