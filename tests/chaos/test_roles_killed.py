"""Processes of roles are killed, and stand still, while people talk."""

from __future__ import annotations

import asyncio
import signal
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from chat4all.adapters.kafka.consumer import SESSION_MS
from chat4all.testing.telegram import TelegramSimulator
from tests.e2e.account import Account
from tests.e2e.cluster import Engines, engines, running
from tests.e2e.roles import Role
from tests.e2e.screen import Screen
from tests.e2e.watched_server import until

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]

PATIENCE = 240.0
PAST_SESSION = 4.0 + SESSION_MS / 1_000  # seconds; Kafka gives the partitions to others meanwhile


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    with engines(tmp_path_factory.mktemp("engines")) as found:
        yield found


async def test_what_was_accepted_is_on_every_screen_once_when_processes_are_killed(
    tmp_path: Path, shared: Engines
) -> None:
    telegram = TelegramSimulator()
    token, tom = telegram.add_bot("shop_bot"), telegram.add_person("Tom")
    names = ["gateway"] * 2 + ["router"] * 2 + ["notifier"] * 2 + ["connector --channel telegram"]
    async with telegram.serve() as bots:
        settings = {**await shared.settings("killed"), "CHAT4ALL_TELEGRAM_API": bots.url}
        async with (
            running(tmp_path, settings, *names) as (here, there, router, *_),
            Account(here.url, "ana").signed_up("Ana") as ana,
            Account(there.url, "bia").signed_up("Bia") as bia,
            Screen(ana).on() as ana_sees,
            Screen(bia, at(here, bia)).on() as bia_sees,
        ):
            bot = {"platform": "telegram", "name": "Shop", "config": {"token": token}}
            await ana.post("admin/connectors/accounts", bot)
            channel = {"platform": "telegram", "external_id": str(tom.owner.id)}
            contact = {"display_name": "Tom", "channels": [channel]}
            member = (await ana.post("contacts", contact))["id"]
            group = {"type": "group", "name": "All", "member_ids": [bia.user_id, member]}
            chat = (await ana.post("conversations", group))["id"]
            tom.start()
            await ana_sees.shows(1)  # of a conversation with her alone: the group is new to Tom
            await say([ana], chat, ["welcome"])
            await until(lambda: any("welcome" in one for one in tom.view().texts), within=PATIENCE)
            before = len(await history(ana, chat))
            said = {name: [f"{name} {n}" for n in range(60)] for name in ("ana", "bia", "tom")}

            async def tom_writes() -> None:
                for text in said["tom"]:
                    tom.write(text)
                    await asyncio.sleep(0.1)

            async def killing() -> None:
                await asyncio.sleep(1.5)
                await router.kill()
                await asyncio.sleep(1.5)
                await there.kill()

            async with asyncio.TaskGroup() as all_at_once:
                all_at_once.create_task(say([ana], chat, said["ana"]))
                all_at_once.create_task(say([bia, at(here, bia)], chat, said["bia"]))
                all_at_once.create_task(tom_writes())
                all_at_once.create_task(killing())
            count = before + 180
            await ana_sees.shows(count + 1)
            await bia_sees.shows(count)
            kept = await history(ana, chat)
            assert [one["seq"] for one in kept] == list(range(1, count + 1))
            assert ana_sees.of(chat) == bia_sees.of(chat) == list(range(1, count + 1))
            texts = [one["payload"]["text"] for one in kept]
            for name, words in said.items():
                assert [text for text in texts if text.startswith(name)] == words
            await until(lambda: len(tom.view().texts) > count, within=PATIENCE)  # with his start
            for name in ("ana", "bia"):
                shown = [text for text in tom.view().texts if f"{name} " in text]
                assert [text[text.index(f"{name} ") :] for text in shown] == said[name]


async def test_two_routers_that_hold_one_partition_do_not_break_the_order(
    tmp_path: Path, shared: Engines
) -> None:
    settings = await shared.settings("zombie")
    async with (
        running(tmp_path, settings, "gateway,notifier", "router") as (here, router),
        Account(here.url, "ana").signed_up("Ana") as ana,
        Account(here.url, "bia").signed_up("Bia") as bia,
        Screen(bia).on() as screen,
    ):
        chats = [await ana.chat_with(bia)]
        for number in range(5):
            group = {"type": "group", "name": str(number), "member_ids": [bia.user_id]}
            chats.append((await ana.post("conversations", group))["id"])
        texts = [str(n) for n in range(40)]

        async def say_everywhere() -> None:
            await asyncio.gather(*(say([ana], chat, texts) for chat in chats))

        await say_everywhere()
        talk = asyncio.create_task(say_everywhere())
        await asyncio.sleep(0.2)
        router.send(signal.SIGSTOP)
        other = Role(("run", "router"), tmp_path, settings, name="other")
        try:
            await other.start()
            await asyncio.sleep(PAST_SESSION)
            await talk
            await screen.shows(2 * len(texts) * len(chats))
            router.send(signal.SIGCONT)  # it goes on with what it held
            await say_everywhere()
            await screen.shows(3 * len(texts) * len(chats))
            for chat in chats:
                kept = await history(ana, chat)
                assert [one["seq"] for one in kept] == list(range(1, 3 * len(texts) + 1))
                assert [one["payload"]["text"] for one in kept] == texts * 3
                assert screen.of(chat) == [one["seq"] for one in kept]
        finally:
            router.send(signal.SIGCONT)
            await other.stop()


def at(gateway: Role, account: Account) -> Account:
    """Return the same session at another gateway."""
    there = Account(gateway.url, account.username)
    there.token, there.user_id = account.token, account.user_id
    return there


async def say(sessions: Sequence[Account], chat: str, texts: Sequence[str]) -> None:
    """Send texts one after the other, each until some gateway has accepted it."""
    for text in texts:
        message = {
            "message_id": str(uuid.uuid4()),
            "conversation_id": chat,
            "payload": {"type": "text", "text": text},
        }
        async with asyncio.timeout(PATIENCE):
            for turn in range(10_000):
                if await is_accepted(sessions[turn % len(sessions)], message):
                    break
                await asyncio.sleep(0.1)


async def is_accepted(session: Account, message: object) -> bool:
    headers = {"Authorization": f"Bearer {session.token}"}
    address = session.socket_url.replace("ws", "http", 1).removesuffix("/ws") + "/messages"
    async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
        try:
            answer = await http.post(address, json=message, headers=headers)
        except httpx.TransportError:
            return False
        assert answer.status_code in (202, 503), answer.text
        return answer.status_code == 202


async def history(account: Account, chat: str) -> list[dict[str, Any]]:
    """Return the whole conversation."""
    found: list[dict[str, Any]] = []
    while True:
        after = found[-1]["seq"] if found else 0
        page = await account.get(f"conversations/{chat}/messages", after_seq=after, limit=200)
        if not page["items"]:
            return found
        found += page["items"]
