"""Profiles, contacts, channels and presence."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from chat4all.domain.ids import new_id
from tests.gateway.world import Person, World, sign_up

BIA_CHANNEL = {"platform": "telegram", "external_id": "4711"}


async def contact(person: Person, name: str, *channels: dict[str, str]) -> dict[str, str]:
    body = {"display_name": name, "channels": list(channels)}
    answer = await person.http.post("/v1/contacts", json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_one_changes_ones_profile_field_by_field(ana: Person) -> None:
    changed = await ana.http.patch(
        "/v1/users/me", json={"display_name": "Ana B.", "email": "ana@example.org"}
    )
    assert changed.status_code == 200
    cleared = await ana.http.patch("/v1/users/me", json={"email": None})
    assert cleared.json()["display_name"] == "Ana B."
    assert cleared.json()["email"] is None


async def test_others_see_a_name_and_no_address(ana: Person, bia: Person) -> None:
    await bia.http.patch("/v1/users/me", json={"email": "bia@example.org"})
    seen = (await ana.http.get(f"/v1/users/{bia.id}")).json()
    assert seen["display_name"] == "Bia"
    assert "email" not in seen
    assert (await ana.http.get(f"/v1/users/{bia.id.upper()}")).json() == seen
    assert (await ana.http.get(f"/v1/users/{new_id()}")).status_code == 404


async def test_people_are_found_page_by_page(ana: Person, bia: Person, eve: Person) -> None:
    found: list[str] = []
    cursor = None
    for _ in range(3):
        query = {"limit": "1", **({"cursor": cursor} if cursor else {})}
        page = (await ana.http.get("/v1/users", params=query)).json()
        found += [one["username"] for one in page["items"]]
        cursor = page["next"]
    assert sorted(found) == ["ana", "bia", "eve"]
    assert cursor is None
    only = (await ana.http.get("/v1/users", params={"query": "ev"})).json()["items"]
    assert [one["username"] for one in only] == ["eve"]


async def test_a_contact_belongs_to_its_owner(ana: Person, eve: Person) -> None:
    made = await contact(ana, "Carla", BIA_CHANNEL)
    path = f"/v1/contacts/{made['id']}"
    assert (await ana.http.get(path)).json() == made
    assert (await ana.http.get("/v1/contacts")).json()["items"] == [made]
    for refused in (
        await eve.http.get(path),
        await eve.http.patch(path, json={"display_name": "Mine"}),
        await eve.http.delete(path),
        await eve.http.get(f"/v1/users/{made['id']}"),
    ):
        assert (refused.status_code, refused.json()["code"]) == (404, "user_not_found")
    assert (await eve.http.get("/v1/contacts")).json()["items"] == []


async def test_a_taken_address_keeps_no_half_of_a_contact(ana: Person, eve: Person) -> None:
    await contact(ana, "Carla", BIA_CHANNEL)
    body = {
        "display_name": "Carla too",
        "channels": [{"platform": "mock", "external_id": "1"}, BIA_CHANNEL],
    }
    refused = await eve.http.post("/v1/contacts", json=body)
    assert (refused.status_code, refused.json()["code"]) == (409, "channel_taken")
    assert (await eve.http.get("/v1/contacts")).json()["items"] == []
    body["channels"] = [{"platform": "mock", "external_id": "1"}]
    assert (await eve.http.post("/v1/contacts", json=body)).status_code == 201


async def test_a_contacts_channels_are_replaced_as_a_whole(ana: Person) -> None:
    made = await contact(ana, "Carla", BIA_CHANNEL, {"platform": "mock", "external_id": "1"})
    new = [BIA_CHANNEL, {"platform": "mock", "external_id": "2"}]
    changed = await ana.http.patch(f"/v1/contacts/{made['id']}", json={"channels": new})
    shown = {(one["platform"], one["external_id"]) for one in changed.json()["channels"]}
    assert shown == {("telegram", "4711"), ("mock", "2")}
    assert (await ana.http.delete(f"/v1/contacts/{made['id']}")).status_code == 204
    assert (await ana.http.get(f"/v1/contacts/{made['id']}")).status_code == 404


async def test_a_phone_number_is_e164(ana: Person) -> None:
    body = {
        "display_name": "Carla",
        "channels": [BIA_CHANNEL, {"platform": "whatsapp", "external_id": "+055 11 98765"}],
    }
    refused = await ana.http.post("/v1/contacts", json=body)
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["pointer"] == "/channels/1/external_id"


async def test_an_administrators_channels_are_linked_once_and_unlinked(
    world: World, ana: Person, root: Person
) -> None:
    linked = await root.http.post("/v1/users/me/channels", json=BIA_CHANNEL)
    assert linked.status_code == 201
    again = await root.http.post("/v1/users/me/channels", json=BIA_CHANNEL)
    assert again.json()["id"] == linked.json()["id"]
    async with (await sign_up(world, "max", admin=True)).http as other:
        taken = await other.post("/v1/users/me/channels", json=BIA_CHANNEL)
    assert taken.json()["code"] == "channel_taken"
    path = f"/v1/users/me/channels/{linked.json()['id']}"
    assert (await ana.http.delete(path)).status_code == 404
    assert (await root.http.delete(path)).status_code == 204
    assert (await root.http.get("/v1/users/me/channels")).json() == {"items": [], "next": None}


async def test_nobody_claims_an_identity_without_proof(ana: Person) -> None:
    refused = await ana.http.post("/v1/users/me/channels", json=BIA_CHANNEL)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_permitted")
    assert "POST /v1/users/me/channels/link-code" in refused.json()["detail"]
    assert (await ana.http.get("/v1/users/me/channels")).json()["items"] == []


async def test_a_link_code_can_be_taken_once_within_ten_minutes(world: World, ana: Person) -> None:
    body = {"platform": "telegram"}
    made = (await ana.http.post("/v1/users/me/channels/link-code", json=body)).json()
    assert re.fullmatch("[A-HJKMNP-Z2-9]{8,}", made["code"])
    left = datetime.fromisoformat(made["expires_at"]) - datetime.now(UTC)
    assert timedelta(minutes=9) < left <= timedelta(minutes=10)
    take = world.directory.link_codes.take
    assert await take(made["code"], platform="telegram", at=world.clock()) == ana.id
    assert await take(made["code"], platform="telegram", at=world.clock()) is None


@pytest.mark.parametrize("status", ["online", "away", "busy", "offline"])
async def test_presence_is_seen_by_those_one_talks_with(
    ana: Person, bia: Person, eve: Person, group: str, status: str
) -> None:
    put = await ana.http.put("/v1/presence", json={"status": status})
    assert (put.status_code, put.json()["status"]) == (200, status)
    query = {"user_ids": f"{ana.id},{eve.id}"}
    seen = (await bia.http.get("/v1/presence", params=query)).json()["items"]
    assert [(one["user_id"], one["status"]) for one in seen] == [(ana.id, status)]
    hidden = (await eve.http.get("/v1/presence", params={"user_ids": ana.id})).json()
    assert hidden["items"] == []


async def test_presence_asks_for_ids(ana: Person) -> None:
    for query in ("", "?user_ids=", "?user_ids=me", f"?user_ids={ana.id},"):
        assert (await ana.http.get(f"/v1/presence{query}")).status_code == 400
    bad = await ana.http.put("/v1/presence", json={"status": "asleep"})
    assert bad.json()["errors"][0]["pointer"] == "/status"
