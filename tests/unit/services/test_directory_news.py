"""A change that one process made to the directory is seen by the caches of the others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest

from chat4all.adapters.memory.directory import MemoryDirectory
from chat4all.adapters.memory.ephemeral import MemoryBus, MemoryEphemeral
from chat4all.adapters.redis.ephemeral import RedisEphemeral
from chat4all.domain.directory import Role
from chat4all.domain.errors import Unavailable
from chat4all.domain.group_chats import ChatKey
from chat4all.domain.ids import AccountId, ConversationId
from chat4all.ports.directory import Directory
from chat4all.ports.ephemeral import Bus
from chat4all.services.directory_cache import DirectoryCache, Freshness, LoadingCache
from chat4all.services.directory_news import TOPIC, DirectoryNews
from chat4all.services.watched_directory import WatchedDirectory
from chat4all.testing.directory_examples import add_people, group, identity, joining
from tests.servers.redis_server import RedisServer, redis_server

PATIENCE = 20.0


class Cache(DirectoryCache):
    """One that tells when it was cleared, which is the first thing a listener does."""

    def __init__(self, directory: Directory) -> None:
        super().__init__(directory)
        self.cleared = asyncio.Event()

    def clear(self) -> None:
        super().clear()
        self.cleared.set()


class Process:
    """What one process has: a cache, and the directory whose changes it tells."""

    def __init__(self, directory: Directory, bus: Bus) -> None:
        self.cache = Cache(directory)
        self.news = DirectoryNews(self.cache, bus)
        self.directory = WatchedDirectory(directory, self.cache, self.news)

    async def sees(self, told: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not told():  # noqa: ASYNC110 - a cache has no event for what it forgets
                await asyncio.sleep(0.01)


@asynccontextmanager
async def following(process: Process) -> AsyncIterator[Process]:
    """Have it listen; the block begins when it does."""
    task = asyncio.create_task(process.news.follow())
    try:
        await asyncio.wait_for(process.cache.cleared.wait(), PATIENCE)
        yield process
    finally:
        task.cancel()
        await asyncio.wait([task])


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(params=["memory", "redis"])
async def buses(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Bus, Bus]]:
    """The bus as each of two processes has it."""
    if request.param == "memory":
        bus = MemoryEphemeral().bus
        yield bus, bus
        return
    url = request.getfixturevalue("redis").url
    async with RedisEphemeral(url) as one, RedisEphemeral(url) as other:
        yield one.bus, other.bus


async def test_a_change_made_by_one_process_reaches_the_cache_of_the_other(
    buses: tuple[Bus, Bus],
) -> None:
    directory = MemoryDirectory()
    ana, bia = await add_people(directory, "ana", "bia")
    talk = await directory.conversations.create(group(ana))
    async with (
        following(Process(directory, buses[0])) as one,
        following(Process(directory, buses[1])) as other,
    ):
        cache = other.cache
        assert await cache.conversations.get(talk.id) == talk
        await one.directory.members.add(talk.id, joining(bia, role=Role.MEMBER))
        await other.sees(lambda: cache.conversations.peek(talk.id) is None)
        found = await cache.conversations.get(talk.id)
        assert found is not None
        assert found.member(bia)

        channel = await one.directory.channels.link(identity(ana, "7"))
        assert await cache.channels.get_many([ana, bia]) == {ana: (channel,), bia: ()}
        await one.directory.channels.relink(channel.id, bia)
        await other.sees(lambda: cache.channels.peek(ana) is None)
        assert (await cache.channels.get(ana), len(await cache.channels.get(bia) or ())) == ((), 1)

        routes = other.directory.routes
        chat = ("pigeon", AccountId("loft"), "7")
        await one.directory.routes.set(*chat, talk.id)
        assert await routes.get(*chat) == talk.id
        await one.directory.routes.set(*chat, ConversationId("elsewhere"))
        await other.sees(lambda: cache.routes.peek(ChatKey(*chat)) is None)
        assert await routes.get(*chat) == "elsewhere"

        assert await cache.users.get(bia) is not None
        await one.directory.users.remove(bia)
        await other.sees(lambda: cache.users.peek(bia) is None)
        assert await cache.users.get(bia) is None


async def test_a_process_does_not_forget_anew_what_it_read_after_its_own_change() -> None:
    bus = MemoryEphemeral().bus
    directory = MemoryDirectory()
    [ana] = await add_people(directory, "ana")
    talk = await directory.conversations.create(group(ana))
    async with following(Process(directory, bus)) as one, bus.listen(TOPIC) as told:
        await one.directory.conversations.update(talk.id, name="renamed", metadata={})
        renamed = await one.cache.conversations.get(talk.id)
        await asyncio.wait_for(anext(told), PATIENCE)
        await asyncio.sleep(0.01)  # were it to take its own word, it would have by now
        assert one.cache.conversations.peek(talk.id) == renamed


@pytest.mark.parametrize("payload", [b"", b"[]", b'{"by": "x", "what": "planets", "key": "7"}'])
async def test_what_another_version_says_forgets_everything(payload: bytes) -> None:
    bus = MemoryEphemeral().bus
    directory = MemoryDirectory()
    [ana] = await add_people(directory, "ana")
    async with following(Process(directory, bus)) as one:
        await one.cache.users.get(ana)
        await bus.publish(TOPIC, payload)
        await one.sees(lambda: one.cache.users.peek(ana) is None)


async def test_who_begins_to_listen_forgets_what_it_may_have_missed() -> None:
    directory = MemoryDirectory()
    [ana] = await add_people(directory, "ana")
    process = Process(directory, MemoryEphemeral().bus)
    await process.cache.users.get(ana)
    async with following(process):
        assert process.cache.users.peek(ana) is None


class Silent(MemoryBus):
    """A bus that is away."""

    async def publish(self, topic: str, payload: bytes) -> None:
        raise Unavailable("no answer")


async def test_a_change_that_cannot_be_told_is_made_all_the_same() -> None:
    directory = MemoryDirectory()
    [ana] = await add_people(directory, "ana")
    process = Process(directory, Silent())
    await process.cache.users.get(ana)
    await process.directory.users.remove(ana)
    assert process.cache.users.peek(ana) is None


async def test_a_change_whose_news_was_lost_is_seen_when_the_value_is_old() -> None:
    now = 0.0
    directory = MemoryDirectory()
    ana, bia = await add_people(directory, "ana", "bia")
    talk = await directory.conversations.create(group(ana))
    cache = DirectoryCache(directory, fresh=Freshness(30, lambda: now))
    assert await cache.conversations.get(talk.id) == talk
    await directory.members.add(talk.id, joining(bia))
    now = 29.9
    assert cache.conversations.peek(talk.id) == talk
    now = 30.0
    assert cache.conversations.peek(talk.id) is None
    found = await cache.conversations.get(talk.id)
    assert found is not None
    assert found.member(bia)


async def test_a_value_is_as_old_as_the_beginning_of_its_load() -> None:
    now = 0.0
    gate = asyncio.Event()

    async def load(keys: object) -> dict[str, str]:
        await gate.wait()
        return {"a": "1"}

    cache: LoadingCache[str, str] = LoadingCache(load, size=2, fresh=Freshness(30, lambda: now))
    asked = asyncio.create_task(cache.get("a"))
    await asyncio.sleep(0)
    now = 20.0
    gate.set()
    assert await asked == "1"
    now = 30.0
    assert cache.peek("a") is None
