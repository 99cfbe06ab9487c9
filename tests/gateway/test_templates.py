"""Templates: the texts that may be sent when the platform takes nothing else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from chat4all.domain.errors import ChannelError
from chat4all.domain.ids import AccountId, new_id
from chat4all.domain.templates import Place, Template
from chat4all.ports.event_log import COMMANDS
from tests.gateway.test_people import contact
from tests.gateway.test_plan import (
    CLOSED,
    TELEGRAM,
    TEMPLATES,
    WHATSAPP,
    connect,
    plan,
    private_with,
    step,
)
from tests.gateway.world import REMINDER, Person, World

FILLED = {"type": "template", "name": "reminder", "language": "pt_BR", "parameters": ["Ana", "já"]}
ACCOUNT = AccountId("whatsapp account")


@pytest.fixture
async def talk(world: World, ana: Person) -> str:
    """A conversation with somebody who is on WhatsApp and never wrote."""
    await connect(world, ana.id, "whatsapp")
    return (await private_with(ana, WHATSAPP))[0]


async def open_window(world: World, *, ago: timedelta = timedelta()) -> None:
    at = world.clock() - ago
    await world.directory.routes.heard("whatsapp", ACCOUNT, WHATSAPP["external_id"], at)


async def send(person: Person, talk: str, payload: Any = None, **more: Any) -> Any:
    payload = payload or {"type": "text", "text": "Hi"}
    body = {"conversation_id": talk, "payload": payload, **more}
    return await person.http.post("/v1/messages", json=body, headers={"Prefer": "wait=5"})


async def test_a_text_that_nobody_would_get_is_refused_and_names_what_would_do(
    world: World, ana: Person, talk: str
) -> None:
    before = await world.event_log.ends(COMMANDS)
    refused = await send(ana, talk)
    assert refused.status_code == 409
    problem = refused.json()
    assert problem["code"] == "session_window_closed"
    assert problem["templates"] == TEMPLATES
    assert "reminder (pt_BR), welcome (en)" in problem["detail"]
    assert await world.event_log.ends(COMMANDS) == before, "nothing was accepted"
    await open_window(world)
    assert (await send(ana, talk)).status_code == 201


async def test_a_refused_id_is_free_again(world: World, ana: Person, talk: str) -> None:
    name = new_id()
    assert (await send(ana, talk, message_id=name)).status_code == 409
    other = {"type": "text", "text": "other"}
    await open_window(world)
    assert (await send(ana, talk, other, message_id=name)).status_code == 201


async def test_a_repeat_of_what_was_accepted_is_accepted_after_the_window_closed(
    world: World, ana: Person, talk: str
) -> None:
    name = new_id()
    await open_window(world, ago=timedelta(hours=23, minutes=59))
    assert (await send(ana, talk, message_id=name)).status_code == 201
    world.clock.ahead = timedelta(minutes=2)
    assert (await send(ana, talk, message_id=name)).status_code == 201
    assert (await send(ana, talk)).status_code == 409


async def test_one_who_would_get_it_is_enough(
    world: World, ana: Person, bia: Person, talk: str
) -> None:
    await connect(world, ana.id, "telegram")
    davi = (await contact(ana, "Davi", TELEGRAM))["id"]
    members = (await ana.http.get(f"/v1/conversations/{talk}")).json()["members"]
    closed = next(one["user_id"] for one in members if one["user_id"] != ana.id)
    for other in (davi, bia.id):
        body = {"type": "group", "member_ids": [closed, other]}
        group = (await ana.http.post("/v1/conversations", json=body)).json()["id"]
        assert (await send(ana, group)).status_code == 201
        assert (await send(ana, group, to=[closed])).status_code == 409
    both, _ = await private_with(
        ana, WHATSAPP | {"external_id": "+5511987650000"}, TELEGRAM | {"external_id": "4712"}
    )
    assert (await send(ana, both, channels=["whatsapp", "telegram"])).status_code == 201


async def test_in_a_batch_the_others_are_accepted(world: World, ana: Person, talk: str) -> None:
    del world
    hi = {"conversation_id": talk, "payload": {"type": "text", "text": "Hi"}}
    answer = await ana.http.post(
        "/v1/messages/batch", json={"messages": [hi, {**hi, "payload": FILLED}]}
    )
    refused, taken = answer.json()["items"]
    assert (refused["status"], refused["problem"]["code"]) == (409, "session_window_closed")
    assert taken["status"] == 202


async def test_a_template_is_kept_with_the_text_that_people_read(ana: Person, talk: str) -> None:
    sent = await send(ana, talk, {**FILLED, "text": "what the client made of it"})
    assert sent.status_code == 201, sent.text
    assert sent.json()["payload"] == {**FILLED, "text": "Olá Ana, até já!"}
    path = f"/v1/conversations/{talk}/messages"
    [kept] = (await ana.http.get(path)).json()["items"]
    assert kept["payload"] == {**FILLED, "text": "Olá Ana, até já!"}
    [found] = (await ana.http.get("/v1/messages/search", params={"q": "Olá"})).json()["items"]
    assert found["message_id"] == kept["message_id"]


async def test_a_repeated_template_is_one_message(ana: Person, talk: str) -> None:
    name = new_id()
    for _ in range(2):
        assert (await send(ana, talk, FILLED, message_id=name)).status_code == 201
    other = {**FILLED, "parameters": ["Bia", "já"]}
    assert (await send(ana, talk, other, message_id=name)).json()["code"] == "message_id_conflict"
    assert len((await ana.http.get(f"/v1/conversations/{talk}/messages")).json()["items"]) == 1


@pytest.mark.parametrize(
    ("change", "code", "told"),
    [
        ({"name": "farewell"}, "template_unknown", TEMPLATES),
        ({"language": "pt"}, "template_unknown", TEMPLATES),
        ({"parameters": ["Ana"]}, "template_parameters", TEMPLATES[:1]),
        ({"parameters": ["a", "b", "c"]}, "template_parameters", TEMPLATES[:1]),
    ],
)
async def test_a_template_that_cannot_be_sent_is_refused_with_those_that_can(
    world: World, ana: Person, talk: str, change: dict[str, Any], code: str, told: Any
) -> None:
    before = await world.event_log.ends(COMMANDS)
    for path in ("/v1/messages", "/v1/messages/plan"):
        body = {"conversation_id": talk, "payload": {**FILLED, **change}}
        refused = await ana.http.post(path, json=body)
        assert refused.status_code == 400
        assert (refused.json()["code"], refused.json()["templates"]) == (code, told)
    assert await world.event_log.ends(COMMANDS) == before


@pytest.mark.parametrize("parameters", [["a", ""], ["a", "b\nc"], ["a", "b" * 1_025], "ab", [1, 2]])
async def test_parameters_are_single_lines(ana: Person, talk: str, parameters: Any) -> None:
    refused = await send(ana, talk, {**FILLED, "parameters": parameters})
    assert (refused.status_code, refused.json()["code"]) == (400, "validation_failed")


async def test_where_no_channel_knows_templates_a_text_is_asked_for(
    world: World, ana: Person
) -> None:
    await connect(world, ana.id, "telegram")
    davi, _ = await private_with(ana, {"platform": "sms", "external_id": "1"})
    refused = await send(ana, davi, FILLED)
    assert refused.json()["code"] == "template_unknown"
    assert "send a text" in refused.json()["detail"]
    assert "templates" not in refused.json()


async def test_a_template_that_was_just_approved_is_found(
    world: World, ana: Person, talk: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat4all.services.templates.DOUBTED", 0.0)
    assert (await send(ana, talk, FILLED)).status_code == 201
    new = Template(name="new", language="en", text="{{1}} and {{2}}", places=(Place(name="x"),) * 2)
    world.approving.approved = [REMINDER, new]
    sent = await send(ana, talk, {**FILLED, "name": "new", "language": "en"})
    assert sent.json()["payload"]["text"] == "Ana and já"


async def test_they_are_asked_for_once(world: World, ana: Person, talk: str) -> None:
    for _ in range(3):
        await send(ana, talk, FILLED)
        await plan(ana, talk)
    assert world.approving.asked == 1


async def test_what_cannot_be_looked_up_now_is_to_be_sent_later(
    world: World, ana: Person, talk: str
) -> None:
    world.approving.trouble = ChannelError("down", retry=True, reason="network")
    later = await send(ana, talk, FILLED)
    assert (later.status_code, later.json()["code"]) == (503, "unavailable")
    assert int(later.headers["Retry-After"]) > 0
    closed = await send(ana, talk)
    assert closed.json()["code"] == "session_window_closed", "told also without the templates"
    [found] = await plan(ana, talk)
    blocked = {"window": CLOSED, "blocked": "session_window_closed", "templates": []}
    assert found["channels"] == [step("whatsapp", **blocked)]
    world.approving.trouble = None
    assert (await send(ana, talk, FILLED)).status_code == 201


async def test_a_plan_of_a_template_passes_the_closed_window(
    world: World, ana: Person, talk: str
) -> None:
    payload: Any = FILLED
    [found] = await plan(ana, talk, payload=payload)
    assert found["channels"] == [step("whatsapp", window=CLOSED)]
    await connect(world, ana.id, "telegram")
    davi, _ = await private_with(ana, WHATSAPP | {"external_id": "+5511987650000"}, TELEGRAM)
    [both] = await plan(ana, davi, payload=payload, channels=["all"])
    assert sorted(both["channels"], key=lambda one: one["channel"]) == [
        step("telegram", degraded="template sent as text"),
        step("whatsapp", window=CLOSED),
    ]


async def test_a_conversation_shows_whose_window_is_open(
    world: World, ana: Person, talk: str
) -> None:
    async def windows() -> Any:
        members = (await ana.http.get(f"/v1/conversations/{talk}")).json()["members"]
        return [one.get("windows") for one in members if one["kind"] == "contact"]

    assert await windows() == [{"whatsapp": CLOSED}]
    await open_window(world)
    [shown] = await windows()
    assert shown["whatsapp"]["open"]
    listed = (await ana.http.get("/v1/conversations")).json()["items"][0]["members"]
    assert not any("windows" in one for one in listed)


async def test_a_template_cannot_be_edited(ana: Person, talk: str) -> None:
    sent = (await send(ana, talk, FILLED)).json()["message_id"]
    edited = await ana.http.patch(f"/v1/messages/{sent}", json={"payload": FILLED})
    assert edited.status_code == 409


async def test_the_owner_of_an_account_and_administrators_see_its_templates(
    ana: Person, bia: Person, root: Person
) -> None:
    config = {"platform": "telegram", "name": "Bot", "owner_id": ana.id}
    made = (await root.http.post("/v1/admin/connectors/accounts", json=config)).json()
    path = f"/v1/connectors/accounts/{made['id']}/templates"
    assert (await bia.http.get(path)).json()["code"] == "account_not_found"
    for person in (ana, root):
        seen = await person.http.get(path)
        assert (seen.status_code, seen.json()) == (200, {"items": TEMPLATES, "next": None})
