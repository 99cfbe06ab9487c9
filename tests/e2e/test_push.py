"""Foreign push services take our pushes and read them, as browsers and phones would.

The service of browsers is `web-push-testing` of npm: it hands out subscriptions, checks what
RFC 8292 asks of a sender, and decrypts by the library that browsers' testers use. Those of apps
are servers of Node that follow the documents of Firebase and Apple. No browser, no phone and
nothing of Google's and Apple's takes part here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chat4all.domain.push import PushKind
from tests.chaos.killed_server import Server
from tests.e2e.account import Account
from tests.e2e.push_devices import App, Services, once, push_services, received

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.embedded("it kills the one process that there is"),
]

APPS = [PushKind.FCM, PushKind.APNS]


@pytest.fixture(params=[PushKind.WEB, *APPS])
async def services(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Services]:
    async with push_services(request.param, tmp_path) as services:
        yield services


@pytest.fixture
def app(services: Services) -> App:
    """Return a phone; the test says by `services` which kinds there are."""
    made = services.make()
    assert isinstance(made, App)
    return made


@pytest.fixture
async def server(tmp_path: Path, services: Services) -> AsyncIterator[Server]:
    server = Server(tmp_path / "data", services.settings)
    (tmp_path / "data").mkdir()
    await server.start()
    yield server
    await server.kill()


@asynccontextmanager
async def two_people(server: Server) -> AsyncIterator[tuple[Account, Account]]:
    """Sign both up."""
    async with (
        Account(server.url, "ana").signed_up("Ana") as ana,
        Account(server.url, "bia").signed_up("Bia") as bia,
    ):
        yield ana, bia


async def devices_of(person: Account) -> list[dict[str, Any]]:
    """Return the devices that are kept."""
    found: list[dict[str, Any]] = (await person.get("push-subscriptions"))["items"]
    return found


async def test_a_foreign_push_service_reads_what_is_pushed_to_who_is_away(
    server: Server, services: Services
) -> None:
    phone, laptop = services.make(), services.make()
    async with two_people(server) as (ana, bia):
        for device in (phone, laptop):
            await device.register(bia)
        chat = await ana.chat_with(bia)
        await ana.say(chat, ["Olá 🙂"])
        for device in (phone, laptop):
            [said] = await received(device, 1)
            assert (said.title, said.text, said.unread) == ("Ana", "Olá 🙂", 1)
            assert said.data["conversation_id"] == chat
        await laptop.expire()
        await ana.say(chat, ["lunch?"])
        assert [one.unread for one in await received(phone, 2)] == [1, 2]

        async def left_alone() -> dict[str, Any] | None:
            found = await devices_of(bia)
            return found[0] if len(found) == 1 else None

        left = await once(left_alone)
        answer = await bia.post(f"push-subscriptions/{left['id']}/test", {})
        assert answer["result"] == "taken"
        assert len(await received(phone, 3)) == 3
        assert len(await laptop.received()) == 1


async def test_a_kill_loses_no_push_and_the_key_stays(server: Server, services: Services) -> None:
    phone = services.make()
    async with two_people(server) as (ana, bia):
        await phone.register(bia)
        talks = [await ana.chat_with(bia)]
        group = {"type": "group", "name": "Team", "member_ids": [bia.user_id]}
        talks += [(await ana.post("conversations", group))["id"] for _ in range(4)]
        for talk in talks:
            await ana.say(talk, [talk])
        await server.kill()
        await server.start()
        came = await received(phone, len(talks))
        assert {one.data["conversation_id"]: one.text for one in came} == {
            one: one for one in talks
        }
        assert {one.title for one in came} == {"Ana", "Ana · Team"}


async def test_who_has_an_open_socket_gets_no_push(server: Server, services: Services) -> None:
    phone = services.make()
    async with two_people(server) as (ana, bia):
        await phone.register(bia)
        chat = await ana.chat_with(bia)
        async with bia.socket():
            await ana.say(chat, ["here"])
            await asyncio.sleep(2.0)
            assert await phone.received() == []
            await bia.post(f"conversations/{chat}/delivered", {"up_to_seq": 1})
        await ana.say(chat, ["away"])
        [said] = await received(phone, 1)
        assert said.text == "away"


@pytest.mark.parametrize("services", APPS, indirect=True)
async def test_a_phone_that_was_off_shows_the_newest_of_each_conversation(
    server: Server, app: App
) -> None:
    control, token = app.phone.services, app.phone.token
    async with two_people(server) as (ana, bia):
        await app.register(bia)
        group = {"type": "group", "name": "Team", "member_ids": [bia.user_id]}
        chat, team = await ana.chat_with(bia), (await ana.post("conversations", group))["id"]
        control.ask("off", token=token)
        for tries, (talk, words) in enumerate(
            [(chat, "one"), (chat, "two"), (team, "three"), (chat, "four")], start=1
        ):
            await ana.say(talk, [words])

            async def tried(tries: int = tries) -> bool | None:
                counts = control.ask("counts")
                return counts[f"{app.phone.kind}Tries"] >= tries or None

            await once(tried)
        assert await app.received() == []
        control.ask("on", token=token)
        shown = {one.data["conversation_id"]: one.text for one in await received(app, 2)}
        assert shown == {chat: "four", team: "three"}
        assert len(await app.received()) == 2


@pytest.mark.parametrize("services", APPS, indirect=True)
async def test_a_phone_that_changes_hands_tells_its_new_owner_alone_and_a_busy_service_is_awaited(
    server: Server, app: App
) -> None:
    async with two_people(server) as (ana, bia):
        name = await app.register(bia)
        assert await app.register(ana) == name
        assert await devices_of(bia) == []
        chat = await ana.chat_with(bia)
        app.phone.say(status=503, times=1)
        await ana.say(chat, ["to bia"])
        await bia.say(chat, ["to ana"])
        [said] = await received(app, 1)
        assert (said.title, said.text) == ("Bia", "to ana")


@pytest.mark.parametrize("services", APPS, indirect=True)
async def test_a_phone_in_its_quiet_hours_is_told_the_newest_at_their_end_and_discreetly(
    server: Server, app: App
) -> None:
    now = datetime.now(UTC)
    end = (now + timedelta(seconds=80)).replace(second=0, microsecond=0)
    clock = {"start": f"{now - timedelta(minutes=1):%H:%M}", "end": f"{end:%H:%M}"}
    wishes = {"show_content": False, "quiet_hours": {**clock, "time_zone": "UTC"}}
    async with two_people(server) as (ana, bia):
        await app.register(bia, preferences=wishes)
        chat = await ana.chat_with(bia)
        await ana.say(chat, ["one"])
        await ana.say(chat, ["two"])
        [said] = await received(app, 1)
        assert datetime.now(UTC) >= end
        assert (said.title, said.text, said.unread) == ("Chat4All", "New message", 2)
        assert said.data["seq"] == "2"
