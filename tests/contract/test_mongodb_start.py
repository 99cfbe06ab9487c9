"""What refuses a start on MongoDB, and what it says then."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from chat4all.adapters.mongodb.message_store import MongoMessageStore
from chat4all.adapters.mongodb.schema import INDEXES
from chat4all.domain.errors import BadSettings, SchemaTooNew, StartRefused
from tests.contract.mongo_database import opened_database
from tests.servers.mongo_server import MongoServer, mongo_server


async def refusal(url: str, kind: type[StartRefused] = BadSettings) -> str:
    """Return what is said when the start is refused; no password may stand in it."""
    with pytest.raises(kind) as refused:
        async with MongoMessageStore(url):
            pass
    told = str(refused.value)
    assert "CHAT4ALL_MESSAGES_URL" in told
    assert "cret" not in told
    return told


async def test_indexes_are_made_once_and_made_again_when_one_is_missing(url: str) -> None:
    async with MongoMessageStore(url):
        pass
    async with opened_database(url) as database:
        await database["messages"].drop_index("place")
    async with MongoMessageStore(url), opened_database(url) as database:
        for index in INDEXES:
            found = (await database[index.collection].index_information())[index.name]
            assert found["key"] == [(key, 1) for key in index.keys]
            assert bool(found.get("unique")) is index.unique


PLACE = ("conversation_id", "seq")


@pytest.mark.parametrize(
    ("keys", "options"),
    [
        (PLACE, {}),
        (("conversation_id", "sender"), {"unique": True}),
        (PLACE, {"unique": True, "sparse": True}),
    ],
    ids=["not unique", "other keys", "sparse"],
)
async def test_an_index_that_is_another_one_is_named(
    url: str, keys: tuple[str, ...], options: dict[str, Any]
) -> None:
    async with MongoMessageStore(url):
        pass
    async with opened_database(url) as database:
        await database["messages"].drop_index("place")
        await database["messages"].create_index([(key, 1) for key in keys], name="place", **options)
        made = (await database["messages"].index_information())["place"]
    if options.get("sparse") and not made.get("sparse"):
        pytest.skip("the server does not know sparse indexes")
    told = await refusal(url)
    assert 'db.messages.dropIndex("place")' in told
    assert "conversation_id, seq (unique)" in told


async def test_documents_that_stand_twice_are_told(url: str) -> None:
    async with opened_database(url) as database:
        twice = [{"conversation_id": "c", "seq": 1, "message_id": name} for name in "ab"]
        await database["messages"].insert_many(twice)
    told = await refusal(url)
    assert "place" in told
    assert "run-on-mongodb.md" in told


async def test_a_database_of_a_newer_version_is_not_touched(url: str) -> None:
    async with opened_database(url) as database:
        await database["schema"].insert_one({"_id": "messages", "version": 99})
    assert "newer" in await refusal(url, SchemaTooNew)
    async with opened_database(url) as database:
        assert await database.list_collection_names() == ["schema"]


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mongodb://ana:se%40cret@127.0.0.1:27017", "names no database"),
        ("mongodb://ana:se@cret@127.0.0.1:27017/chat", "no address"),
        ("mongodb://ana:secret@127.0.0.1:port/chat", "no address"),
        ("mongodb://127.0.0.1/chat?w=3&nonsense=secret", "no address"),
    ],
)
async def test_an_address_that_cannot_be_read_is_refused(url: str, says: str) -> None:
    assert says in await refusal(url)


@pytest.mark.parametrize("host", ["127.0.0.1:1", "no-such-host.invalid:27017"])
async def test_a_server_that_does_not_answer_is_named(host: str) -> None:
    told = await refusal(f"mongodb://ana:se%40cret@{host}/chat?serverSelectionTimeoutMS=300")
    assert host in told
    assert "does not answer" in told


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[MongoServer]:
    """A server that asks for a password."""
    with mongo_server("secantusdb", tmp_path) as server:
        with MongoClient[dict[str, object]](server.url("admin")) as client:
            client.admin.command("createUser", "ana", pwd="se@cret", roles=["root"])
        server.stop()
        server.options = ["--auth"]
        server.start()
        yield server


async def test_a_wrong_password_is_told_and_the_right_one_opens(guarded: MongoServer) -> None:
    url = f"mongodb://ana:%s@127.0.0.1:{guarded.port}/chat?authSource=admin"
    assert "refuses the user name or password" in await refusal(url % "wrong-secret")
    assert "refuses" in await refusal(guarded.url("chat"))
    async with MongoMessageStore(url % "se%40cret") as store:
        assert await store.heads([]) == {}
