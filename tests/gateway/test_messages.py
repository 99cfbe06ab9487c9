"""Sending, reading and following messages."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from chat4all.domain.ids import MessageId, UserId, new_id
from chat4all.gateway.rest.routes.messages import wait_of
from chat4all.gateway.rest.schemas.messages import StoredMessage
from chat4all.services.views import message_object
from tests.gateway.world import Person, World, say

PAYLOADS: list[dict[str, Any]] = [
    {"type": "text", "text": "Olá 👋🏽"},
    {"type": "location", "latitude": -23.55, "longitude": -46.63, "name": "São Paulo"},
    {"type": "contact", "name": "Bia", "phone": "+5511987654321"},
]


async def send(person: Person, group: str, **more: Any) -> httpx.Response:
    body = {"conversation_id": group, "payload": {"type": "text", "text": "Hi"}, **more}
    return await person.http.post("/v1/messages", json=body)


async def history(person: Person, group: str, **query: Any) -> dict[str, Any]:
    answer = await person.http.get(f"/v1/conversations/{group}/messages", params=query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_a_sent_message_is_accepted_and_then_in_its_place(ana: Person, group: str) -> None:
    accepted = await send(ana, group, message_id=str(uuid.uuid4()).upper())
    assert accepted.status_code == 202
    answer = accepted.json()
    assert set(answer) == {"message_id", "conversation_id", "status", "accepted_at"}
    assert answer["message_id"] == answer["message_id"].lower()
    await say(ana, group, "and more")
    stored = (await ana.http.get(f"/v1/messages/{answer['message_id']}")).json()
    assert (stored["seq"], stored["from"], stored["status"]) == (1, ana.id, "sent")


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda one: one["type"])
async def test_every_payload_comes_back_as_it_was_sent(
    ana: Person, bia: Person, group: str, payload: dict[str, Any]
) -> None:
    body = {"conversation_id": group, "payload": payload, "metadata": {"a": [1, {"b": None}]}}
    sent = await ana.http.post("/v1/messages", json=body, headers={"Prefer": "wait=5"})
    assert sent.status_code == 201
    assert sent.headers["preference-applied"] == "wait=5"
    [got] = (await history(bia, group))["items"]
    assert {key: value for key, value in got["payload"].items() if value is not None} == payload
    assert got["metadata"] == body["metadata"]
    assert got == sent.json()


async def test_the_api_shows_messages_as_the_socket_does(
    world: World, ana: Person, group: str
) -> None:
    said = await say(ana, group, "Same?")
    view = await world.deps.messages.get(UserId(ana.id), MessageId(said["message_id"]))
    shown = msgspec.json.decode(msgspec.json.encode(StoredMessage.seen(view)))
    other = msgspec.json.decode(msgspec.json.encode(message_object(view.message, view.status)))
    assert shown == other


async def test_a_repeat_has_no_second_effect_and_another_content_is_409(
    ana: Person, group: str
) -> None:
    name = str(uuid.uuid4())
    assert (await send(ana, group, message_id=name)).status_code == 202
    assert (await send(ana, group, message_id=name)).status_code == 202
    other = await send(ana, group, message_id=name, payload={"type": "text", "text": "No"})
    assert (other.status_code, other.json()["code"]) == (409, "message_id_conflict")
    await say(ana, group, "last")
    assert [one["seq"] for one in (await history(ana, group))["items"]] == [1, 2]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"payload": {"type": "song", "text": "la"}}, "/payload/type"),
        ({"payload": {"type": "text"}}, "/payload/text"),
        ({"payload": {"type": "text", "text": ""}}, "/payload/text"),
        ({"payload": {"type": "text", "text": "x" * 16_385}}, "/payload/text"),
        ({"payload": {"type": "location", "latitude": 91, "longitude": 0}}, "/payload/latitude"),
        ({"message_id": "not-a-uuid"}, "/message_id"),
        ({"to": []}, "/to"),
        ({"to": [new_id()]}, "/to/0"),
        ({"reply_to": new_id()}, "/reply_to"),
        ({"metadata": []}, "/metadata"),
        ({"failover": {"deliver_within": 0}}, "/failover/deliver_within"),
        ({"failover": {"soon": 1}}, "/failover/soon"),
        ({"extra": 1}, "/extra"),
    ],
)
async def test_a_bad_message_is_refused_where_it_is_wrong(
    ana: Person, group: str, change: dict[str, Any], pointer: str
) -> None:
    answer = await send(ana, group, **change)
    assert answer.status_code == 400, answer.text
    assert answer.json()["errors"][0]["pointer"] == pointer


async def test_an_answer_may_come_before_its_message_is_stored(
    ana: Person, bia: Person, group: str
) -> None:
    expected = []
    for _ in range(5):
        about = (await send(ana, group)).json()["message_id"]
        answer = await send(bia, group, reply_to=about.upper())
        assert answer.status_code == 202, answer.text
        expected += [None, about]
    names = [str(uuid.uuid4()) for _ in range(2)]
    text = {"type": "text", "text": "Hi"}
    both = [{"conversation_id": group, "payload": text, "message_id": name} for name in names]
    both[1]["reply_to"] = names[0]
    answer = await ana.http.post("/v1/messages/batch", json={"messages": both})
    assert [one["status"] for one in answer.json()["items"]] == [202, 202]
    await say(ana, group, "last")
    found = (await history(ana, group))["items"]
    assert [one["reply_to"] for one in found] == [*expected, None, names[0], None]


async def test_a_batch_answers_for_each_message(ana: Person, bia: Person, group: str) -> None:
    text = {"type": "text", "text": "Hi"}
    body = {
        "messages": [
            {"conversation_id": group, "payload": text, "message_id": str(uuid.uuid4())},
            {"conversation_id": new_id(), "payload": text},
            {"conversation_id": group, "payload": text},
        ]
    }
    answer = await ana.http.post("/v1/messages/batch", json=body)
    assert answer.status_code == 200
    first, second, third = answer.json()["items"]
    assert (first["status"], third["status"]) == (202, 202)
    assert first["message_id"] == body["messages"][0]["message_id"]
    assert (second["status"], second["problem"]["code"]) == (404, "conversation_not_found")
    too_many = {"messages": body["messages"][:1] * 501}
    assert (await ana.http.post("/v1/messages/batch", json=too_many)).status_code == 400


async def test_history_is_read_in_pages_in_both_directions(ana: Person, group: str) -> None:
    for number in range(5):
        await say(ana, group, str(number))
    last = await history(ana, group, limit=2)
    assert [one["seq"] for one in last["items"]] == [4, 5]
    before = await history(ana, group, limit=2, cursor=last["next"])
    assert [one["seq"] for one in before["items"]] == [2, 3]
    rest = await history(ana, group, limit=2, cursor=before["next"])
    assert ([one["seq"] for one in rest["items"]], rest["next"]) == ([1], None)
    start = await history(ana, group, limit=3, after_seq=0)
    assert [one["seq"] for one in start["items"]] == [1, 2, 3]
    end = await history(ana, group, limit=3, cursor=start["next"])
    assert ([one["seq"] for one in end["items"]], end["next"]) == ([4, 5], None)


async def test_cursors_move_forward_and_not_past_the_end(
    ana: Person, bia: Person, group: str
) -> None:
    await say(ana, group, "one")
    await say(ana, group, "two")
    path = f"/v1/conversations/{group}"
    read = await bia.http.post(f"{path}/read", json={"up_to_seq": 1})
    assert read.json() == {"last_delivered_seq": 1, "last_read_seq": 1, "max_seq": 2}
    await say(bia, group, "three")
    got = await bia.http.post(f"{path}/delivered", json={"up_to_seq": 2})
    assert got.json()["last_delivered_seq"] == 2
    assert (await bia.http.post(f"{path}/read", json={"up_to_seq": 99})).status_code == 409
    assert (await bia.http.post(f"{path}/read", json={"up_to_seq": -1})).status_code == 400
    assert (await bia.http.post(f"{path}/read", json={"up_to_seq": True})).status_code == 400


async def test_the_status_names_each_recipient(ana: Person, bia: Person, group: str) -> None:
    said = await say(ana, group, "Read me")
    await bia.http.post(f"/v1/conversations/{group}/read", json={"up_to_seq": 1})
    await say(ana, group, "afterwards")
    status = (await ana.http.get(f"/v1/messages/{said['message_id']}/status")).json()
    assert status["status"] == "read"
    [line] = status["recipients"]
    assert (line["user_id"], line["channel"], line["status"]) == (bia.id, "app", "read")
    assert {one["status"] for one in status["history"]} <= {"delivered", "read"}


async def test_only_the_sender_edits_and_deletes_for_everyone(
    ana: Person, bia: Person, eve: Person, group: str
) -> None:
    said = await say(bia, group, "Frist")
    path = f"/v1/messages/{said['message_id']}"
    new = {"payload": {"type": "text", "text": "First"}}
    assert (await ana.http.patch(path, json=new)).status_code == 403
    assert (await eve.http.patch(path, json=new)).status_code == 404
    edited = await bia.http.patch(path, json=new)
    assert (edited.status_code, edited.json()["payload"]["text"]) == (200, "First")

    hidden = await ana.http.delete(path, params={"for": "me"})
    assert hidden.status_code == 204
    assert (await ana.http.delete(path, params={"for": "nobody"})).status_code == 400
    await say(ana, group, "afterwards")
    assert [one["seq"] for one in (await history(ana, group))["items"]] == [2]
    assert (await bia.http.delete(path)).status_code == 204
    await say(ana, group, "and more")
    gone = (await bia.http.get(path)).json()
    assert gone["payload"] is None
    assert gone["deleted_at"] is not None


async def test_reactions_are_given_and_taken_back(ana: Person, bia: Person, group: str) -> None:
    said = await say(ana, group, "Nice?")
    path = f"/v1/messages/{said['message_id']}"
    for emoji in ("👍🏽", "#️⃣"):
        given = await bia.http.put(f"{path}/reactions/{emoji.replace('#', '%23')}")
        assert (given.status_code, given.content) == (204, b"")
    await say(ana, group, "afterwards")
    shown = (await ana.http.get(path)).json()["reactions"]
    assert {"emoji": "👍🏽", "user_ids": [bia.id]} in shown
    assert len(shown) == 2
    assert (await bia.http.delete(f"{path}/reactions/👍🏽")).status_code == 204
    await say(ana, group, "and more")
    assert len((await ana.http.get(path)).json()["reactions"]) == 1
    assert (await bia.http.put(f"{path}/reactions/{'x' * 33}")).status_code == 400
    assert (await bia.http.put(f"{path}/reactions/a%0A")).status_code == 400


async def test_search_finds_words_in_ones_own_conversations_page_by_page(
    ana: Person, eve: Person, group: str
) -> None:
    for number in range(3):
        await say(ana, group, f"açaí {number}")
    first = (await ana.http.get("/v1/messages/search", params={"q": "acai", "limit": 2})).json()
    assert [one["seq"] for one in first["items"]] == [3, 2]
    query = {"q": "acai", "limit": 2, "cursor": first["next"]}
    second = (await ana.http.get("/v1/messages/search", params=query)).json()
    assert ([one["seq"] for one in second["items"]], second["next"]) == ([1], None)
    assert (await eve.http.get("/v1/messages/search", params={"q": "acai"})).json()["items"] == []
    foreign = {"q": "acai", "conversation_id": group}
    assert (await eve.http.get("/v1/messages/search", params=foreign)).status_code == 404


async def test_search_is_bounded_in_time(ana: Person, group: str) -> None:
    await say(ana, group, "now")
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    for query, count in (({"from": later}, 0), ({"to": later}, 1)):
        found = await ana.http.get("/v1/messages/search", params={"q": "now", **query})
        assert len(found.json()["items"]) == count
    for bad in ("yesterday", "12", "9999-99-99T00:00:00Z", "0001-01-01T00:00:00+10:00"):
        refused = await ana.http.get("/v1/messages/search", params={"q": "now", "from": bad})
        assert refused.status_code == 400


async def test_sync_tells_what_was_missed_and_waits_for_news(
    ana: Person, bia: Person, group: str
) -> None:
    start = (await bia.http.get("/v1/sync")).json()
    assert start["items"] == []
    await say(ana, group, "while you were away")
    query: dict[str, Any] = {"cursor": start["next"], "wait": 5}
    missed = (await bia.http.get("/v1/sync", params=query)).json()
    texts = [one["message"]["payload"]["text"] for one in missed["items"] if "message" in one]
    assert texts == ["while you were away"]

    query["cursor"] = missed["next"]
    waiting = asyncio.create_task(bia.http.get("/v1/sync", params=query))
    await say(ana, group, "now")
    news = (await waiting).json()["items"]
    assert [one["message"]["payload"]["text"] for one in news] == ["now"]
    assert (await bia.http.get("/v1/sync", params={"cursor": "x"})).status_code == 400


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 0),
        ("", 0),
        ("wait=5", 5),
        ("wait = 4", 4),
        ("respond-async, wait=3", 3),
        ("wait=999999", 30),
        ("await=5", 0),
        ("wait=-1", 0),
        ("wait=x", 0),
    ],
)
def test_prefer_is_read_as_rfc_7240_says(header: str | None, seconds: int) -> None:
    assert wait_of(header) == seconds
