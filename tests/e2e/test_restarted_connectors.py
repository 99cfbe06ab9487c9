"""Who brings messages to a platform is replaced meanwhile: nothing comes twice."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from chat4all.testing.telegram import Fault, FaultKind, Phone, TelegramSimulator
from tests.e2e.account import Account
from tests.e2e.cluster import Engines, engines, running
from tests.e2e.roles import Role
from tests.e2e.watched_server import until

pytestmark = [pytest.mark.timeout(600), pytest.mark.own_engines]

PATIENCE = 240.0
BOTS, PEOPLE, EACH = 3, 24, 12
CALL_SECONDS = 0.3
CONNECTOR = ("run", "connector", "--channel", "telegram")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    with engines(tmp_path_factory.mktemp("engines")) as found:
        yield found


@dataclass
class Shop:
    """Somebody who writes to many people on Telegram, where a call takes its time."""

    people: list[tuple[Phone, int]]
    """Each with the bot that they know."""
    chats: list[str]
    ana: Account

    async def write(self) -> None:
        """Write to everybody, all at once."""
        every = [
            {
                "message_id": str(uuid.uuid4()),
                "conversation_id": chat,
                "payload": {"type": "text", "text": str(number)},
            }
            for number in range(EACH)
            for chat in self.chats
        ]
        for start in range(0, len(every), 100):
            await self.ana.post("messages/batch", {"messages": every[start : start + 100]})

    def shown(self) -> list[list[str]]:
        """Return what each of them was written."""
        return [
            [one.text for one in phone.view(bot).messages if one.sender_id == bot and one.text]
            for phone, bot in self.people
        ]

    def count(self) -> int:
        return sum(map(len, self.shown()))

    async def comes(self, count: int) -> None:
        await until(lambda: self.count() >= count, within=PATIENCE)

    async def has_all_once(self) -> None:
        await self.comes(len(self.people) * EACH)
        await asyncio.sleep(3.0)  # what comes twice comes now
        assert self.shown() == [[str(number) for number in range(EACH)]] * len(self.people)


@asynccontextmanager
async def shop(url: str, telegram: TelegramSimulator, tokens: list[str]) -> AsyncIterator[Shop]:
    async with Account(url, "ana").signed_up("Ana") as ana:
        people, chats = [], []
        for token in tokens:
            bot = {"platform": "telegram", "name": token[:8], "config": {"token": token}}
            account = await ana.post("admin/connectors/accounts", bot)
            for number in range(PEOPLE // BOTS):
                phone = telegram.add_person(f"Person {number}")
                phone.start(to=number_of(token))
                channel = {
                    "platform": "telegram",
                    "account_id": account["id"],
                    "external_id": str(phone.owner.id),
                }
                contact = {"display_name": f"Person {number}", "channels": [channel]}
                member = (await ana.post("contacts", contact))["id"]
                private = {"type": "private", "member_ids": [member]}
                chats.append((await ana.post("conversations", private))["id"])
                people.append((phone, number_of(token)))
        yield Shop(people, chats, ana)


def number_of(token: str) -> int:
    return int(token.partition(":")[0])


def platform() -> tuple[TelegramSimulator, list[str]]:
    telegram = TelegramSimulator()
    tokens = [telegram.add_bot(f"shop_{number}_bot") for number in range(BOTS)]
    slow = Fault(kind=FaultKind.DELAY, method="sendMessage", times=None, seconds=CALL_SECONDS)
    telegram.faults.add(slow)
    return telegram, tokens


async def test_connectors_that_come_and_go_bring_everything_once(
    tmp_path: Path, shared: Engines
) -> None:
    telegram, tokens = platform()
    async with telegram.serve() as bots:
        settings = {**await shared.settings("rolling"), "CHAT4ALL_TELEGRAM_API": bots.url}
        async with (
            running(tmp_path, settings, "gateway,notifier", "router") as (here, _),
            shop(here.url, telegram, tokens) as ours,
        ):
            settings["CHAT4ALL_PUBLIC_URL"] = here.url
            first, second, third = (
                Role(CONNECTOR, tmp_path, settings, name=name) for name in ("1", "2", "3")
            )
            try:
                await first.start()
                await ours.write()
                await ours.comes(30)
                await second.start()
                await ours.comes(90)
                await third.start()
                await first.stop()
                await ours.comes(180)
                await second.stop()
                await ours.has_all_once()
            finally:
                await asyncio.gather(*(one.stop() for one in (first, second, third)))


async def test_a_server_that_is_restarted_brings_everything_once(tmp_path: Path) -> None:
    telegram, tokens = platform()
    async with telegram.serve() as bots:
        server = Role(("serve",), tmp_path, {"CHAT4ALL_TELEGRAM_API": bots.url})
        try:
            await server.start()
            async with shop(server.url, telegram, tokens) as ours:
                await ours.write()
                for count in (30, 90, 150, 210):
                    await ours.comes(count)
                    await server.stop()
                    await server.start()
                await ours.has_all_once()
        finally:
            await server.stop()
