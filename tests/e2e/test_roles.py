"""Roles as processes of their own, on Kafka, Redis and a server that speaks MongoDB's protocol."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.account import Account
from tests.e2e.cluster import Engines, engines, running
from tests.e2e.roles import Role
from tests.e2e.screen import Screen
from tests.e2e.spans import Tree
from tests.e2e.watched_server import until
from tests.servers.otlp import otlp_receiver
from tests.servers.redis_server import RedisServer

pytestmark = [pytest.mark.timeout(600), pytest.mark.own_engines]

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
        told = json.loads((tmp_path / "data" / "operator.json").read_text())
        assert told["url"] in (here.url, there.url)  # both started on one folder
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


async def test_a_message_is_one_trace_across_the_processes_and_kafka(
    tmp_path: Path, shared: Engines
) -> None:
    trace, caller = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    with otlp_receiver() as otlp:
        told = {"CHAT4ALL_OTLP_ENDPOINT": otlp.url, "CHAT4ALL_TRACE_RATIO": "0"}
        settings = {**await shared.settings("traced"), **told}
        async with (
            running(tmp_path, settings, "gateway", "router,notifier,connector --channel mock") as (
                front,
                *_,
            ),
            Account(front.url, "ana").signed_up("Ana") as ana,
            ana.socket() as socket,
        ):
            await socket.recv()  # the gateway is in the routing table from now on
            channel = {"platform": "mock", "external_id": "+5511999990001"}
            rui = await ana.post("contacts", {"display_name": "Rui", "channels": [channel]})
            talk = {"type": "private", "member_ids": [rui["id"]]}
            chat = (await ana.post("conversations", talk))["id"]
            answer = await ana.ask(
                "POST",
                "/v1/messages",
                json={"conversation_id": chat, "payload": {"type": "text", "text": "hello"}},
                headers={"traceparent": f"00-{trace}-{caller}-01"},
            )
            assert answer.status_code == httpx.codes.ACCEPTED
            tree = Tree(otlp, trace)
            await until(lambda: len(tree.named("push")) >= 3, within=PATIENCE)
    request = tree.below(caller, "POST /v1/messages")
    accepted = tree.below(request.id, "append commands")
    routed = tree.below(accepted.id, "process SubmitMessage")
    relayed = tree.below(routed.id, "relay")
    pushed = tree.below(relayed.id, "push")
    delivery = tree.below(routed.id, "deliver mock")
    called = tree.below(delivery.id, "call mock")
    receipt = tree.below(delivery.id, "receipt mock")
    assert request.process == accepted.process == pushed.process
    assert routed.process == relayed.process == delivery.process == called.process
    assert routed.process != request.process
    assert accepted.attributes["messaging.system"] == "kafka"
    assert receipt.attributes["chat4all.status"] == "delivered"
