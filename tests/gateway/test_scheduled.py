"""Messages that are to be sent later, over REST."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from chat4all.domain.ids import MessageId
from chat4all.domain.scheduled import ScheduledMessage
from chat4all.gateway.rest.bearer import ON_BEHALF_OF
from tests.gateway.world import Person, World, client_of, upload

LATER = "/v1/scheduled-messages"


def in_hours(hours: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


def body_of(group: str, **fields: Any) -> dict[str, Any]:
    return {
        "message_id": str(uuid.uuid4()),
        "conversation_id": group,
        "payload": {"type": "text", "text": "Good morning"},
        "send_at": in_hours(1),
        **fields,
    }


async def made(person: Person, group: str, **fields: Any) -> dict[str, Any]:
    answer = await person.http.post(LATER, json=body_of(group, **fields))
    assert answer.status_code == httpx.codes.CREATED, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def kept(world: World, message_id: str) -> ScheduledMessage:
    found = await world.directory.scheduled.get(MessageId(message_id))
    assert found is not None
    return found


async def test_a_message_is_scheduled_and_shown_with_all_that_was_said(
    ana: Person, bia: Person, group: str
) -> None:
    body = body_of(
        group,
        to=[bia.id],
        channels=["app"],
        failover={"deliver_within": 60},
        metadata={"order": 7},
        send_at=in_hours(2),
    )
    answer = await ana.http.post(LATER, json=body)
    assert answer.status_code == httpx.codes.CREATED, answer.text
    shown = answer.json()
    assert {name: shown[name] for name in ("to", "channels", "metadata", "payload")} == {
        name: body[name] for name in ("to", "channels", "metadata", "payload")
    }
    assert shown["failover"] == {"deliver_within": 60, "read_within": None}
    assert datetime.fromisoformat(shown["send_at"]) == datetime.fromisoformat(body["send_at"])
    assert (shown["state"], shown["time_zone"], shown["error"]) == ("scheduled", None, None)
    path = f"{LATER}/{body['message_id'].upper()}"
    assert (await ana.http.get(path)).json() == shown
    assert (await ana.http.post(LATER, json=body)).json() == shown
    assert (await ana.http.get(LATER)).json() == {"items": [shown], "next": None}


async def test_a_local_time_is_shown_back_in_its_zone(ana: Person, group: str) -> None:
    summer = datetime.now(UTC).year + (datetime.now(UTC).month >= 6)
    shown = await made(ana, group, send_at=f"{summer}-07-01T09:00:00", time_zone="Europe/Berlin")
    assert shown["send_at"] == f"{summer}-07-01T07:00:00Z"
    assert shown["time_zone"] == "Europe/Berlin"
    assert shown["local_time"] == f"{summer}-07-01T09:00:00+02:00"
    change = {"send_at": f"{summer}-07-01T10:30:00"}
    path = f"{LATER}/{shown['message_id']}"
    changed = (await ana.http.patch(path, json=change)).json()
    assert changed["local_time"] == f"{summer}-07-01T10:30:00+02:00"
    change = {"send_at": f"{summer}-07-01T10:30:00", "time_zone": "America/Sao_Paulo"}
    changed = (await ana.http.patch(path, json=change)).json()
    assert changed["send_at"] == f"{summer}-07-01T13:30:00Z"
    assert changed["local_time"] == f"{summer}-07-01T10:30:00-03:00"


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"send_at": "2026-07-01T09:00:00"}, "/send_at"),
        ({"send_at": "2020-07-01T09:00:00Z"}, "/send_at"),
        ({"send_at": "2999-07-01T09:00:00Z"}, "/send_at"),
        ({"send_at": "2999-02-30T09:00:00Z"}, "/send_at"),
        ({"send_at": "9999-12-31T23:59:59-14:00"}, "/send_at"),
        ({"send_at": "soon, I hope so"}, "/send_at"),
        ({"time_zone": "Europe/Atlantis"}, "/time_zone"),
        ({"time_zone": "../../etc/passwd"}, "/time_zone"),
        ({"conversation_id": "no id"}, "/conversation_id"),
        ({"send": 1}, "/send"),
    ],
)
async def test_what_cannot_be_scheduled_is_refused(
    ana: Person, group: str, fields: dict[str, Any], pointer: str
) -> None:
    answer = await ana.http.post(LATER, json=body_of(group, **fields))
    assert answer.status_code == httpx.codes.BAD_REQUEST, answer.text
    assert answer.json()["errors"][0]["pointer"].startswith(pointer[:5])
    assert (await ana.http.get(LATER)).json()["items"] == []


async def test_a_zone_without_a_time_is_refused(ana: Person, group: str) -> None:
    shown = await made(ana, group)
    path = f"{LATER}/{shown['message_id']}"
    answer = await ana.http.patch(path, json={"time_zone": "Europe/Lisbon"})
    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert (await ana.http.get(path)).json() == shown


async def test_others_do_not_see_it(ana: Person, bia: Person, group: str) -> None:
    shown = await made(ana, group)
    path = f"{LATER}/{shown['message_id']}"
    for answer in (
        await bia.http.get(path),
        await bia.http.patch(path, json={"send_at": in_hours(3)}),
        await bia.http.delete(path),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "message_not_found")
    assert (await bia.http.get(LATER)).json()["items"] == []
    stranger = await bia.http.post(LATER, json=body_of(str(uuid.uuid4())))
    assert (stranger.status_code, stranger.json()["code"]) == (404, "conversation_not_found")


async def test_the_id_of_another_message_is_refused(ana: Person, bia: Person, group: str) -> None:
    shown = await made(ana, group)
    for person in (ana, bia):
        body = body_of(group, message_id=shown["message_id"], send_at=in_hours(5))
        answer = await person.http.post(LATER, json=body)
        assert (answer.status_code, answer.json()["code"]) == (409, "message_id_conflict")


async def test_it_is_changed_and_cancelled_until_it_is_too_late(
    world: World, ana: Person, group: str
) -> None:
    shown = await made(ana, group)
    path = f"{LATER}/{shown['message_id']}"
    words = {"type": "text", "text": "Good evening"}
    changed = (await ana.http.patch(path, json={"payload": words})).json()
    assert changed["payload"] == words
    assert changed["send_at"] == shown["send_at"]
    assert (await ana.http.delete(path)).status_code == httpx.codes.NO_CONTENT
    assert (await ana.http.delete(path)).status_code == httpx.codes.NO_CONTENT
    assert (await ana.http.get(path)).json()["state"] == "cancelled"
    late = await ana.http.patch(path, json={"payload": words})
    assert (late.status_code, late.json()["code"]) == (409, "too_late")
    other = await made(ana, group)
    path = f"{LATER}/{other['message_id']}"
    now = datetime.now(UTC)
    began = (await kept(world, other["message_id"])).began(now)
    assert await world.directory.scheduled.change(began)
    for answer in (
        await ana.http.delete(path),
        await ana.http.patch(path, json={"payload": words}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "too_late")
    failed = (await kept(world, other["message_id"])).failed("conversation_not_found", "you left")
    assert await world.directory.scheduled.change(failed)
    assert (await ana.http.delete(path)).status_code == httpx.codes.CONFLICT
    shown = (await ana.http.get(path)).json()
    assert shown["error"] == {"code": "conversation_not_found", "text": "you left"}


async def test_a_list_has_pages_by_time_and_can_be_of_one_state(ana: Person, group: str) -> None:
    same = in_hours(2)
    times = [in_hours(3), same, same, in_hours(1), same]
    found = [await made(ana, group, send_at=one) for one in times]
    await ana.http.delete(f"{LATER}/{found[3]['message_id']}")
    expected = sorted(found, key=lambda one: (one["send_at"], one["message_id"]))
    names: list[str] = []
    cursor: str | None = ""
    pages = 0
    while cursor is not None:
        query = f"?limit=2{'&cursor=' if cursor else ''}{cursor}"
        page = (await ana.http.get(LATER + query)).json()
        names += [one["message_id"] for one in page["items"]]
        cursor, pages = page["next"], pages + 1
    assert names == [one["message_id"] for one in expected]
    assert pages == 3
    waiting = (await ana.http.get(f"{LATER}?state=scheduled")).json()["items"]
    assert [one["message_id"] for one in waiting] == names[1:]
    for query in ("state=waiting", "cursor=12", f"cursor={'9' * 20}.{uuid.uuid4()}", "limit=0"):
        answer = await ana.http.get(f"{LATER}?{query}")
        assert answer.status_code == httpx.codes.BAD_REQUEST, query


async def test_a_scheduled_file_is_kept_from_being_swept(
    world: World, ana: Person, group: str
) -> None:
    file_id = await upload(ana, group, b"\x89PNG\r\n\x1a\n" + b"x" * 20)
    image = {"type": "image", "file_id": file_id}
    shown = await made(ana, group, payload=image, send_at=in_hours(24 * 30))
    references = world.files.storage.records
    assert await references.showing(file_id) == 1  # type: ignore[arg-type]  # text is what ids are
    world.clock.ahead = timedelta(days=20)
    found = await kept(world, shown["message_id"])
    assert (await world.deps.send(found.sender, found.draft)).message_id == found.message_id
    assert shown["payload"]["file_id"] == file_id


async def test_a_program_needs_the_scope_to_send_and_may_act_for_a_user(
    world: World, ana: Person, bia: Person, group: str
) -> None:
    body = {"username": "robot", "display_name": "Robot"}
    account = (await ana.http.post("/v1/service-accounts", json=body)).json()["id"]
    await bia.http.put(f"/v1/users/me/delegates/{account}")
    keys = f"/v1/service-accounts/{account}/keys"
    for scopes, status in ((["read", "act"], 403), (["read", "send", "act"], 201)):
        key = await ana.http.post(keys, json={"name": "k", "scopes": scopes})
        async with client_of(world, key.json()["key"]) as http:
            headers = {ON_BEHALF_OF: bia.id}
            answer = await http.post(LATER, json=body_of(group), headers=headers)
            assert answer.status_code == status, answer.text
    [shown] = (await bia.http.get(LATER)).json()["items"]
    found = await kept(world, shown["message_id"])
    assert (found.sender, found.actor) == (bia.id, account)
