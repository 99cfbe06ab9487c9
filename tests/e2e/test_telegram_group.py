"""A Telegram group as one conversation, over the public API, with people on three channels."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chat4all.testing.telegram import Phone, SimulatorServer, TelegramSimulator
from tests.e2e.account import Account
from tests.e2e.product import running_server

BOT = 654321
TOKEN = f"{BOT}:AAe2e-token-of-the-group-bot-00000000"
RITA = "+5511955550001"
PATIENCE = 90.0  # seconds; a delivery that found no bot yet waits up to half a minute

pytestmark = pytest.mark.timeout(400)


@dataclass
class Scene:
    """Ana and Bia use Chat4All; Tom and Uli are in a Telegram group with Ana's bot."""

    server: SimulatorServer
    ana: Account
    bia: Account
    tom: Phone
    uli: Phone
    group: int

    async def until(self, path: str, wanted: Any) -> Any:
        """Ask as Ana until `wanted` finds something in the answer; return that."""
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    answer = await self.ana.get(path)
                    if found := wanted(answer):
                        return found
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"{path} still says {answer}") from None

    async def talk(self, name: str) -> dict[str, Any]:
        """Return the conversation of that name, once its first message is there.

        It is listed a moment before those who take part have joined it.
        """

        def named(page: Any) -> Any:
            begun = (one for one in page["items"] if one["last_message"])
            return next((one for one in begun if one["name"] == name), None)

        found: dict[str, Any] = await self.until("conversations", named)
        return found

    async def hears(self, talk: str, words: str) -> dict[str, Any]:
        """Return the message with that text, once it is there; it is there once."""

        def said(page: Any) -> Any:
            found = [one for one in page["items"] if (one["payload"] or {}).get("text") == words]
            assert len(found) < 2, f"{words} came twice"
            return found[0] if found else None

        found: dict[str, Any] = await self.until(f"conversations/{talk}/messages", said)
        return found

    async def sees(self, words: str, group: int | None = None) -> int:
        """Wait until the group shows a text; return its id there. It is there once."""
        view = await self.tom.wait_for(
            lambda chat: words in chat.texts, to=group or self.group, within=PATIENCE
        )
        found = [one.message_id for one in view.messages if one.text == words]
        assert len(found) == 1
        return found[0]

    async def name(self, user: str) -> str:
        return str((await self.ana.get(f"users/{user}"))["display_name"])

    async def names(self, talk: str) -> list[str]:
        members = (await self.ana.get(f"conversations/{talk}"))["members"]
        return sorted([await self.name(one["user_id"]) for one in members])

    async def statuses(self, message: str, status: str, count: int) -> dict[str, Any]:
        """Return the recipients by name, once so many of Telegram have come to `status`."""

        def reached(answer: Any) -> Any:
            found = [one for one in answer["recipients"] if one["channel"] == "telegram"]
            done = [one for one in found if one["status"] == status]
            return answer["recipients"] if len(done) == count else None

        found = await self.until(f"messages/{message}/status", reached)
        return {await self.name(one["user_id"]): one for one in found}


@pytest.fixture
async def telegram() -> AsyncIterator[SimulatorServer]:
    simulator = TelegramSimulator()
    simulator.add_bot("team_bot", token=TOKEN)
    async with simulator.serve() as server:
        yield server


def settings(telegram: SimulatorServer) -> dict[str, str]:
    return {"CHAT4ALL_TELEGRAM_API": telegram.url, "CHAT4ALL_TELEGRAM_TOKEN": TOKEN}


def people(telegram: SimulatorServer) -> tuple[Phone, Phone, int]:
    tom = telegram.simulator.add_person("Tom", last_name="Becker")
    uli = telegram.simulator.add_person("Uli")
    return tom, uli, telegram.simulator.add_group("Cabin", [tom, uli])


async def test_a_group_from_its_first_message_to_the_bots_leaving(
    telegram: SimulatorServer, tmp_path: Path
) -> None:
    tom, uli, group = people(telegram)
    async with (
        running_server(tmp_path, settings(telegram)) as url,
        Account(url, "ana").signed_up("Ana") as ana,
        Account(url, "bia").signed_up("Bia") as bia,
    ):
        scene = Scene(telegram, ana, bia, tom, uli, group)
        talk = await _they_meet(scene)
        await _they_answer(scene, talk)
        await _they_change(scene, talk)
        new = await _it_moves(scene, talk)
        await _the_bot_leaves(scene, talk, new)
        assert [
            one["name"] for one in (await ana.get("conversations"))["items"] if one["name"]
        ] == ["Hut"]


async def _they_meet(scene: Scene) -> str:
    """Two people of the group, two of the web, and a phone of another channel."""
    scene.tom.write("Who comes?", to=scene.group)
    talk = str((await scene.talk("Cabin"))["id"])
    scene.uli.write("I do", to=scene.group)
    asked = await scene.hears(talk, "Who comes?")
    assert await scene.name(asked["from"]) == "Tom Becker"
    assert await scene.name((await scene.hears(talk, "I do"))["from"]) == "Uli"
    card = {"display_name": "Rita", "channels": [{"platform": "mock", "external_id": RITA}]}
    rita = await scene.ana.post("contacts", card)
    for user in (scene.bia.user_id, rita["id"]):
        body = {"user_id": user, "role": "member"}
        await scene.ana.post(f"conversations/{talk}/members", body)
    assert await scene.names(talk) == ["Ana", "Bia", "Rita", "Tom Becker", "Uli"]
    return talk


async def _they_answer(scene: Scene, talk: str) -> None:
    [first] = await scene.bia.say(talk, ["I bring coffee"])
    seen = await scene.sees("Bia: I bring coffee")
    found = await scene.statuses(first, "sent", 2)
    assert found["Tom Becker"]["external_id"] == found["Uli"]["external_id"] == str(seen)
    scene.tom.write("Great", to=scene.group, reply_to=seen)
    answer = await scene.hears(talk, "Great")
    assert answer["reply_to"] == first
    await scene.ana.post(f"mock/phones/{RITA}/messages", {"text": "And I bread"})
    await scene.sees("Rita: And I bread")
    assert not [one for one in scene.tom.view(scene.group).texts if one.endswith(": Great")]
    plan = await _plan(scene, {"conversation_id": talk, "payload": {"type": "text", "text": "x"}})
    assert plan["Tom Becker"]["why"] == "group"


async def _plan(scene: Scene, body: dict[str, Any]) -> dict[str, Any]:
    recipients = (await scene.ana.post("messages/plan", body))["recipients"]
    return {await scene.name(one["user_id"]): one for one in recipients}


async def _they_change(scene: Scene, talk: str) -> None:
    """An edit and a reaction of the group, an edit of the web; alone Tom is not reached."""
    wrong = scene.uli.write("At sevn", to=scene.group)
    await scene.hears(talk, "At sevn")
    scene.uli.edit(wrong, "At seven", to=scene.group)
    right = await scene.hears(talk, "At seven")
    scene.tom.react(wrong, "👍", to=scene.group)

    def reacted(message: Any) -> Any:
        return [one["emoji"] for one in message["reactions"]]

    assert await scene.until(f"messages/{right['message_id']}", reacted) == ["👍"]
    [mine] = await scene.ana.say(talk, ["Bring bots"])
    await scene.sees("Ana: Bring bots")
    await scene.statuses(mine, "sent", 2)
    await scene.ana.patch(f"messages/{mine}", {"payload": {"type": "text", "text": "Bring boots"}})
    await scene.sees("Ana: Bring boots")
    alone = {"type": "private", "member_ids": [right["from"]]}
    private = (await scene.ana.post("conversations", alone))["id"]
    words = {"conversation_id": private, "payload": {"type": "text", "text": "psst"}}
    [step] = (await _plan(scene, words))["Uli"]["channels"]
    assert step["blocked"] == "never_wrote"
    [psst] = await scene.ana.say(private, ["psst"])
    found = await scene.statuses(psst, "failed", 1)
    assert found["Uli"]["error"]["code"] == "never_wrote"


async def _it_moves(scene: Scene, talk: str) -> int:
    groups = scene.server.simulator.groups
    groups.rename(scene.group, "Hut")
    await scene.talk("Hut")
    groups.leave(scene.group, scene.uli.owner.id)
    await scene.until(f"conversations/{talk}", lambda one: len(one["members"]) == 4)
    assert await scene.hears(talk, "At seven"), "what they said stays"
    new = groups.upgrade(scene.group)
    [said] = await scene.ana.say(talk, ["Still here?"])
    await scene.sees("Ana: Still here?", new)
    assert (await scene.statuses(said, "sent", 1)).keys() >= {"Tom Becker"}
    scene.tom.write("Yes", to=new)
    await scene.hears(talk, "Yes")
    return new


async def _the_bot_leaves(scene: Scene, talk: str, group: int) -> None:
    scene.server.simulator.groups.remove_bot(group, BOT)
    body = {"conversation_id": talk, "payload": {"type": "text", "text": "x"}}

    def blocked(recipients: Any) -> Any:
        steps = [step for one in recipients["recipients"] for step in one["channels"]]
        return [one for one in steps if one["blocked"] == "not_in_group"]

    async with asyncio.timeout(PATIENCE):
        while not blocked(await scene.ana.post("messages/plan", body)):  # noqa: ASYNC110 - a poll
            await asyncio.sleep(0.1)
    [lost] = await scene.ana.say(talk, ["Anybody?"])
    found = await scene.statuses(lost, "failed", 1)
    assert found["Tom Becker"]["error"]["code"] == "not_in_group"
    scene.server.simulator.groups.add_bot(group, BOT)
    scene.tom.write("You are back", to=group)
    await scene.hears(talk, "You are back")
    await scene.ana.say(talk, ["I am"])
    await scene.sees("Ana: I am", group)


async def test_a_restart_in_the_middle_doubles_nothing(
    telegram: SimulatorServer, tmp_path: Path
) -> None:
    tom, uli, group = people(telegram)
    numbers = range(6)
    async with (
        running_server(tmp_path, settings(telegram)) as url,
        Account(url, "ana").signed_up("Ana") as ana,
    ):
        scene = Scene(telegram, ana, ana, tom, uli, group)
        tom.write("Hello", to=group)
        talk = str((await scene.talk("Cabin"))["id"])
        sent = await ana.say(talk, [f"web {number}" for number in numbers])
        for number in numbers:
            tom.write(f"tom {number}", to=group)
    async with running_server(tmp_path, settings(telegram)) as url:
        again = Account(url, "ana")
        async with again.signed_in():
            scene.ana = again
            for number in numbers:
                await scene.hears(talk, f"tom {number}")
                await scene.sees(f"Ana: web {number}")
            for message in sent:
                await scene.statuses(message, "sent", 1)
            page = await again.get(f"conversations/{talk}/messages", limit=200)
            seqs = [one["seq"] for one in page["items"]]
            assert seqs == list(range(1, 2 * len(numbers) + 2))
            assert len((await again.get("conversations"))["items"]) == 1
            assert len((await again.get("contacts"))["items"]) == 1
    shown = [one for one in tom.view(group).texts if one.startswith("Ana: ")]
    assert shown == [f"Ana: web {number}" for number in numbers]
