"""The router's loop: crashes, storage that does not answer, and records it cannot read."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from chat4all.adapters.memory.directory import MemoryDirectory
from chat4all.adapters.memory.event_log import MemoryEventLog
from chat4all.adapters.memory.message_store import MemoryMessages
from chat4all.domain.commands import React, SubmitMessage
from chat4all.domain.events import Event, MessageAdded, Position, ReactionChanged
from chat4all.domain.ids import ConversationId, MessageId, UserId, new_id
from chat4all.domain.payload import text
from chat4all.ports.event_log import (
    COMMANDS,
    DEAD_LETTERS,
    EVENTS,
    LogRecord,
    Record,
    outbound,
)
from chat4all.ports.message_store import Effects
from chat4all.ports.tracing import Traces
from chat4all.router.worker import GROUP
from chat4all.services.records import decode_event, decode_task, encode_command
from chat4all.testing.faults import Faults, FaultyLog, FaultyMemoryStore, Storing
from chat4all.testing.message_storage import Talk
from chat4all.testing.paper import PaperConnector
from chat4all.testing.pipeline import (
    Pipeline,
    add_contact,
    add_conversation,
    add_paper_account,
    add_person,
)


class KilledError(Exception):
    """The process ends here."""


class Plant:
    """Engines in memory that outlive the process, and two people with a contact."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.inner = MemoryEventLog()
        self.log = FaultyLog(self.inner, self.faults)
        self.messages = MemoryMessages()
        self.store = FaultyMemoryStore(self.faults, self.messages)
        self.directory = MemoryDirectory()
        self.paper = PaperConnector()
        self.ana = self.bia = self.davi = UserId("")
        self.talk = ConversationId("")

    async def populate(self) -> None:
        self.ana = await add_person(self.directory, "ana")
        self.bia = await add_person(self.directory, "bia")
        self.davi = await add_contact(self.directory, "davi", self.ana, address="street 1")
        await add_paper_account(self.directory, self.ana)
        self.talk = await add_conversation(self.directory, self.ana, self.bia, self.davi)

    def process(self, *, batch_size: int = 500) -> Pipeline:
        return Pipeline(
            self.log, self.store, self.directory, connector=self.paper, batch_size=batch_size
        )

    def submit(self, words: str, *, history: bool = False) -> SubmitMessage:
        return SubmitMessage(
            message_id=MessageId(new_id()),
            conversation_id=self.talk,
            sender=self.ana,
            payload=text(words),
            accepted_at=datetime.now(UTC),
            digest=words,
            channels=("paper",),
            history=history,
        )

    def react(self, message: MessageId, *, removed: bool) -> React:
        return React(
            conversation_id=self.talk,
            message_id=message,
            actor=self.bia,
            emoji="👍",
            removed=removed,
            at=datetime.now(UTC),
        )

    async def texts(self) -> list[str | None]:
        page = await self.store.page(self.talk, viewer=self.ana, limit=1000)
        assert [one.seq for one in page] == list(range(1, len(page) + 1))
        return [one.payload.text if one.payload else None for one in page]

    async def records(self, stream: str) -> Sequence[LogRecord]:
        return await self.inner.read(stream, after=None, limit=1000)

    async def events(self) -> list[Event]:
        return [decode_event(one.value) for one in await self.records(EVENTS)]

    def die_publishing(self) -> None:
        def die(records: Sequence[Record]) -> None:
            if records[0].stream == EVENTS:
                raise KilledError

        self.faults.on_append = die

    def die_committing(self, *, once: bool = False) -> None:
        def die(stream: str, position: Position) -> None:
            if stream == COMMANDS:
                if once:
                    self.faults.none()
                raise KilledError(position)

        self.faults.on_commit = die


@pytest.fixture
async def plant() -> Plant:
    made = Plant()
    await made.populate()
    return made


async def crash(plant: Plant, process: Pipeline) -> None:
    """Wait for the arranged death, and let everything work again."""
    await process.settle()
    assert process.failed
    plant.faults.none()


async def test_what_was_stored_and_not_published_is_published_by_the_next_router(
    plant: Plant,
) -> None:
    plant.die_publishing()
    async with plant.process() as process:
        for words in ("one", "two"):
            await process.command(plant.submit(words))
        await crash(plant, process)
    assert len(plant.messages.kept) > 0
    assert await plant.events() == []
    async with plant.process() as process:
        await process.settle()
    assert await plant.texts() == ["one", "two"]
    added = [event for event in await plant.events() if isinstance(event, MessageAdded)]
    assert [(one.position.offset, one.message.seq) for one in added] == [(0, 1), (1, 2)]
    tasks = [decode_task(one.value) for one in await plant.records(outbound("paper"))]
    assert [one.payload for one in tasks] == [text("one"), text("two")]


async def test_a_replay_gives_the_same_events_and_tasks_again(plant: Plant) -> None:
    plant.die_committing()
    async with plant.process() as process:
        await process.command(plant.submit("one"))
        await crash(plant, process)
    async with plant.process() as process:
        await process.settle()
        assert process.connector.texts("street 1") == ["Ana: one"]
    first, again = (one for one in await plant.events() if isinstance(one, MessageAdded))
    assert first == again
    task, repeat = (decode_task(one.value) for one in await plant.records(outbound("paper")))
    assert task == repeat, "with the same id, so that it is not done twice"
    assert await plant.texts() == ["one"]


async def test_a_replay_does_not_send_imported_history_to_anybody(plant: Plant) -> None:
    plant.die_publishing()
    async with plant.process() as process:
        await process.command(plant.submit("from 2019", history=True))
        await crash(plant, process)
    async with plant.process() as process:
        await process.settle()
        assert process.connector.sent == []
    assert await plant.texts() == ["from 2019"]


async def test_a_replay_gives_no_effect_to_what_had_none(plant: Plant) -> None:
    message = plant.submit("hello")
    async with plant.process() as process:
        await process.command(message)
        await process.settle()
    plant.die_committing()
    name = message.message_id
    for removed in (False, False, True):  # given, given again without effect, taken back
        await Pipeline.command(plant.process(), plant.react(name, removed=removed))
    task = plant.process()
    with pytest.raises(KilledError):
        await task.__aenter__()
    await task.__aexit__()
    plant.faults.none()
    async with plant.process() as process:
        await process.settle()
    assert (await plant.store.find([name]))[name].message.reactions == {}


async def test_a_router_that_takes_over_gives_no_effect_to_what_had_none(plant: Plant) -> None:
    message = plant.submit("hello")
    name = message.message_id
    nothing_there, given = (plant.react(name, removed=removed) for removed in (True, False))
    async with plant.process() as first, plant.process() as waiting:
        await first.command(message)
        await first.settle()
        plant.die_committing(once=True)
        await plant.log.append(
            [Record(COMMANDS, plant.talk, encode_command(one)) for one in (nothing_there, given)]
        )
        await waiting.settle()
        assert first.failed
        assert not waiting.failed
    told, again = (one for one in await plant.events() if isinstance(one, ReactionChanged))
    assert told == again
    assert not told.removed
    assert (await plant.store.find([name]))[name].message.reactions == {"👍": (plant.bia,)}


async def test_what_was_refused_before_a_crash_is_still_parked(plant: Plant) -> None:
    message = plant.submit("hello")
    plant.die_publishing()
    async with plant.process() as process:
        conflict = replace(plant.submit("other"), message_id=message.message_id)
        for command in (message, conflict, plant.submit("last")):
            await process.command(command)
        await crash(plant, process)
    async with plant.process() as process:
        await process.settle()
    assert await plant.texts() == ["hello", "last"]
    assert len(await plant.records(DEAD_LETTERS)) == 1


@pytest.mark.parametrize("storing", list(Storing))
async def test_a_storage_that_does_not_answer_pauses_and_loses_nothing(
    plant: Plant, storing: Storing
) -> None:
    plant.faults.applies.extend([storing, storing])
    async with plant.process(batch_size=1) as process:
        for words in ("one", "two", "three"):
            await process.command(plant.submit(words))
        assert await plant.texts() == []
        await process.settle()
        assert process.connector.texts("street 1") == ["Ana: one", "Ana: two", "Ana: three"]
    assert await plant.texts() == ["one", "two", "three"]
    added = [event for event in await plant.events() if isinstance(event, MessageAdded)]
    assert [event.message.seq for event in added] == [1, 2, 3]


async def test_a_place_that_another_router_took_is_given_anew(plant: Plant) -> None:
    async with plant.process() as process:
        await process.command(plant.submit("one"))
        await process.settle()
        talk = Talk(partition=7)
        talk.id, talk.seq = plant.talk, 1
        await plant.store.apply(Effects(added=[talk.add("somebody else's")]))
        await process.command(plant.submit("three"))
        await process.settle()
    assert await plant.texts() == ["one", "somebody else's", "three"]


async def test_a_record_that_cannot_be_read_is_parked_and_the_rest_goes_on(plant: Plant) -> None:
    async with plant.process() as process:
        await process.command(plant.submit("one"))
        await plant.log.append([Record(COMMANDS, plant.talk, b"\xff rubbish")])
        await process.command(plant.submit("two"))
        await process.settle()
    assert await plant.texts() == ["one", "two"]
    assert len(await plant.records(DEAD_LETTERS)) == 1


async def test_a_command_that_the_storage_chokes_on_is_parked_and_its_neighbours_go_on(
    plant: Plant,
) -> None:
    plant.faults.poison = "two"
    for words in ("one", "two", "three"):
        submit = plant.submit(words)
        await plant.log.append([Record(COMMANDS, plant.talk, encode_command(submit))])
    async with plant.process() as process:
        await process.settle()
        assert process.connector.texts("street 1") == ["Ana: one", "Ana: three"]
    assert await plant.texts() == ["one", "three"]
    assert len(await plant.records(DEAD_LETTERS)) == 1


async def test_nothing_is_committed_before_its_effects_are_published(plant: Plant) -> None:
    seen: list[str] = []

    def appending(records: Sequence[Record]) -> None:
        seen.extend(record.stream for record in records if record.stream == EVENTS)

    def committing(stream: str, position: Position) -> None:
        if stream == COMMANDS:
            assert len(plant.messages.kept) == position.offset + 1
            seen.append(f"commit {position.offset}")

    async with plant.process() as process:
        plant.faults.on_append, plant.faults.on_commit = appending, committing
        await process.command(plant.submit("one"))
        await process.settle()
    assert seen[:2] == [EVENTS, "commit 0"]


async def test_clients_are_told_before_the_store_has_it(plant: Plant) -> None:
    told = asyncio.Event()

    async with plant.process() as process:
        happened = process.happened

        def hear(events: Sequence[Event], traces: Traces) -> None:
            if events:
                assert plant.messages.kept == {}
                told.set()
            happened(events, traces)

        process.happened = hear  # type: ignore[method-assign] # to listen in
        await process.command(plant.submit("one"))
        await asyncio.wait_for(told.wait(), 5)


async def test_a_router_is_ready_once_it_has_done_what_was_there_at_the_start(
    plant: Plant,
) -> None:
    for number in range(7):
        await Pipeline.command(plant.process(), plant.submit(str(number)))
    async with plant.process(batch_size=2) as process:
        assert process.router.caught_up.is_set()
        assert len(await plant.texts()) == 7
        assert process.log.backlog(COMMANDS, GROUP) <= 2


async def test_a_router_that_has_caught_up_no_longer_looks_for_what_was_stored(
    plant: Plant,
) -> None:
    async with plant.process() as process:
        await process.command(plant.submit("one"))
        await process.settle()
    async with plant.process() as process:
        assert process.router._replay_until == {}
