"""The product on Redis, which is lost and comes back while people talk."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.account import Account
from tests.e2e.watched_server import Watched, watched_server
from tests.servers.redis_server import RedisServer, redis_server

PATIENCE = 60.0


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path) as server:
        yield server


@pytest.mark.embedded("asks the metrics of one process, which another one need not share")
async def test_talk_goes_on_without_redis_and_presence_says_that_it_is_not_known(
    tmp_path: Path, redis: RedisServer
) -> None:
    async with (
        watched_server(tmp_path, ephemeral_url=redis.url) as server,
        Account(server.url, "ana").signed_up("Ana") as ana,
        Account(server.url, "bia").signed_up("Bia") as bia,
    ):
        chat = await ana.chat_with(bia)
        async with bia.socket() as screen:
            await ana.say(chat, ["with"])
            assert await presence(ana, bia) == "online"
            redis.stop()
            await ana.say(chat, ["without"])
            assert await presence(ana, bia) is None
            assert await is_shared(server) == 0
            await redis.restarted()
            await ana.say(chat, ["with again"])
            texts: list[str] = []
            async with asyncio.timeout(PATIENCE):
                while len(texts) < 3:
                    frame = json.loads(await screen.recv())
                    if frame["type"] == "message":
                        texts.append(frame["message"]["payload"]["text"])
            assert texts == ["with", "without", "with again"]
            async with asyncio.timeout(PATIENCE):
                while await is_shared(server) == 0:  # a send asks once in a second
                    await ana.say(chat, ["still there?"])
                    await asyncio.sleep(0.2)
            # It is known again; a connection renews it at its next turn, which may have been.
            assert await presence(ana, bia) in {"offline", "online"}
        assert server.complaints() == []


async def presence(caller: Account, user: Account) -> str | None:
    answer = await caller.get("presence", user_ids=user.user_id)
    status: str | None = answer["items"][0]["status"]
    return status


async def is_shared(server: Watched) -> float:
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
        metrics = (await http.get("/metrics")).text
    [line] = [one for one in metrics.splitlines() if one.startswith("chat4all_ephemeral_shared")]
    return float(line.split()[-1])
