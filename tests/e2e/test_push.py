"""A foreign push service takes our pushes and reads them, as a browser would.

The service is `web-push-testing` of npm: it hands out subscriptions, checks what RFC 8292 asks of
a sender, and decrypts by the library that browsers' testers use. No browser takes part here.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.killed_server import Server
from tests.e2e.account import Account
from tests.servers.cache import Missing, skip_for
from tests.servers.push_packages import PACKAGES, WebPushTesting, web_push_testing

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.embedded("it kills the one process that there is"),
]

NETWORKS = {"CHAT4ALL_WEBHOOK_NETWORKS": "127.0.0.0/8"}
PATIENCE = 120.0
"""Seconds; more than a connection is believed in that has just ended."""


@pytest.fixture
async def push_service() -> AsyncIterator[WebPushTesting]:
    try:
        folder = PACKAGES.folder()
    except Missing as missing:
        skip_for(missing)
    if shutil.which("node") is None:
        skip_for(Missing("web-push-testing needs Node (Debian: apt-get install nodejs)"))
    async with web_push_testing(folder) as service:
        yield service


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    server = Server(tmp_path / "data", NETWORKS)
    (tmp_path / "data").mkdir()
    await server.start()
    yield server
    await server.kill()


async def subscribed(account: Account, service: WebPushTesting) -> dict[str, Any]:
    """Subscribe at the push service, and register that."""
    key = (await account.get("push-subscriptions/key"))["public_key"]
    subscription = await service.subscribe(key)
    body = {"endpoint": subscription["endpoint"], "keys": subscription["keys"]}
    await account.post("push-subscriptions", body)
    return subscription


async def received(
    service: WebPushTesting, subscription: dict[str, Any], count: int
) -> list[dict[str, Any]]:
    """Wait for so many pushes, each message counted once; return all that came."""
    async with asyncio.timeout(PATIENCE):
        while True:
            came = [json.loads(one) for one in await service.received(subscription)]
            if len({one.get("message_id") for one in came}) >= count:
                return came
            await asyncio.sleep(0.1)


async def test_a_foreign_push_service_reads_what_is_pushed_to_who_is_away(
    server: Server, push_service: WebPushTesting
) -> None:
    async with (
        Account(server.url, "ana").signed_up("Ana") as ana,
        Account(server.url, "bia").signed_up("Bia") as bia,
    ):
        phone, laptop = [await subscribed(bia, push_service) for _ in range(2)]
        chat = await ana.chat_with(bia)
        await ana.say(chat, ["Olá 🙂"])
        for device in (phone, laptop):
            [said] = await received(push_service, device, 1)
            assert (said["title"], said["body"], said["unread"]) == ("Ana", "Olá 🙂", 1)
            assert said["conversation_id"] == chat
        await push_service.expire(laptop)
        await ana.say(chat, ["lunch?"])
        assert (await received(push_service, phone, 2))[1]["unread"] == 2
        async with asyncio.timeout(PATIENCE):
            while len((await bia.get("push-subscriptions"))["items"]) > 1:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.1)
        [device] = (await bia.get("push-subscriptions"))["items"]
        answer = await bia.post(f"push-subscriptions/{device['id']}/test", {})
        assert answer["result"] == "taken"
        assert len(await received(push_service, phone, 3)) == 3


async def test_a_kill_loses_no_push_and_the_key_stays(
    server: Server, push_service: WebPushTesting
) -> None:
    async with (
        Account(server.url, "ana").signed_up("Ana") as ana,
        Account(server.url, "bia").signed_up("Bia") as bia,
    ):
        phone = await subscribed(bia, push_service)
        talks = [await ana.chat_with(bia)]
        group = {"type": "group", "name": "Team", "member_ids": [bia.user_id]}
        talks += [(await ana.post("conversations", group))["id"] for _ in range(4)]
        for talk in talks:
            await ana.say(talk, [talk])
        await server.kill()
        await server.start()
        came = await received(push_service, phone, len(talks))
        assert {one["conversation_id"]: one["body"] for one in came} == {one: one for one in talks}
        assert {one["title"] for one in came} == {"Ana", "Ana · Team"}


async def test_who_has_an_open_socket_gets_no_push(
    server: Server, push_service: WebPushTesting
) -> None:
    async with (
        Account(server.url, "ana").signed_up("Ana") as ana,
        Account(server.url, "bia").signed_up("Bia") as bia,
    ):
        phone = await subscribed(bia, push_service)
        chat = await ana.chat_with(bia)
        async with bia.socket():
            await ana.say(chat, ["here"])
            await asyncio.sleep(2.0)
            assert await push_service.received(phone) == []
            await bia.post(f"conversations/{chat}/delivered", {"up_to_seq": 1})
        await ana.say(chat, ["away"])
        [said] = await received(push_service, phone, 1)
        assert said["body"] == "away"
