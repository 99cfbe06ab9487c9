from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from chat4all.adapters.redis.ephemeral import RedisEphemeral
from chat4all.domain.errors import StorageFull
from chat4all.testing.ephemeral import EphemeralContract, Open
from tests.servers.redis_server import RedisServer, redis_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


class TestRedis(EphemeralContract):
    @pytest.fixture
    async def opened(self, server: RedisServer) -> Open:
        async with Redis.from_url(server.url) as redis:
            await redis.flushall()
        return lambda: RedisEphemeral(server.url)

    async def test_every_key_has_a_time_to_live(self, opened: Open, server: RedisServer) -> None:
        async with opened() as node, Redis.from_url(server.url) as redis:
            await node.leases.put("lease", "x", ttl=60)
            await node.leases.claim("claim", "x", ttl=60)
            await node.rates.take("bucket", rate=0.000001, burst=5)
            await node.routing.arrive("node", ["user"], ttl=60)
            keys = await redis.keys("*")
            assert len(keys) == 4
            assert all([0 < await redis.pttl(key) <= 86_400_001 for key in keys])

    async def test_a_listener_whose_connection_breaks_ends(
        self, opened: Open, server: RedisServer
    ) -> None:
        async with (
            opened() as node,
            Redis.from_url(server.url) as redis,
            node.bus.listen("topic") as heard,
            asyncio.timeout(20),
        ):
            assert await redis.client_kill_filter(_type="pubsub") == 1
            assert [one async for one in heard] == []


async def test_a_full_server_is_told_as_such(tmp_path: Path) -> None:
    with redis_server(tmp_path, "--maxmemory", "1mb", "--maxmemory-policy", "noeviction") as server:
        async with RedisEphemeral(server.url) as node:
            with pytest.raises(StorageFull, match="maxmemory"):
                await node.leases.put("lease", "x" * 1_000_000, ttl=60)
