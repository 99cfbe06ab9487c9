"""The process that runs the connectors is killed around the moment a platform takes a message.

What is asserted is what docs/explanation/delivery-semantics.md and ADR 0007 promise, and
nothing else: towards a platform without idempotency keys at least once, towards one with
them once, and once everywhere when the platform had not taken it; inside Chat4All there is one
message, and it ends with the best status that the platform tells.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from chat4all.testing.telegram import TelegramSimulator
from chat4all.testing.telegram.errors import ConnectionLost as TelegramLost
from chat4all.testing.whatsapp import WhatsAppSimulator
from chat4all.testing.whatsapp.errors import ConnectionLost as WhatsAppLost
from tests.chaos.killed_server import Server
from tests.e2e.account import Account

PATIENCE = 240.0
FIRST, SECOND = "The first", "The second"
RITA = "+5511987654321"

Hook = Callable[[], None]


@dataclass
class Scene:
    """Olga, the chat with one person on a platform, and what that person's phone shows."""

    server: Server
    olga: Account
    chat: str
    texts: Callable[[], list[str]]
    lost: type[Exception]
    on_send: Callable[[Hook, Hook], None]
    """Says what happens just before and just after the platform takes a message."""

    async def outcome(self, messages: list[str], best: str) -> list[str]:
        """Wait until the messages have come as far as they can; return what the phone shows."""
        for message in messages:
            await until(partial(self.status, message), lambda told: told["status"] == best)
        items = (await self.olga.get(f"conversations/{self.chat}/messages"))["items"]
        mine = [one["message_id"] for one in items if one["from"] == self.olga.user_id]
        assert mine == messages, "one message each, in order"
        assert (await self.olga.get("admin/dead-letters"))["items"] == []
        return [one for one in self.texts() if one in {FIRST, SECOND}]

    async def status(self, message: str) -> dict[str, Any]:
        told: dict[str, Any] = await self.olga.get(f"messages/{message}/status")
        return told


async def until(ask: Callable[[], Any], wanted: Callable[[Any], bool]) -> Any:
    answer: Any = None
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                answer = await ask()
                if wanted(answer):
                    return answer
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"not as wanted: {answer}") from None


@asynccontextmanager
async def telegram(folder: Path) -> AsyncIterator[Scene]:
    simulator = TelegramSimulator()
    token = simulator.add_bot("shop_bot")
    tom = simulator.add_person("Tom")
    async with simulator.serve() as platform:
        settings = {"CHAT4ALL_TELEGRAM_API": platform.url}
        async with owned(folder, settings) as (server, olga):
            await connect(olga, "telegram", {"token": token})
            tom.start()
            chat = await only_chat(olga)

            def texts() -> list[str]:
                return [one.text or "" for one in tom.view().messages if not one.mine]

            def on_send(before: Hook, after: Hook) -> None:
                hook(simulator.network, "post", before, after)

            yield Scene(server, olga, chat, texts, TelegramLost, on_send)


@asynccontextmanager
async def whatsapp(folder: Path) -> AsyncIterator[Scene]:
    simulator = WhatsAppSimulator()
    number = simulator.add_number("Shop")
    ana = simulator.add_person("Ana")
    async with simulator.serve() as platform:
        settings = {"CHAT4ALL_WHATSAPP_API": platform.url}
        async with owned(folder, settings) as (server, olga):
            config = {
                "access_token": number.access_token,
                "app_secret": number.app_secret,
                "verify_token": number.verify_token,
                "phone_number_id": number.phone_number_id,
            }
            account = await connect(olga, "whatsapp", config)
            url = f"{server.url}/v1/webhooks/whatsapp/{account}"
            await simulator.subscribe(number, url)
            ana.write("Hello")
            chat = await only_chat(olga)

            def texts() -> list[str]:
                return [one.text or "" for one in ana.view().messages if not one.mine]

            def on_send(before: Hook, after: Hook) -> None:
                hook(simulator.network, "send", before, after)

            yield Scene(server, olga, chat, texts, WhatsAppLost, on_send)


@asynccontextmanager
async def owned(folder: Path, settings: dict[str, str]) -> AsyncIterator[tuple[Server, Account]]:
    server = Server(folder / "data", {**settings, "CHAT4ALL_LOG_LEVEL": "warning"})
    async with AsyncExitStack() as stack:
        await server.start()
        stack.push_async_callback(server.kill)
        olga = await stack.enter_async_context(Account(server.url, "olga").signed_up("Olga"))
        yield server, olga


async def connect(olga: Account, platform: str, config: dict[str, str]) -> str:
    body = {"platform": platform, "name": "Shop", "config": config}
    account: str = (await olga.post("admin/connectors/accounts", body))["id"]
    return account


async def only_chat(olga: Account) -> str:
    found = await until(lambda: olga.get("conversations"), lambda page: len(page["items"]) == 1)
    return str(found["items"][0]["id"])


def hook(network: Any, name: str, before: Hook, after: Hook) -> None:
    """Call `before` and `after` around what takes a message; the first time only."""
    taking = getattr(network, name)

    def take(*what: Any, **more: Any) -> Any:
        setattr(network, name, taking)
        before()
        taken = taking(*what, **more)
        after()
        return taken

    setattr(network, name, take)


PLATFORMS = [
    pytest.param(telegram, "sent", marks=pytest.mark.slow, id="telegram"),
    pytest.param(whatsapp, "delivered", marks=pytest.mark.chaos, id="whatsapp"),
]


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("platform", "best"), PLATFORMS)
async def test_killed_after_the_platform_answered_and_before_the_record_it_comes_at_least_once(
    platform: Any, best: str, tmp_path: Path
) -> None:
    async with platform(tmp_path) as scene:
        # The process stands still when the platform takes it: the answer reaches its socket and
        # nobody reads it there.
        scene.on_send(lambda: None, lambda: scene.server.signal(signal.SIGSTOP))
        first = await scene.olga.say(scene.chat, [FIRST])
        await until(seen(scene), lambda texts: FIRST in texts)
        await asyncio.sleep(0.2)  # for the answer
        await scene.server.kill()
        await scene.server.start()
        second = await scene.olga.say(scene.chat, [SECOND])
        shown = await scene.outcome([*first, *second], best)
        assert shown in ([FIRST, SECOND], [FIRST, FIRST, SECOND])


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("platform", "best"), PLATFORMS)
async def test_killed_before_the_platform_took_it_it_comes_once(
    platform: Any, best: str, tmp_path: Path
) -> None:
    async with platform(tmp_path) as scene:
        killed = asyncio.Event()

        def kill() -> None:
            scene.server.signal(signal.SIGKILL)
            killed.set()
            raise scene.lost

        scene.on_send(kill, lambda: None)
        first = await scene.olga.say(scene.chat, [FIRST])
        await asyncio.wait_for(killed.wait(), PATIENCE)
        await scene.server.kill()
        assert FIRST not in scene.texts()
        await scene.server.start()
        second = await scene.olga.say(scene.chat, [SECOND])
        assert await scene.outcome([*first, *second], best) == [FIRST, SECOND]


def seen(scene: Scene) -> Callable[[], Any]:
    async def texts() -> list[str]:
        return scene.texts()

    return texts


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "times",
    [pytest.param(2, marks=pytest.mark.slow), pytest.param(20, marks=pytest.mark.chaos)],
)
async def test_a_platform_that_knows_a_repeat_by_its_id_shows_each_message_once(
    times: int, tmp_path: Path
) -> None:
    """Killed as soon as the phone's record has the message, which is before ours has it."""
    async with owned(tmp_path, {}) as (server, olga):
        phone = {"display_name": "Rita", "channels": [{"platform": "mock", "external_id": RITA}]}
        rita = (await olga.post("contacts", phone))["id"]
        body = {"type": "private", "member_ids": [rita]}
        chat = (await olga.post("conversations", body))["id"]
        said = [f"message {number}" for number in range(times)]
        ids: list[str] = []
        for words in said:
            ids += await olga.say(chat, [words])
            await in_record(tmp_path / "data" / "phones", words)
            await server.kill()
            await server.start()
        for message in ids:
            path = f"messages/{message}/status"
            await until(partial(olga.get, path), lambda told: told["status"] == "delivered")
        shown = (await olga.get(f"mock/phones/{RITA}"))["messages"]
        assert [one["text"] for one in shown] == said
        assert (await olga.get("admin/dead-letters"))["items"] == []


async def in_record(folder: Path, words: str) -> None:
    """Wait, without a pause, until the phones' journal has the words."""
    last = time.monotonic() + PATIENCE
    while not _holds(folder, words.encode()):
        assert time.monotonic() < last, f"{words} does not come"
        await asyncio.sleep(0)


def _holds(folder: Path, words: bytes) -> bool:
    return any(words in file.read_bytes() for file in folder.iterdir())
