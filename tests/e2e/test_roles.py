"""Roles as processes of their own, on Kafka, Redis and a server that speaks MongoDB's protocol."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.account import Account
from tests.e2e.cluster import Engines, engines, running
from tests.e2e.roles import Role
from tests.e2e.screen import Screen
from tests.e2e.watched_server import until
from tests.servers.redis_server import RedisServer

pytestmark = pytest.mark.timeout(600)

PATIENCE = 120.0


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    with engines(tmp_path_factory.mktemp("engines")) as found:
        yield found


async def test_people_at_two_gateways_see_what_each_other_write(
    tmp_path: Path, shared: Engines
) -> None:
    settings = await shared.settings("talk")
    names = ("gateway", "gateway", "router", "notifier")
    async with (
        running(tmp_path, settings, *names) as (here, there, *_),
        Account(here.url, "ana").signed_up("Ana") as ana,
        Account(there.url, "bia").signed_up("Bia") as bia,
        Screen(ana).on() as ana_sees,
        Screen(bia).on() as bia_sees,
    ):
        chat = await ana.chat_with(bia)
        sent = await ana.say(chat, [str(n) for n in range(20)])
        sent += await bia.say(chat, [str(n) for n in range(20, 40)])
        await ana_sees.shows(40)
        await bia_sees.shows(40)
        assert ana_sees.seqs == bia_sees.seqs == list(range(1, 41))
        found = await bia.get(f"conversations/{chat}/messages", limit=100)
        assert [one["message_id"] for one in found["items"]] == sent


async def test_a_process_waits_for_an_engine_that_is_not_there(
    tmp_path: Path, shared: Engines
) -> None:
    redis = RedisServer(tmp_path)
    settings = {**await shared.settings("waits"), "CHAT4ALL_EPHEMERAL_URL": redis.url}
    role = Role(("run", "gateway,router,notifier"), tmp_path, settings)
    await role.launch()
    try:
        await until(lambda: "not ready" in role.output.read_text(), within=PATIENCE)
        async with httpx.AsyncClient(trust_env=False) as http:
            told = await http.get(f"{role.url}/readyz")
            assert (told.status_code, (await http.get(f"{role.url}/healthz")).status_code) == (
                503,
                200,
            )
        assert "Redis" in told.text
        assert "does not answer" in told.text
        redis.start()
        await role.is_up()
        async with Account(role.url, "ana").signed_up("Ana") as ana:
            assert ana.user_id
    finally:
        await role.stop()
        redis.stop()


async def test_a_wrong_password_ends_the_start(tmp_path: Path, shared: Engines) -> None:
    settings = await shared.settings("refused")
    settings["CHAT4ALL_EPHEMERAL_URL"] = settings["CHAT4ALL_EPHEMERAL_URL"].replace(
        "redis://", "redis://somebody:wrong@"
    )
    role = Role(("run", "notifier"), tmp_path, settings)
    await role.launch()
    assert await role.ended() != 0
    assert "refuses the user name or password" in role.output.read_text()
