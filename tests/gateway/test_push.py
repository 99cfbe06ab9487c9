"""Devices that take pushes, over REST."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from chat4all.domain.errors import InvalidInput
from chat4all.domain.push import MAX_SUBSCRIPTIONS
from tests.gateway.world import Person, World
from tests.servers.push_service import Browser

DEVICES = "/v1/push-subscriptions"
KEYS = dict(Browser().keys)
NIGHT = {"start": "22:30", "end": "07:00", "time_zone": "Europe/Lisbon"}


async def made(person: Person, name: str = "phone", **body: Any) -> dict[str, Any]:
    """Register a device."""
    subscription = {"endpoint": f"https://push.example/{name}", "keys": KEYS, **body}
    answer = await person.http.post(DEVICES, json=subscription)
    assert answer.status_code == httpx.codes.CREATED, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_device_is_registered_and_shown_without_its_address_and_keys(ana: Person) -> None:
    assert (await ana.http.get(f"{DEVICES}/key")).json() == {"public_key": "a-public-key"}
    device = await made(ana, device="Phone")
    assert device["preferences"] == {
        "muted_conversations": [],
        "only_conversations": None,
        "show_content": True,
        "quiet_hours": None,
    }
    answer = await ana.http.get(DEVICES)
    assert answer.json() == {"items": [device], "next": None}
    assert (await ana.http.get(f"{DEVICES}/{device['id']}")).json() == device
    assert "push.example" not in answer.text
    assert KEYS["auth"] not in answer.text


IPHONE = {"kind": "apns", "token": "AB" * 32, "topic": "org.example.chat"}
ANDROID = {"kind": "fcm", "token": "dQw4w9WgXcQ:APA91b_x-y"}


async def test_an_app_is_registered_by_its_token_which_is_not_shown(
    world: World, ana: Person
) -> None:
    for body, keys in (
        (ANDROID, {}),
        (IPHONE, {"topic": "org.example.chat", "environment": "production"}),
        ({**IPHONE, "environment": "sandbox"}, {"environment": "sandbox"}),
    ):
        answer = await ana.http.post(DEVICES, json={**body, "device": "Phone"})
        assert answer.status_code == httpx.codes.CREATED, answer.text
        assert answer.json()["kind"] == body["kind"]
        assert str(body["token"]).lower() not in answer.text.lower()
        kept = await world.directory.push_subscriptions.get(answer.json()["id"])
        assert kept is not None
        assert kept.endpoint.lower() == str(body["token"]).lower()
        assert {**kept.keys, **keys} == kept.keys
    assert [one["kind"] for one in (await ana.http.get(DEVICES)).json()["items"]] == ["fcm", "apns"]


async def test_hexadecimal_in_capitals_is_the_same_iphone(ana: Person) -> None:
    names = [
        (await ana.http.post(DEVICES, json={**IPHONE, "token": token})).json()["id"]
        for token in ("AB" * 32, "ab" * 32)
    ]
    assert names[0] == names[1]


async def test_an_app_is_of_the_user_who_registered_it_last(ana: Person, bia: Person) -> None:
    for body in (ANDROID, IPHONE):
        device = (await ana.http.post(DEVICES, json=body)).json()
        assert (await bia.http.post(DEVICES, json=body)).json()["id"] == device["id"]
    assert (await ana.http.get(DEVICES)).json()["items"] == []
    assert len((await bia.http.get(DEVICES)).json()["items"]) == 2


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"kind": "web"}, ["/endpoint", "/keys"]),
        ({}, ["/endpoint", "/keys"]),
        ({"kind": "web", "endpoint": "https://push.example/1", "token": "x"}, ["/keys", "/token"]),
        ({"kind": "fcm"}, ["/token"]),
        ({**ANDROID, "topic": "org.example"}, ["/topic"]),
        ({**ANDROID, "endpoint": "https://push.example/1"}, ["/endpoint"]),
        ({"kind": "apns", "token": "ab"}, ["/topic"]),
        ({"kind": "apns", "environment": "sandbox"}, ["/token", "/topic"]),
        ({**IPHONE, "environment": "staging"}, ["/environment"]),
        ({**IPHONE, "token": "../../3/device"}, ["/token"]),
        ({**IPHONE, "topic": "a\r\nb"}, ["/topic"]),
        ({**ANDROID, "kind": "pigeon"}, ["/kind"]),
    ],
)
async def test_what_does_not_make_a_device_of_its_kind_is_refused_by_name(
    ana: Person, body: dict[str, Any], pointers: list[str]
) -> None:
    answer = await ana.http.post(DEVICES, json=body)
    assert answer.status_code == httpx.codes.BAD_REQUEST, answer.text
    assert sorted(one["pointer"] for one in answer.json()["errors"]) == pointers


async def test_registering_again_keeps_what_the_device_wants(ana: Person) -> None:
    device = await made(ana, device="Phone", preferences={"quiet_hours": NIGHT})
    again = await made(ana)
    assert {**again, "updated_at": device["updated_at"]} == device
    assert again["preferences"]["quiet_hours"] == NIGHT
    assert len((await ana.http.get(DEVICES)).json()["items"]) == 1


async def test_a_device_is_of_the_user_who_registered_it_last(ana: Person, bia: Person) -> None:
    device = await made(ana, preferences={"show_content": False})
    taken = await made(bia)
    assert taken["id"] == device["id"]
    assert taken["preferences"]["show_content"] is True
    assert (await ana.http.get(DEVICES)).json()["items"] == []
    gone = await ana.http.get(f"{DEVICES}/{device['id']}")
    assert (gone.status_code, gone.json()["code"]) == (404, "not_found")


async def test_what_a_device_wants_is_changed_and_the_device_removed(ana: Person) -> None:
    device = await made(ana)
    path = f"{DEVICES}/{device['id']}"
    muted = [device["id"].upper()]
    wishes = {"muted_conversations": muted, "only_conversations": [], "quiet_hours": NIGHT}
    change = {"device": "Old phone", "preferences": wishes}
    changed = (await ana.http.patch(path, json=change)).json()
    assert changed["device"] == "Old phone"
    assert changed["preferences"] == {
        "muted_conversations": [device["id"]],
        "only_conversations": [],
        "show_content": True,
        "quiet_hours": NIGHT,
    }
    assert (await ana.http.get(path)).json() == changed
    assert (await ana.http.delete(path)).status_code == httpx.codes.NO_CONTENT
    assert (await ana.http.get(path)).status_code == httpx.codes.NOT_FOUND


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("start", "24:00"),
        ("end", "7:00"),
        ("end", NIGHT["start"]),
        ("time_zone", "Europe/Atlantis"),
        ("time_zone", "../../../etc/passwd"),
        ("time_zone", "Europe"),
    ],
)
async def test_quiet_hours_that_are_none_are_refused(ana: Person, field: str, value: str) -> None:
    device = await made(ana)
    wishes = {"preferences": {"quiet_hours": {**NIGHT, field: value}}}
    answer = await ana.http.patch(f"{DEVICES}/{device['id']}", json=wishes)
    assert answer.status_code == httpx.codes.BAD_REQUEST, answer.text
    assert field in answer.json()["errors"][0]["pointer"]


async def test_a_device_that_cannot_be_pushed_to_is_refused(
    world: World, ana: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuses(_: object) -> None:
        raise InvalidInput("this address cannot be called")

    monkeypatch.setattr(world.push, "check", refuses)
    body = {"endpoint": "https://push.example/1", "keys": KEYS}
    answer = await ana.http.post(DEVICES, json=body)
    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert (await ana.http.get(DEVICES)).json()["items"] == []


async def test_there_are_only_so_many_devices_and_a_known_one_is_no_new_one(ana: Person) -> None:
    for number in range(MAX_SUBSCRIPTIONS):
        await made(ana, str(number))
    body = {"endpoint": "https://push.example/more", "keys": KEYS}
    assert (await ana.http.post(DEVICES, json=body)).status_code == httpx.codes.CONFLICT
    await made(ana, "0")


async def test_a_trial_says_what_the_push_service_answered(world: World, ana: Person) -> None:
    device = await made(ana)
    answer = await ana.http.post(f"{DEVICES}/{device['id']}/test")
    assert (answer.status_code, answer.json()) == (200, {"result": "taken", "detail": ""})
    [(_, push)] = world.push.taken
    assert push.data == {"kind": "test"}
