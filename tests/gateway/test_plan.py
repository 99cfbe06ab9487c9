"""What would become of a message, told before it is sent."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from chat4all.domain.directory import Account
from chat4all.domain.files import MAX_FILE_BYTES
from chat4all.domain.ids import AccountId, UserId, new_id
from chat4all.ports.event_log import COMMANDS
from tests.gateway.test_people import contact
from tests.gateway.world import Person, World

CLOSED = {"open": False, "until": None}
TEMPLATES = [
    {
        "name": "reminder",
        "language": "pt_BR",
        "text": "Olá {{1}}, até {{2}}!",
        "places": [{"name": "1", "example": "Ana"}, {"name": "2", "example": None}],
        "category": "UTILITY",
    },
    {"name": "welcome", "language": "en", "text": "Welcome!", "places": [], "category": None},
]
TELEGRAM = {"platform": "telegram", "external_id": "4711"}
WHATSAPP = {"platform": "whatsapp", "external_id": "5511987654321"}


async def connect(world: World, owner: str, *platforms: str) -> None:
    for platform in platforms:
        now = world.clock()
        account = Account(
            id=AccountId(f"{platform} account"),
            platform=platform,
            name=platform,
            owner_id=UserId(owner),
            config={},
            created_at=now,
            updated_at=now,
        )
        await world.directory.accounts.put(account)


async def private_with(person: Person, *channels: dict[str, str]) -> tuple[str, str]:
    """Return a conversation with a new contact who has these channels, and their id."""
    made = await contact(person, "Davi", *channels)
    body = {"type": "private", "member_ids": [made["id"]]}
    answer = await person.http.post("/v1/conversations", json=body)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()["id"], made["id"]


async def plan(person: Person, talk: str, words: str = "Hi", **more: Any) -> list[dict[str, Any]]:
    body = {"conversation_id": talk, "payload": {"type": "text", "text": words}, **more}
    answer = await person.http.post("/v1/messages/plan", json=body)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["recipients"]
    return found


def step(channel: str, **more: Any) -> dict[str, Any]:
    unless: dict[str, Any] = {
        "parts": 1,
        "degraded": None,
        "file_as": None,
        "blocked": None,
        "window": None,
        "templates": [],
    }
    return {"channel": channel, **unless, **more}


async def test_a_plan_names_the_channel_the_reason_and_the_fallbacks_in_order(
    world: World, ana: Person
) -> None:
    await connect(world, ana.id, "telegram", "whatsapp")
    talk, davi = await private_with(ana, TELEGRAM, WHATSAPP)
    [found] = await plan(ana, talk)
    assert found == {
        "user_id": davi,
        "why": "first",
        "channels": [step("telegram")],
        "fallbacks": [],
    }
    path = f"/v1/contacts/{davi}"
    await ana.http.patch(path, json={"preferred_channel": "whatsapp"})
    [found] = await plan(ana, talk)
    assert found["why"] == "preferred"
    [found] = await plan(ana, talk, channels=["sms", "telegram", "whatsapp"])
    assert found["why"] == "asked"
    assert found["channels"] == [step("telegram")]
    closed = {"window": CLOSED, "blocked": "session_window_closed", "templates": TEMPLATES}
    assert found["fallbacks"] == [step("whatsapp", **closed)]


async def test_a_plan_sends_nothing(world: World, ana: Person) -> None:
    talk, _ = await private_with(ana, TELEGRAM)
    before = await world.event_log.ends(COMMANDS)
    await plan(ana, talk)
    assert await world.event_log.ends(COMMANDS) == before


async def test_a_plan_says_what_blocks(world: World, ana: Person) -> None:
    talk, _ = await private_with(ana, TELEGRAM)
    [found] = await plan(ana, talk)
    assert found["channels"] == [step("telegram", blocked="no_account")]
    assert found["why"] == "only"
    [found] = await plan(ana, talk, channels=["sms"])
    assert found["channels"] == [step("sms", blocked="no_channel")]
    nowhere, _ = await private_with(ana)
    [found] = await plan(ana, nowhere)
    assert found["channels"] == [step("app", blocked="no_channel")]
    await connect(world, ana.id, "telegram")
    [found] = await plan(ana, talk, payload={"type": "image", "file_id": new_id()})
    assert found["channels"] == [step("telegram", blocked="unsupported_payload")]


async def test_a_plan_says_what_will_be_changed_on_the_way(world: World, ana: Person) -> None:
    await connect(world, ana.id, "whatsapp")
    talk, _ = await private_with(ana, WHATSAPP)
    [found] = await plan(ana, talk, "word " * 20, channels=["whatsapp"])
    [only] = found["channels"]
    assert (only["parts"], only["degraded"]) == (2, "sent in 2 parts")


@pytest.mark.parametrize(
    ("mime_type", "megabytes", "file_as", "degraded"),
    [
        ("image/png", 10, "file", None),
        ("image/png; q=1", 11, "document", "sent as a document: 11 MB is over 10 MB"),
        ("image/png", 51, "link", "file sent as a link: 51 MB is over 50 MB"),
    ],
)
async def test_a_plan_says_how_a_file_will_go_that_is_not_uploaded_yet(
    world: World, ana: Person, mime_type: str, megabytes: int, file_as: str, degraded: str | None
) -> None:
    await connect(world, ana.id, "telegram")
    talk, _ = await private_with(ana, TELEGRAM)
    [found] = await plan(
        ana,
        talk,
        payload={"type": "image", "file_id": new_id()},
        file={"mime_type": mime_type, "size": megabytes * 1024**2},
    )
    assert found["channels"] == [step("telegram", file_as=file_as, degraded=degraded)]


async def test_a_file_is_announced_to_a_plan_within_the_limits_of_files(
    world: World, ana: Person
) -> None:
    await connect(world, ana.id, "telegram")
    talk, _ = await private_with(ana, TELEGRAM)
    [found] = await plan(ana, talk, file={"mime_type": "image/png", "size": 1})  # of a text
    assert found["channels"] == [step("telegram")]
    file = {"mime_type": "image/png", "size": MAX_FILE_BYTES + 1}
    body = {"conversation_id": talk, "payload": {"type": "text", "text": "Hi"}, "file": file}
    answer = await ana.http.post("/v1/messages/plan", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/file/size")


async def test_people_with_an_app_are_reached_there(ana: Person, bia: Person, group: str) -> None:
    [found] = await plan(ana, group)
    assert (found["user_id"], found["why"]) == (bia.id, "in_app")
    assert found["channels"] == [step("app")]


async def test_a_stranger_learns_nothing(eve: Person, group: str) -> None:
    body = {"conversation_id": group, "payload": {"type": "text", "text": "Hi"}}
    answer = await eve.http.post("/v1/messages/plan", json=body)
    assert answer.status_code == 404
    assert answer.json()["code"] == "conversation_not_found"


async def test_a_contact_shows_how_long_they_may_be_answered(world: World, ana: Person) -> None:
    await connect(world, ana.id, "telegram", "whatsapp")
    talk, davi = await private_with(ana, TELEGRAM, WHATSAPP)
    account, address = AccountId("whatsapp account"), WHATSAPP["external_id"]

    async def window() -> Any:
        shown = (await ana.http.get(f"/v1/contacts/{davi}")).json()["channels"]
        assert "window" not in shown[0], "telegram has no such limit"
        return shown[1]["window"]

    assert await window() == CLOSED
    now = world.clock()
    await world.directory.routes.heard("whatsapp", account, address, now - timedelta(hours=25))
    shown = await window()
    assert (shown["open"], shown["until"] is None) == (False, False)
    await world.directory.routes.heard("whatsapp", account, address, now)
    shown = await window()
    assert shown["open"]
    [found] = await plan(ana, talk, channels=["whatsapp"])
    assert found["channels"] == [step("whatsapp", window=shown)]
