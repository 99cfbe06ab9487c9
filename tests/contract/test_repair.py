"""What is taken out of a store by hand comes back from the log as it was, and nothing twice."""

from __future__ import annotations

import asyncio
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from chat4all.adapters.kafka.event_log import KafkaEventLog
from chat4all.adapters.memory.directory import MemoryDirectory
from chat4all.adapters.mongodb.message_store import MongoMessageStore
from chat4all.adapters.sqlite.event_log import SqliteEventLog
from chat4all.adapters.sqlite.message_store import SqliteMessageStore
from chat4all.domain.commands import AdvanceCursor, EditMessage, React, SubmitMessage
from chat4all.domain.events import Position
from chat4all.domain.ids import ConversationId, MessageId, UserId, new_id
from chat4all.domain.payload import text
from chat4all.ports.event_log import COMMANDS
from chat4all.ports.integrity import LogRange, Repaired, RepairNote
from chat4all.router.repair import Repair
from chat4all.services.records import decode_command
from chat4all.testing.faults import ReadableLog
from chat4all.testing.message_storage import FullStore
from chat4all.testing.paper import PaperConnector
from chat4all.testing.pipeline import (
    Pipeline,
    add_contact,
    add_conversation,
    add_paper_account,
    add_person,
)
from tests.contract.mongo_database import opened_database
from tests.servers.kafka_server import KafkaServer, kafka_server
from tests.servers.mongo_server import USUAL, mongo_server

EVERYTHING = LogRange()


@dataclass
class Engines(ABC):
    """A log and a store, and a hand that takes things out of the store."""

    log: ReadableLog
    store: FullStore

    @abstractmethod
    async def take_out(
        self, messages: Collection[MessageId] = (), *, statuses_of: Collection[MessageId] = ()
    ) -> None: ...


@dataclass
class Embedded(Engines):
    path: Path

    async def take_out(
        self, messages: Collection[MessageId] = (), *, statuses_of: Collection[MessageId] = ()
    ) -> None:
        db = sqlite3.connect(self.path, timeout=20)
        gone = [(UUID(one).bytes,) for one in messages]
        told = [(UUID(one).bytes,) for one in statuses_of]
        try:
            with db:
                count = db.executemany("DELETE FROM message WHERE id = ?", gone).rowcount
                db.executemany("DELETE FROM status WHERE message = ?", told)
        finally:
            db.close()
        assert count in (len(gone), -1)


@dataclass
class Distributed(Engines):
    url: str

    async def take_out(
        self, messages: Collection[MessageId] = (), *, statuses_of: Collection[MessageId] = ()
    ) -> None:
        async with opened_database(self.url) as db:
            gone = await db["messages"].delete_many({"message_id": {"$in": list(messages)}})
            await db["statuses"].delete_many({"message_id": {"$in": list(statuses_of)}})
        assert gone.deleted_count == len(messages)


@pytest.fixture(scope="module")
def distributed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[KafkaServer, str]]:
    with (
        kafka_server(tmp_path_factory.mktemp("kafka")) as kafka,
        mongo_server(USUAL, tmp_path_factory.mktemp("store")) as mongo,
    ):
        yield kafka, mongo.url("repair")


@pytest.fixture(params=["sqlite", "kafka and mongodb"])
async def engines(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Engines]:
    if request.param == "sqlite":
        path = tmp_path / "messages.db"
        async with (
            SqliteEventLog(tmp_path / "log.db", partitions=2) as log,
            SqliteMessageStore(path) as store,
        ):
            yield Embedded(log, store, path)
        return
    kafka, url = request.getfixturevalue("distributed")
    async with (
        KafkaEventLog(f"{kafka.url}/{new_id()}?partitions=2") as log,
        MongoMessageStore(url) as store,
    ):
        yield Distributed(log, store, url)


class Talk:
    """Ana and Bia, and Davi whom paper reaches, in one conversation whose router runs."""

    def __init__(self, engines: Engines, pipeline: Pipeline, paper: PaperConnector) -> None:
        self.engines, self.pipeline, self.paper = engines, pipeline, paper
        self.ana = self.bia = UserId("")
        self.id = ConversationId("")

    async def say(self, *words: str) -> list[MessageId]:
        said = [
            SubmitMessage(
                message_id=MessageId(new_id()),
                conversation_id=self.id,
                sender=self.ana,
                payload=text(one),
                accepted_at=datetime.now(UTC),
                digest=one,
                channels=("paper",),
            )
            for one in words
        ]
        for one in said:
            await self.pipeline.command(one)
        await self.pipeline.settle()
        return [one.message_id for one in said]

    async def edit(self, message: MessageId, words: str) -> None:
        await self.pipeline.command(
            EditMessage(
                conversation_id=self.id,
                message_id=message,
                actor=self.ana,
                payload=text(words),
                at=datetime.now(UTC),
            )
        )
        await self.pipeline.settle()

    async def touch(self, message: MessageId) -> None:
        """Edit it twice, react to it, and read it."""
        now = datetime.now(UTC)
        await self.edit(message, "better")
        await self.edit(message, "best")
        await self.pipeline.command(
            React(
                conversation_id=self.id,
                message_id=message,
                actor=self.bia,
                emoji="👍",
                removed=False,
                at=now,
            )
        )
        await self.pipeline.command(
            AdvanceCursor(
                conversation_id=self.id, user_id=self.bia, delivered_seq=5, read_seq=4, at=now
            )
        )
        await self.pipeline.settle()

    async def repair(self, asked: LogRange = EVERYTHING) -> Repaired:
        return await Repair(self.engines.log, self.engines.store)(asked)

    async def state(self) -> dict[str, Any]:
        """Return all that can be read of it."""
        store = self.engines.store
        page = await store.page(self.id, viewer=self.ana, limit=100)
        ids = [one.message_id for one in page]
        return {
            "page": page,
            "places": {name: kept.position for name, kept in (await store.find(ids)).items()},
            "statuses": {
                (one.message_id, one.user_id, one.channel, one.status, one.external_id)
                for one in await store.statuses(ids)
            },
            "cursors": list(await store.conversation_cursors(self.id)),
            "changes": await store.changes([self.id], after={}, limit=1_000),
            "sent": len(self.paper.sent),
        }


@asynccontextmanager
async def talking(engines: Engines) -> AsyncIterator[Talk]:
    directory, paper = MemoryDirectory(), PaperConnector()
    talk = Talk(engines, Pipeline(engines.log, engines.store, directory, connector=paper), paper)
    talk.ana = await add_person(directory, "ana")
    talk.bia = await add_person(directory, "bia")
    davi = await add_contact(directory, "davi", talk.ana, address="street 1")
    await add_paper_account(directory, talk.ana)
    talk.id = await add_conversation(directory, talk.ana, talk.bia, davi)
    async with talk.pipeline:
        yield talk


async def test_messages_come_back_with_their_numbers_and_all_that_befell_them(
    engines: Engines,
) -> None:
    async with talking(engines) as talk:
        said = await talk.say(*"abcdefg")
        await talk.touch(said[2])
        before = await talk.state()
        assert len(before["page"]) == before["sent"] == 7
        await engines.take_out([said[2], said[3], said[6]], statuses_of=[said[2], said[4]])
        damaged = await talk.state()
        assert len(damaged["page"]) == 4

        told = await talk.repair(replace(EVERYTHING, dry_run=True))
        assert len(told.filled) >= 3
        assert await talk.state() == damaged
        done = await talk.repair()
        assert done.unclear == []
        assert await talk.state() == before
        assert (await talk.repair()).filled == []
        assert await talk.state() == before
        [last] = await talk.say("h")
        assert (await talk.state())["page"][-1].message_id == last
        assert [one.seq for one in (await talk.state())["page"]] == list(range(1, 9))


async def test_what_was_refused_or_came_twice_takes_no_number(engines: Engines) -> None:
    async with talking(engines) as talk:
        said = await talk.say(*"abc")
        at = (await talk.state())["places"][said[2]]
        before = Position(at.partition, at.offset - 1)
        [record] = await engines.log.read(COMMANDS, after=before, limit=1)
        again = decode_command(record.value)
        assert isinstance(again, SubmitMessage)
        await talk.pipeline.command(again)
        await talk.pipeline.command(replace(again, payload=text("other"), digest="other"))
        said += await talk.say("d")
        state = await talk.state()
        await engines.take_out([said[2]])
        done = await talk.repair()
        assert (done.unclear, len(done.filled)) == ([], 1)
        assert await talk.state() == state


async def test_a_range_is_kept_to_and_its_neighbours_count_all_the_same(engines: Engines) -> None:
    async with talking(engines) as talk:
        said = await talk.say(*"abcd")
        before = await talk.state()
        places = before["places"]
        await engines.take_out([said[1], said[2]])
        at = places[said[2]]
        only = LogRange(partition=at.partition, first=at.offset, last=at.offset)
        done = await talk.repair(only)
        assert (done.looked, len(done.filled), done.unclear) == (1, 1, [])
        assert [one.seq for one in (await talk.state())["page"]] == [1, 3, 4]
        nothing = await talk.repair(LogRange(since=datetime.now(UTC)))
        assert nothing.looked == 0
        await talk.repair()
        assert await talk.state() == before


async def test_a_repair_goes_on_where_it_stopped(engines: Engines) -> None:
    async with talking(engines) as talk:
        said = await talk.say(*"abcdef")
        before = await talk.state()
        await engines.take_out(said[1:4])
        repair, asked, calls = Repair(engines.log, engines.store, at_once=2), EVERYTHING, 0
        filled: list[RepairNote] = []
        while True:
            done = await repair(asked)
            filled += done.filled
            calls += 1
            assert done.looked <= 2
            if done.stopped_at is None:
                break
            asked = replace(asked, after=done.stopped_at)
        assert (len(filled), calls > 2) == (3, True)
        assert await talk.state() == before


async def test_people_may_go_on_talking_and_others_may_repair_meanwhile(engines: Engines) -> None:
    async with talking(engines) as talk:
        said = await talk.say(*(str(n) for n in range(20)))
        await engines.take_out([said[3], said[4], said[19]])
        more, _, _ = await asyncio.gather(
            talk.say(*(str(n) for n in range(20, 40))), talk.repair(), talk.repair()
        )
        # One that meets the other between two neighbours may leave a number open.
        assert (await talk.repair()).unclear == []
        page = (await talk.state())["page"]
        assert [one.seq for one in page] == list(range(1, 41))
        assert [one.message_id for one in page] == said + more


async def test_a_number_that_cannot_be_told_is_given_to_nothing(engines: Engines) -> None:
    async with talking(engines) as talk:
        said = await talk.say(*"abcd")
        stored = (await engines.store.find([said[1]]))[said[1]]
        await engines.take_out([said[1], said[2]])
        # As if the command of one of them were no longer there to be read.
        blind = Blind(engines.log, stored.position)
        done = await Repair(blind, engines.store)(EVERYTHING)
        assert (len(done.filled), len(done.unclear)) == (0, 1)
        assert [one.seq for one in (await talk.state())["page"]] == [1, 4]


async def test_at_the_end_no_number_is_told_after_commands_that_were_trimmed(
    engines: Engines,
) -> None:
    async with talking(engines) as talk:
        said = await talk.say(*"abcd")
        places = (await talk.state())["places"]
        await engines.take_out(said[1:])
        blind = Blind(engines.log, places[said[0]], places[said[1]])
        done = await Repair(blind, engines.store)(EVERYTHING)
        assert (len(done.filled), len(done.unclear)) == (0, 2)
        done = await talk.repair()
        assert (len(done.filled), len(done.unclear)) == (3, 0)


class Blind:
    """A log that has forgotten some records."""

    def __init__(self, inner: ReadableLog, *holes: Position) -> None:
        self._inner = inner
        self._holes = {(COMMANDS, one) for one in holes}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def read(self, stream: str, *, after: Position | None, limit: int) -> Any:
        found = await self._inner.read(stream, after=after, limit=limit + len(self._holes))
        seen = [one for one in found if (one.stream, one.position) not in self._holes]
        return seen[:limit]
