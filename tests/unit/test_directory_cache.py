"""The cache of the hot path: shared loads, bounds, and no stale value after a change."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping

import pytest

from chat4all.adapters.memory.directory import MemoryDirectory
from chat4all.domain.directory import Role
from chat4all.domain.errors import Unavailable
from chat4all.domain.ids import ConversationId, UserId
from chat4all.services.directory_cache import DirectoryCache, LoadingCache
from chat4all.testing.directory_examples import add_people, group, identity, joining


class Shelf:
    """A slow source of values that counts and can be held."""

    def __init__(self) -> None:
        self.values = {"a": "1", "b": "2", "c": "3"}
        self.loads: list[list[str]] = []
        self.began = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Exception | None = None

    async def load(self, keys: Collection[str]) -> Mapping[str, str]:
        self.loads.append(list(keys))
        found = {key: self.values[key] for key in keys if key in self.values}
        self.began.set()
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return found


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def cache(shelf: Shelf) -> LoadingCache[str, str]:
    return LoadingCache(shelf.load, size=2)


async def test_a_value_is_loaded_once(shelf: Shelf, cache: LoadingCache[str, str]) -> None:
    assert cache.peek("a") is None
    assert await cache.get("a") == "1"
    assert await cache.get("a") == "1"
    assert cache.peek("a") == "1"
    assert shelf.loads == [["a"]]


async def test_those_who_ask_at_once_share_a_load(
    shelf: Shelf, cache: LoadingCache[str, str]
) -> None:
    shelf.gate.clear()
    asking = [asyncio.create_task(cache.get("a")) for _ in range(5)]
    many = asyncio.create_task(cache.get_many(["a", "b", "a"]))
    await shelf.began.wait()
    shelf.gate.set()
    assert await asyncio.gather(*asking) == ["1"] * 5
    assert await many == {"a": "1", "b": "2"}
    assert shelf.loads == [["a"], ["b"]]


async def test_what_does_not_exist_is_asked_for_again(
    shelf: Shelf, cache: LoadingCache[str, str]
) -> None:
    assert await cache.get("z") is None
    shelf.values["z"] = "26"
    assert await cache.get("z") == "26"


async def test_the_value_used_longest_ago_goes_first(
    shelf: Shelf, cache: LoadingCache[str, str]
) -> None:
    await cache.get_many(["a", "b"])
    cache.peek("a")
    await cache.get("c")
    assert len(cache) == 2
    assert (cache.peek("a"), cache.peek("b"), cache.peek("c")) == ("1", None, "3")


async def test_an_invalidated_value_is_loaded_anew(
    shelf: Shelf, cache: LoadingCache[str, str]
) -> None:
    await cache.get("a")
    shelf.values["a"] = "new"
    cache.invalidate("a")
    cache.invalidate("never")
    assert cache.peek("a") is None
    assert await cache.get("a") == "new"


@pytest.mark.parametrize("forget", ["invalidate", "clear"])
async def test_a_load_that_began_before_a_change_is_not_kept_nor_shared(
    shelf: Shelf, cache: LoadingCache[str, str], forget: str
) -> None:
    shelf.gate.clear()
    before = asyncio.create_task(cache.get("a"))
    await shelf.began.wait()
    shelf.values["a"] = "new"
    if forget == "clear":
        cache.clear()
    else:
        cache.invalidate("a")
    after = asyncio.create_task(cache.get("a"))
    shelf.gate.set()
    assert await before == "1"
    assert await after == "new"
    assert cache.peek("a") == "new"


async def test_an_old_load_does_not_end_a_newer_one(
    shelf: Shelf, cache: LoadingCache[str, str]
) -> None:
    shelf.gate.clear()
    before = asyncio.create_task(cache.get("a"))
    await shelf.began.wait()
    cache.invalidate("a")
    shelf.gate.set()
    await before
    assert cache.peek("a") is None


async def test_a_failed_load_is_told_to_all_and_not_kept(
    shelf: Shelf, cache: LoadingCache[str, str]
) -> None:
    shelf.error = Unavailable("no answer")
    results = await asyncio.gather(cache.get("a"), cache.get("a"), return_exceptions=True)
    assert [type(result) for result in results] == [Unavailable, Unavailable]
    shelf.error = None
    assert await cache.get("a") == "1"


async def test_one_who_gives_up_does_not_take_the_load_from_the_others(
    shelf: Shelf, cache: LoadingCache[str, str]
) -> None:
    shelf.gate.clear()
    first = asyncio.create_task(cache.get("a"))
    await shelf.began.wait()
    second = asyncio.create_task(cache.get("a"))
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    shelf.gate.set()
    assert await second == "1"


async def test_the_cache_of_a_directory_follows_its_changes() -> None:
    directory = MemoryDirectory()
    ana, bia = await add_people(directory, "ana", "bia")
    made = await directory.conversations.create(group(ana))
    cache = DirectoryCache(directory)
    assert await cache.conversations.get(made.id) == made
    await directory.members.add(made.id, joining(bia, role=Role.ADMIN))
    assert cache.conversations.peek(made.id) == made
    cache.conversations.invalidate(made.id)
    assert await cache.conversations.get(made.id) == await directory.conversations.get(made.id)
    assert await cache.conversations.get(ConversationId("unknown")) is None


async def test_users_and_channels_are_cached_too() -> None:
    directory = MemoryDirectory()
    ana, bia = await add_people(directory, "ana", "bia")
    channel = await directory.channels.link(identity(ana, "7"))
    cache = DirectoryCache(directory)
    assert await cache.users.get_many([ana, bia, UserId("nobody")]) == (
        await directory.users.get_many([ana, bia])
    )
    assert await cache.channels.get_many([ana, bia]) == {ana: (channel,), bia: ()}
    assert cache.channels.peek(bia) == ()
    await directory.channels.relink(channel.id, bia)
    cache.clear()
    assert cache.users.peek(ana) is None
    assert await cache.channels.get(ana) == ()
