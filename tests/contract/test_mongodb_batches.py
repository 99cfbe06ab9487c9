"""A batch that was begun in MongoDB is finished, by whoever, and only once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from chat4all.adapters.mongodb import applying
from chat4all.adapters.mongodb.batch import batch_of
from chat4all.adapters.mongodb.carry_out import carry_out
from chat4all.adapters.mongodb.message_store import MongoMessageStore
from chat4all.adapters.mongodb.schema import Document
from chat4all.domain.errors import StaleSequence, TooLarge, Unavailable
from chat4all.domain.events import Position
from chat4all.domain.status import Status
from chat4all.ports.message_store import Effects, Head
from chat4all.testing.message_storage import ANNA, BERT, Talk, report
from chat4all.testing.message_store import everything
from tests.contract.mongo_database import opened_database
from tests.servers.mongo_server import KINDS, mongo_server

PATIENCE = 60.0
WRITES = frozenset({"insert_one", "insert_many", "bulk_write", "update_one", "delete_one"})


@pytest.fixture
async def store(url: str) -> AsyncIterator[MongoMessageStore]:
    async with MongoMessageStore(url) as store:
        yield store


class Cut:
    """A database whose connection breaks at the write with this number, before or after it."""

    def __init__(self, database: Any, number: int, *, done: bool) -> None:
        self._database = database
        self._left = number
        self._done = done

    def __getitem__(self, name: str) -> _CutCollection:
        return _CutCollection(self._database[name], self)

    def count(self) -> bool:
        self._left -= 1
        return self._left < 0

    async def call(self, write: Callable[..., Any], *given: Any, **named: Any) -> Any:
        if not self.count():
            return await write(*given, **named)
        if self._done:
            await write(*given, **named)
        raise AutoReconnect("cut")


class _CutCollection:
    def __init__(self, collection: Any, cut: Cut) -> None:
        self._collection = collection
        self._cut = cut

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._collection, name)
        if name not in WRITES:
            return method
        return lambda *given, **named: self._cut.call(method, *given, **named)


def eventful(talk: Talk) -> tuple[Effects, Effects]:
    """Return effects, and effects after them that touch everything there is."""
    first = talk.many(3)
    old, other, third = (new.message for new in first.added)
    second = talk.many(2)
    for effects in (talk.edit(old, "better"), talk.delete(other), talk.move(BERT, delivered=4)):
        second.changed += effects.changed
        second.cursors += effects.cursors
        second.journal += effects.journal
    second.hidden = [(third.message_id, BERT)]
    second.statuses = [report(old, Status.SENT), report(old, Status.DELIVERED)]
    return first, second


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
async def test_a_batch_cut_at_any_write_is_finished_by_the_next_who_opens(
    url: str, *, done: bool
) -> None:
    number = 0
    while True:
        talk = Talk()
        first, second = eventful(talk)
        async with MongoMessageStore(url) as store:
            await store.apply(first)
        batch = batch_of(second)
        assert batch is not None
        async with opened_database(url) as database:
            await database["batches"].insert_one(dict(batch))
            try:
                await carry_out(Cut(database, number, done=done), batch)  # type: ignore[arg-type] # what it uses of it
            except AutoReconnect:
                complete = False
            else:
                complete = True
        async with MongoMessageStore(url) as store:
            found = await everything(store, talk)
            assert await told(store, talk) == [1, 2, 3, 4, 5, "edited", "deleted", "moved"]
            await store.apply(second)
            assert await everything(store, talk) == found
        async with opened_database(url) as database:
            assert await database["batches"].count_documents({}) == 0
        if complete:
            break
        number += 1
    assert number == 9  # writes of one batch


async def told(store: MongoMessageStore, talk: Talk) -> list[int | str]:
    """Return a conversation as one who was away is told of it, and check what it says now."""
    words = {"MessageEdited": "edited", "MessageDeleted": "deleted", "CursorMoved": "moved"}
    events = await store.changes([talk.id], after={}, limit=100)
    page = await store.page(talk.id, viewer=ANNA, limit=100)
    shown = await store.page(talk.id, viewer=BERT, limit=100)
    assert [one.payload and one.payload.text for one in page[:2]] == ["better", None]
    assert [one.seq for one in shown] == [1, 2, 4, 5]
    [cursor] = await store.conversation_cursors(talk.id)
    assert cursor.last_delivered_seq == 4
    states = [one.status for one in await store.statuses([page[0].message_id])]
    assert states == [Status.SENT, Status.DELIVERED]
    return [
        event.message.seq if name == "MessageAdded" else words[name]  # type: ignore[union-attr] # as its name says
        for event in sorted(events, key=lambda event: type(event).__name__ != "MessageAdded")
        for name in [type(event).__name__]
    ]


async def test_readers_are_told_of_no_batch_before_it_is_stored_whole(
    url: str, store: MongoMessageStore
) -> None:
    talk = Talk()
    first, second = eventful(talk)
    await store.apply(first)
    before = await positions(store, talk)
    batch = batch_of(second)
    assert batch is not None
    async with opened_database(url) as database:
        with suppress(AutoReconnect):
            await carry_out(Cut(database, 7, done=False), batch)  # type: ignore[arg-type] # as above
        assert await database["changes"].count_documents({}) == 3
        assert await positions(store, talk) == before
        await carry_out(database, batch)
    assert len(await positions(store, talk)) == len(before) + 5


async def positions(store: MongoMessageStore, talk: Talk) -> list[Position]:
    return [one.position for one in await store.changes([talk.id], after={}, limit=100)]


async def test_who_finds_a_partition_taken_finishes_the_batch_and_loses(
    url: str, store: MongoMessageStore
) -> None:
    talk = Talk()
    theirs = talk.many(2)
    talk.seq = 0
    mine = talk.many(1)
    await left_behind(url, theirs)
    with pytest.raises(StaleSequence):
        await store.apply(mine)
    page = await store.page(talk.id, viewer=ANNA, limit=9)
    assert page == [new.message for new in theirs.added]
    talk.seq = 2
    again = replace(mine.added[0], message=replace(mine.added[0].message, seq=3))
    await store.apply(Effects(added=[again]))
    assert [one.seq for one in await store.page(talk.id, viewer=ANNA, limit=9)] == [1, 2, 3]


async def test_several_at_the_same_batch_all_come_to_its_end(
    url: str, store: MongoMessageStore
) -> None:
    talk = Talk()
    effects = talk.many(150)
    effects.cursors.append(talk.cursor(BERT, delivered=150))
    effects.statuses += [report(new.message, Status.SENT) for new in effects.added]
    await left_behind(url, effects)
    async with opened_database(url) as database:
        batch = await database["batches"].find_one()
        assert batch is not None
        await asyncio.gather(*(carry_out(database, batch) for _ in range(4)))
    assert len(await positions(store, talk)) == 100
    assert await store.counts() == {
        "conversations": 1,
        "messages": 150,
        "cursors": 1,
        "statuses": 150,
    }


async def test_a_batch_of_another_partition_is_left_to_its_own_router(
    url: str, store: MongoMessageStore
) -> None:
    await left_behind(url, Talk(partition=1).many(1))
    talk = Talk(partition=2)
    await store.apply(talk.many(1))
    assert len(await store.page(talk.id, viewer=ANNA, limit=9)) == 1


async def test_a_batch_that_was_left_is_finished_by_who_watches(
    url: str, store: MongoMessageStore
) -> None:
    talk = Talk()
    await left_behind(url, talk.many(2))
    async with asyncio.timeout(PATIENCE):
        while True:
            if len(await store.changes([talk.id], after={}, limit=9)) == 2:
                break
            await asyncio.sleep(0.1)
    async with opened_database(url) as database:
        assert await database["batches"].count_documents({}) == 0


async def test_of_many_that_watch_one_takes_over_and_another_when_that_one_leaves_it_too(
    url: str, store: MongoMessageStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[str] = []

    async def leave(database: Any, batch: Document) -> None:
        taken.append(batch["_id"])

    talk = Talk()
    assert store._watch is not None
    store._watch.cancel()  # it would be at the same
    await left_behind(url, talk.many(2))
    async with opened_database(url) as database:
        batch = await database["batches"].find_one()
    assert batch is not None
    with monkeypatch.context() as patch:
        patch.setattr(applying, "carry_out", leave)
        for tries in (0, 0, 0, 1, 1):  # what each of them has seen
            await store._take_over(batch["_id"], tries)
    assert taken == [batch["_id"]] * 2
    await store._take_over(batch["_id"], 2)
    assert len(await store.page(talk.id, viewer=ANNA, limit=9)) == 2


async def test_a_batch_that_was_left_and_cannot_be_done_is_removed(url: str) -> None:
    talk = Talk()
    async with MongoMessageStore(url) as store:
        await store.apply(talk.many(1))
    talk.seq = 0
    await left_behind(url, talk.many(1))
    async with MongoMessageStore(url) as store:
        assert len(await store.page(talk.id, viewer=ANNA, limit=9)) == 1
        talk.seq = 1
        await store.apply(talk.many(1))


async def test_an_old_batch_done_again_late_changes_nothing(
    url: str, store: MongoMessageStore
) -> None:
    talk = Talk()
    first, second = eventful(talk)
    batches = [batch_of(effects) for effects in (first, second)]
    await store.apply(first)
    await store.apply(second)
    await store.apply(talk.edit(second.changed[0], "best", after=61))
    await store.apply(talk.move(BERT, delivered=5, read=5))
    await store.apply(Effects(statuses=[report(first.added[0].message, Status.READ)]))
    before = await everything(store, talk)
    async with opened_database(url) as database:
        for batch in batches:
            assert batch is not None
            await carry_out(database, batch)
    assert await everything(store, talk) == before


async def test_what_does_not_fit_into_one_document_is_refused_and_a_part_of_it_is_not(
    store: MongoMessageStore,
) -> None:
    talk = Talk()
    large = Effects(added=[talk.add(metadata={"long": "x" * 30_000}) for _ in range(600)])
    with pytest.raises(TooLarge):
        await store.apply(large)
    assert await store.heads([talk.id]) == {}
    await store.apply(Effects(added=large.added[:10]))
    assert await store.heads([talk.id]) == {talk.id: Head(10)}


async def test_what_could_not_be_stored_is_stored_before_the_next_read(tmp_path: Path) -> None:
    with mongo_server(KINDS[0], tmp_path) as server:
        url = f"{server.url('away')}&serverSelectionTimeoutMS=300"
        async with MongoMessageStore(url) as store:
            talk = Talk()
            await store.apply(talk.many(1))
            server.stop()
            with pytest.raises(Unavailable):
                await store.apply(talk.many(1))
            with pytest.raises(Unavailable):
                await store.heads([talk.id])
            await asyncio.to_thread(server.start)
            async with asyncio.timeout(PATIENCE):
                while True:
                    with suppress(Unavailable):
                        assert await store.heads([talk.id]) == {talk.id: Head(2)}
                        break
                    await asyncio.sleep(0.1)
            assert len(await positions(store, talk)) == 2


async def left_behind(url: str, effects: Effects) -> None:
    """Write a batch down, as a router does that ends in this moment."""
    batch: Document | None = batch_of(effects)
    assert batch is not None
    async with opened_database(url) as database:
        await database["batches"].insert_one(batch)
