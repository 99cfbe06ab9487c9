"""The loss of Redis loses nothing durable, and the service goes on, visibly worse."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from chat4all.adapters.memory.ephemeral import MemoryEphemeral
from chat4all.adapters.redis.ephemeral import RedisEphemeral
from chat4all.domain.errors import BadSettings, Unavailable
from chat4all.services import fallback_ephemeral
from chat4all.services.fallback_ephemeral import FallbackEphemeral
from tests.servers.redis_server import RedisServer, redis_server

PATIENCE = 60.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path) as server:
        yield server


@pytest.fixture
async def shared(server: RedisServer) -> AsyncIterator[RedisEphemeral]:
    async with RedisEphemeral(server.url) as shared:
        yield shared


@pytest.fixture
def node(shared: RedisEphemeral, monkeypatch: pytest.MonkeyPatch) -> FallbackEphemeral:
    monkeypatch.setattr(fallback_ephemeral, "PAUSE", 0.1)
    return FallbackEphemeral(shared, MemoryEphemeral())


async def test_limits_are_shared_while_it_is_there_and_hold_per_process_while_it_is_not(
    server: RedisServer, shared: RedisEphemeral, node: FallbackEphemeral
) -> None:
    assert await shared.rates.take("k", rate=0.01, burst=2, cost=2) == 0
    assert await node.rates.take("k", rate=0.01, burst=2) > 0
    server.stop()
    takes = [await node.rates.take("k", rate=0.01, burst=2) for _ in range(3)]
    assert takes[:2] == [0, 0]
    assert takes[2] > 0
    assert not node.is_shared


async def test_a_claim_made_before_the_loss_holds_during_it(
    server: RedisServer, node: FallbackEphemeral
) -> None:
    assert await node.leases.claim("message", "one", ttl=60) is None
    server.stop()
    assert await node.leases.claim("message", "two", ttl=60) == "one"
    assert await node.leases.claim("other", "two", ttl=60) is None
    await node.leases.drop("message")
    assert await node.leases.claim("message", "two", ttl=60) is None


async def test_it_is_used_again_when_it_is_back(
    server: RedisServer, shared: RedisEphemeral, node: FallbackEphemeral
) -> None:
    server.stop()
    await node.leases.put("a", "1", ttl=60)
    assert dict(await node.leases.get_many(["a"])) == {"a": "1"}
    await server.restarted()
    async with asyncio.timeout(PATIENCE):
        while not node.is_shared:
            await asyncio.sleep(0.05)
            await node.leases.put("a", "2", ttl=60)
    assert dict(await shared.leases.get_many(["a"])) == {"a": "2"}


async def test_one_that_hangs_holds_up_one_call_and_not_each(
    server: RedisServer, node: FallbackEphemeral, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fallback_ephemeral, "PAUSE", 60.0)
    await node.leases.put("a", "1", ttl=60)
    server.signal(signal.SIGSTOP)
    await node.rates.take("k", rate=1, burst=1)
    began = time.monotonic()
    for n in range(200):
        await node.rates.take(f"k{n}", rate=1, burst=1)
    assert time.monotonic() - began < 2.0, "each call waited for a server that hangs"


async def test_a_listener_ends_with_its_connection_so_that_it_can_begin_anew(
    server: RedisServer, shared: RedisEphemeral
) -> None:
    async with asyncio.timeout(PATIENCE), shared.bus.listen("t") as listener:
        await shared.bus.publish("t", b"heard")
        assert await anext(listener) == b"heard"
        server.stop()
        with pytest.raises(StopAsyncIteration):
            await anext(listener)
    with pytest.raises(Unavailable):
        async with shared.bus.listen("t"):
            pass
    await server.restarted()
    async with asyncio.timeout(PATIENCE), shared.bus.listen("t") as listener:
        await shared.bus.publish("t", b"again")
        assert await anext(listener) == b"again"


async def test_a_wrong_password_stops_the_start_without_telling_it(tmp_path: Path) -> None:
    with redis_server(tmp_path, "--requirepass", "right") as server:
        wrong = f"redis://:very-wrong-secret@127.0.0.1:{server.port}"
        with pytest.raises(BadSettings, match="refuses the user name or password") as told:
            async with RedisEphemeral(wrong):
                pass
        assert "very-wrong-secret" not in str(told.value)
        async with RedisEphemeral(f"redis://:right@127.0.0.1:{server.port}") as node:
            await node.leases.put("a", "1", ttl=60)
