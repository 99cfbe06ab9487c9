"""Outgoing webhooks over REST."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from chat4all.domain.ids import UserId
from tests.gateway.world import Person, World

HOOKS = "/v1/webhook-endpoints"


async def made(person: Person, **body: Any) -> dict[str, Any]:
    """Make an endpoint."""
    answer = await person.http.post(HOOKS, json={"url": "https://shop.example/in", **body})
    assert answer.status_code == httpx.codes.CREATED, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_the_secret_of_an_endpoint_is_shown_once(ana: Person) -> None:
    endpoint = await made(ana, events=["message"], description="The shop")
    secret = endpoint.pop("secret")
    assert secret.startswith("whsec_")
    assert endpoint["enabled"] is True
    assert endpoint["disabled_reason"] is None
    assert (await ana.http.get(HOOKS)).json() == {"items": [endpoint], "next": None}
    assert (await ana.http.get(f"{HOOKS}/{endpoint['id']}")).json() == endpoint


async def test_a_rotated_secret_signs_along_for_a_day(world: World, ana: Person) -> None:
    endpoint = await made(ana)
    answer = await ana.http.post(f"{HOOKS}/{endpoint['id']}/secret")
    new = answer.json()["secret"]
    assert new != endpoint["secret"]
    [kept] = await world.directory.endpoints.of_owner(UserId(ana.id))
    newer, older = kept.secrets
    assert (newer.value, older.value) == (new, endpoint["secret"])
    assert older.until is not None
    assert kept.signing(older.until) == [new]
    assert kept.signing(world.clock()) == [new, endpoint["secret"]]


async def test_an_endpoint_is_changed_switched_off_and_deleted(ana: Person) -> None:
    endpoint = await made(ana)
    path = f"{HOOKS}/{endpoint['id']}"
    change = {"url": "https://other.example/", "events": ["status"], "enabled": False}
    changed = (await ana.http.patch(path, json=change)).json()
    assert {key: changed[key] for key in change} == change
    assert changed["disabled_reason"] == "owner"
    assert (await ana.http.post(f"{path}/test")).status_code == httpx.codes.CONFLICT
    assert (await ana.http.patch(path, json={"enabled": True})).json()["enabled"] is True
    assert (await ana.http.delete(path)).status_code == httpx.codes.NO_CONTENT
    gone = await ana.http.get(path)
    assert (gone.status_code, gone.json()["code"]) == (404, "endpoint_not_found")


async def test_an_endpoint_is_its_owners_alone(ana: Person, bia: Person) -> None:
    endpoint = await made(ana)
    path = f"{HOOKS}/{endpoint['id']}"
    assert (await bia.http.get(HOOKS)).json()["items"] == []
    for method, tail in (
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/secret"),
        ("POST", "/test"),
        ("GET", "/deliveries"),
        ("POST", "/replay"),
    ):
        body = {"event_ids": [endpoint["id"]]} if tail == "/replay" else {}
        answer = await bia.http.request(method, path + tail, json=body)
        assert answer.status_code == httpx.codes.NOT_FOUND, (method, tail)


async def test_a_test_event_waits_in_the_list_and_can_be_replayed(ana: Person) -> None:
    endpoint = await made(ana)
    path = f"{HOOKS}/{endpoint['id']}"
    sent = await ana.http.post(f"{path}/test")
    assert sent.status_code == httpx.codes.ACCEPTED
    event = sent.json()["event_id"]
    [shown] = (await ana.http.get(f"{path}/deliveries")).json()["items"]
    assert (shown["event_id"], shown["type"], shown["state"]) == (event, "chat4all.test", "pending")
    again = await ana.http.post(f"{path}/replay", json={"event_ids": [event]})
    assert (again.status_code, again.json()) == (202, {"events": 1})
    times = {"since": shown["created_at"], "until": shown["created_at"]}
    assert (await ana.http.post(f"{path}/replay", json=times)).json() == {"events": 0}
    nothing = await ana.http.post(f"{path}/replay", json={})
    assert nothing.status_code == httpx.codes.BAD_REQUEST


async def test_deliveries_come_in_pages_the_newest_first(ana: Person) -> None:
    endpoint = await made(ana)
    path = f"{HOOKS}/{endpoint['id']}"
    made_ = [(await ana.http.post(f"{path}/test")).json()["id"] for _ in range(3)]
    first = (await ana.http.get(f"{path}/deliveries", params={"limit": 2})).json()
    cursor = {"limit": 2, "cursor": first["next"]}
    second = (await ana.http.get(f"{path}/deliveries", params=cursor)).json()
    assert [one["id"] for one in first["items"] + second["items"]] == made_[::-1]
    assert second["next"] is None


@pytest.mark.parametrize(
    "body",
    [
        {"url": "ftp://shop.example/"},
        {"url": "https://a:b@shop.example/"},
        {"url": "https://shop.example/", "events": ["everything"]},
        {"url": "https://2130706433/"},
        {},
    ],
)
async def test_a_bad_endpoint_is_refused_with_what_is_wrong(
    ana: Person, body: dict[str, Any]
) -> None:
    answer = await ana.http.post(HOOKS, json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "validation_failed")
    assert answer.json()["errors"]


async def test_nobody_has_more_than_twenty_endpoints(ana: Person) -> None:
    for _ in range(20):
        await made(ana)
    answer = await ana.http.post(HOOKS, json={"url": "https://shop.example/in"})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
