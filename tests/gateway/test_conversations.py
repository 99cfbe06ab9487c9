"""Conversations, their members and roles."""

from __future__ import annotations

import pytest

from chat4all.domain.directory import Channel
from chat4all.domain.ids import ChannelId, UserId, new_id
from tests.gateway.world import Person, World, say


async def test_a_pair_has_one_private_conversation(ana: Person, bia: Person) -> None:
    first = await ana.http.post(
        "/v1/conversations", json={"type": "private", "member_ids": [bia.id]}
    )
    assert first.status_code == 201
    same = await bia.http.post(
        "/v1/conversations", json={"type": "private", "member_ids": [ana.id, bia.id]}
    )
    assert same.status_code == 200
    assert same.json()["id"] == first.json()["id"]


@pytest.mark.parametrize("count", [0, 2])
async def test_a_private_conversation_has_exactly_one_other(ana: Person, count: int) -> None:
    body = {"type": "private", "member_ids": [new_id() for _ in range(count)]}
    answer = await ana.http.post("/v1/conversations", json=body)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/member_ids"


async def test_nobody_talks_to_users_who_are_not_there_or_to_others_contacts(
    ana: Person, eve: Person
) -> None:
    contact = await eve.http.post("/v1/contacts", json={"display_name": "Carla"})
    for stranger in (new_id(), contact.json()["id"]):
        body = {"type": "group", "member_ids": [stranger]}
        answer = await ana.http.post("/v1/conversations", json=body)
        assert (answer.status_code, answer.json()["code"]) == (404, "user_not_found")


async def test_a_conversation_shows_members_unread_and_the_last_message(
    ana: Person, bia: Person, group: str, world: World
) -> None:
    await world.directory.channels.link(
        Channel(
            id=ChannelId(new_id()),
            user_id=UserId(ana.id),
            platform="mock",
            external_id="1",
            account_id=None,
            linked_at=world.clock(),
        )
    )
    said = await say(ana, group, "Lunch?")
    [shown] = (await bia.http.get("/v1/conversations")).json()["items"]
    assert (shown["id"], shown["name"], shown["unread_count"]) == (group, "Lunch", 1)
    assert shown["last_message"]["message_id"] == said["message_id"]
    assert shown["last_activity"] == said["created_at"]
    first, second = shown["members"]
    assert (first["user_id"], first["role"], first["channels"]) == (ana.id, "owner", ["mock"])
    assert (second["display_name"], second["kind"]) == ("Bia", "person")

    await bia.http.post(f"/v1/conversations/{group}/read", json={"up_to_seq": 1})
    await say(bia, group, "Yes")
    one = (await bia.http.get(f"/v1/conversations/{group}")).json()
    assert one["unread_count"] == 0
    assert one["members"][1]["last_read_seq"] == 1


async def test_strangers_find_nothing_whatever_they_try(
    ana: Person, eve: Person, group: str
) -> None:
    path = f"/v1/conversations/{group}"
    answers = [
        await eve.http.get(path),
        await eve.http.patch(path, json={"name": "Mine"}),
        await eve.http.delete(path),
        await eve.http.post(f"{path}/members", json={"user_id": eve.id}),
        await eve.http.patch(f"{path}/members/{ana.id}", json={"role": "member"}),
        await eve.http.delete(f"{path}/members/{ana.id}"),
        await eve.http.post(f"{path}/leave"),
        await eve.http.post(f"{path}/archive"),
        await eve.http.get(f"{path}/messages"),
        await eve.http.post(f"{path}/read", json={"up_to_seq": 0}),
        await eve.http.post(f"{path}/delivered", json={"up_to_seq": 0}),
    ]
    assert {one.status_code for one in answers} == {404}
    assert {one.json()["code"] for one in answers} == {"conversation_not_found"}


async def test_roles_decide_what_a_member_may_change(
    ana: Person, bia: Person, eve: Person, group: str
) -> None:
    path = f"/v1/conversations/{group}"
    refused = [
        await bia.http.patch(path, json={"name": "Dinner"}),
        await bia.http.delete(path),
        await bia.http.post(f"{path}/members", json={"user_id": eve.id}),
        await bia.http.delete(f"{path}/members/{ana.id}"),
        await bia.http.patch(f"{path}/members/{bia.id}", json={"role": "owner"}),
    ]
    assert {one.status_code for one in refused} == {403}

    promoted = await ana.http.patch(f"{path}/members/{bia.id}", json={"role": "admin"})
    assert promoted.status_code == 200
    assert (await bia.http.patch(path, json={"name": "Dinner"})).json()["name"] == "Dinner"
    added = await bia.http.post(f"{path}/members", json={"user_id": eve.id})
    assert added.status_code == 201
    twice = await bia.http.post(f"{path}/members", json={"user_id": eve.id})
    assert twice.status_code == 409
    above = await bia.http.post(f"{path}/members", json={"user_id": new_id(), "role": "owner"})
    assert above.status_code == 403
    assert (await bia.http.delete(f"{path}/members/{ana.id}")).status_code == 403
    assert (await bia.http.delete(f"{path}/members/{eve.id}")).status_code == 204
    assert (await eve.http.get(path)).status_code == 404


async def test_a_group_keeps_an_owner(ana: Person, bia: Person, group: str) -> None:
    path = f"/v1/conversations/{group}"
    alone = await ana.http.patch(f"{path}/members/{ana.id}", json={"role": "member"})
    assert alone.status_code == 409
    assert (await ana.http.post(f"{path}/leave", json={})).status_code == 204
    [heir] = (await bia.http.get(path)).json()["members"]
    assert (heir["user_id"], heir["role"]) == (bia.id, "owner")
    assert (await bia.http.delete(path)).status_code == 204
    assert (await bia.http.get(path)).status_code == 404


async def test_a_private_conversation_keeps_its_two(ana: Person, bia: Person, eve: Person) -> None:
    body = {"type": "private", "member_ids": [bia.id]}
    path = f"/v1/conversations/{(await ana.http.post('/v1/conversations', json=body)).json()['id']}"
    refused = [
        await ana.http.post(f"{path}/members", json={"user_id": eve.id}),
        await ana.http.delete(f"{path}/members/{bia.id}"),
        await ana.http.post(f"{path}/leave"),
        await ana.http.patch(path, json={"name": "Us"}),
    ]
    assert {one.status_code for one in refused} == {409}
    kept = await bia.http.patch(path, json={"metadata": {"colour": "blue"}})
    assert kept.json()["metadata"] == {"colour": "blue"}


async def test_archiving_hides_from_ones_own_list_only(
    ana: Person, bia: Person, group: str
) -> None:
    hidden = await ana.http.post(f"/v1/conversations/{group}/archive")
    assert (hidden.status_code, hidden.json()["archived"]) == (200, True)
    assert (await ana.http.get("/v1/conversations")).json()["items"] == []
    all_of_them = await ana.http.get("/v1/conversations", params={"archived": "true"})
    assert len(all_of_them.json()["items"]) == 1
    assert len((await bia.http.get("/v1/conversations")).json()["items"]) == 1
    shown = await ana.http.post(f"/v1/conversations/{group}/archive", json={"archived": False})
    assert shown.json()["archived"] is False


async def test_conversations_are_listed_page_by_page(ana: Person, bia: Person) -> None:
    made = []
    for number in range(3):
        body = {"type": "group", "member_ids": [bia.id], "name": str(number)}
        made.append((await ana.http.post("/v1/conversations", json=body)).json()["id"])
    first = (await ana.http.get("/v1/conversations", params={"limit": 2})).json()
    query = {"limit": 2, "cursor": first["next"]}
    second = (await ana.http.get("/v1/conversations", params=query)).json()
    listed = [one["id"] for one in [*first["items"], *second["items"]]]
    assert listed == made[::-1]
    assert second["next"] is None


async def test_metadata_is_bounded(ana: Person, group: str) -> None:
    path = f"/v1/conversations/{group}"
    large = await ana.http.patch(path, json={"metadata": {"a": "x" * 20_000}})
    assert large.json()["errors"][0]["pointer"] == "/metadata"
    many = await ana.http.patch(path, json={"metadata": {str(n): n for n in range(51)}})
    assert many.status_code == 400
