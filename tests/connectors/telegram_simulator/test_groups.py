"""Groups of the simulator: who comes and goes, their name, their address, their bots."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from chat4all.testing.telegram import NoSuchParticipant, Phone, SimulationError, TelegramSimulator


class Scene:
    """A bot in a group of Ana and Bruno."""

    def __init__(self) -> None:
        self.simulator = TelegramSimulator()
        self.token = self.simulator.add_bot("team_bot")
        self.bot = int(self.token.partition(":")[0])
        self.ana = self.simulator.add_person("Ana")
        self.bruno = self.simulator.add_person("Bruno")
        self.carla = self.simulator.add_person("Carla")
        self.group = self.simulator.add_group("Team", [self.ana, self.bruno])
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.simulator.app()), base_url="http://telegram"
        )

    async def call(self, method: str, **parameters: Any) -> Any:
        answer = await self.http.post(f"/bot{self.token}/{method}", json=parameters)
        return answer.json()

    async def send(self, group: int, text: str = "hello") -> Any:
        return await self.call("sendMessage", chat_id=group, text=text)

    async def updates(self) -> list[Any]:
        found: list[Any] = (await self.call("getUpdates"))["result"]
        if found:
            await self.call("getUpdates", offset=found[-1]["update_id"] + 1)
        return found

    async def notices(self) -> list[Any]:
        return [one["message"] for one in await self.updates() if "message" in one]


@pytest.fixture
async def scene() -> Scene:
    made = Scene()
    await made.updates()
    return made


def name(phone: Phone) -> str:
    return phone.owner.first_name


async def test_bots_hear_who_comes_and_goes(scene: Scene) -> None:
    scene.simulator.groups.join(scene.group, scene.carla.owner.id)
    scene.carla.write("hello", to=scene.group)
    scene.simulator.groups.leave(scene.group, scene.bruno.owner.id)
    came, _, left = await scene.notices()
    assert [one["first_name"] for one in came["new_chat_members"]] == [name(scene.carla)]
    assert left["left_chat_member"]["first_name"] == name(scene.bruno)
    with pytest.raises(NoSuchParticipant):
        scene.bruno.write("still here?", to=scene.group)
    with pytest.raises(SimulationError):
        scene.simulator.groups.join(scene.group, scene.carla.owner.id)


async def test_bots_hear_the_new_name(scene: Scene) -> None:
    scene.simulator.groups.rename(scene.group, "Crew")
    [told] = await scene.notices()
    assert (told["new_chat_title"], told["chat"]["title"]) == ("Crew", "Crew")


async def test_a_group_that_became_a_supergroup_answers_with_its_new_id(scene: Scene) -> None:
    scene.ana.write("before", to=scene.group)
    new = scene.simulator.groups.upgrade(scene.group)
    refused = await scene.send(scene.group)
    assert refused["error_code"] == 400
    assert refused["parameters"] == {"migrate_to_chat_id": new}
    assert (await scene.send(new))["ok"]
    assert scene.ana.view(new).texts == ["hello"]
    assert scene.ana.view(scene.group) == scene.ana.view(new), "the app shows the new one"
    _, away, here = await scene.notices()
    assert (away["chat"]["id"], away["migrate_to_chat_id"]) == (scene.group, new)
    assert (here["chat"]["id"], here["migrate_from_chat_id"]) == (new, scene.group)
    with pytest.raises(SimulationError):
        scene.simulator.groups.upgrade(new)


async def test_a_bot_that_was_removed_hears_so_and_cannot_write(scene: Scene) -> None:
    scene.simulator.groups.remove_bot(scene.group, scene.bot)
    scene.ana.write("is it gone?", to=scene.group)
    [told] = await scene.updates()
    assert told["my_chat_member"]["new_chat_member"]["status"] == "kicked"
    assert (await scene.send(scene.group))["error_code"] == 403
    scene.simulator.groups.add_bot(scene.group, scene.bot)
    assert (await scene.send(scene.group))["ok"]


async def test_the_control_api_does_the_same(scene: Scene) -> None:
    group, carla = f"/sim/groups/{scene.group}", scene.carla.owner.id
    for method, path, body in (
        ("PUT", f"{group}/people/{carla}", None),
        ("DELETE", f"{group}/people/{scene.bruno.owner.id}", None),
        ("PATCH", group, {"title": "Crew"}),
        ("DELETE", f"{group}/bots/{scene.bot}", None),
        ("PUT", f"{group}/bots/{scene.bot}", None),
    ):
        content = json.dumps(body) if body else b""
        answer = await scene.http.request(method, path, content=content)
        assert answer.status_code == 200, (method, path)
    new = (await scene.http.post(f"{group}/upgrade")).json()["id"]
    [state] = (await scene.http.get("/sim/state")).json()["groups"]
    people = sorted([scene.ana.owner.id, carla])
    assert state == {"id": new, "title": "Crew", "people": people}
