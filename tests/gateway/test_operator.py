"""The calls behind the operator's commands."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.gateway.world import Person, World, sign_up

CHAT = {
    "source": "telegram",
    "key": "telegram:user2",
    "kind": "private",
    "title": "Bia",
    "participants": [
        {"key": "telegram:user1", "name": "Ana"},
        {"key": "telegram:user2", "name": "Bia"},
    ],
}
SAID = {
    "key": "telegram:user2:1",
    "author_key": "telegram:user2",
    "sent_at": "2024-12-31T12:00:00Z",
    "kind": "text",
    "text": "oi",
}


def body(*messages: Any, **changes: Any) -> dict[str, Any]:
    return {"owner": "ana", "me": "Ana", "chat": CHAT, "messages": list(messages), **changes}


@pytest.fixture
async def root(world: World, ana: Person) -> AsyncIterator[httpx.AsyncClient]:
    """An administrator of the node."""
    async with (await sign_up(world, "root", admin=True)).http as client:
        yield client


async def test_a_batch_is_imported_and_traced(root: httpx.AsyncClient, ana: Person) -> None:
    answer = (await root.post("/v1/admin/import", json=body(SAID))).json()
    assert (answer["added"], answer["existing"], answer["skipped"]) == (1, 0, [])
    again = (await root.post("/v1/admin/import", json=body(SAID))).json()
    assert again["conversation_id"] == answer["conversation_id"]
    page = await ana.http.get(f"/v1/conversations/{answer['conversation_id']}/messages")
    [message] = page.json()["items"]
    assert message["payload"]["text"] == "oi"
    trace = await root.get(f"/v1/messages/{message['message_id']}/trace")
    assert [hop["what"] for hop in trace.json()["hops"]] == ["accepted", "logged", "stored", "read"]
    assert "oi" not in trace.text


@pytest.mark.parametrize(
    ("sent", "pointer"),
    [
        (body(*[SAID] * 501), "/messages"),
        (body({**SAID, "latitude": 1.5}), "/messages/0/latitude"),
        (body({**SAID, "sent_at": "2024-12-31T12:00:00"}), "/messages/0/sent_at"),
        (body(SAID, me="Zoe"), "/me"),
    ],
    ids=["too many", "half a place", "a time without a zone", "nobody"],
)
async def test_a_bad_batch_is_refused_by_its_place(
    root: httpx.AsyncClient, sent: dict[str, Any], pointer: str
) -> None:
    answer = await root.post("/v1/admin/import", json=sent)
    assert answer.status_code == 400
    assert [one["pointer"] for one in answer.json()["errors"]] == [pointer]


async def test_bodies_up_to_four_mebibytes_are_read(root: httpx.AsyncClient) -> None:
    long = [{**SAID, "key": str(n), "text": "x" * 900_000} for n in range(5)]
    assert (await root.post("/v1/admin/import", json=body(*long[:4]))).status_code == 200
    assert (await root.post("/v1/admin/import", json=body(*long))).status_code == 413


async def test_an_account_is_tested(root: httpx.AsyncClient, ana: Person) -> None:
    made = await root.post(
        "/v1/admin/connectors/accounts", json={"platform": "telegram", "name": "Shop"}
    )
    path = f"/v1/admin/connectors/accounts/{made.json()['id']}/test"
    assert (await root.post(path)).json() == {"name": "@shop_bot"}


async def test_an_administrator_makes_people(root: httpx.AsyncClient) -> None:
    person = {"username": "bia", "password": "correct horse", "admin": True}
    made = await root.post("/v1/admin/people", json=person)
    assert (made.status_code, made.json()["admin"]) == (201, True)
    assert (await root.post("/v1/admin/people", json=person)).status_code == 409


async def test_operators_calls_take_an_administrator(
    world: World, ana: Person, bia: Person
) -> None:
    calls = [
        ("POST", "/v1/admin/people"),
        ("POST", "/v1/admin/import"),
        ("POST", f"/v1/admin/connectors/accounts/{bia.id}/test"),
    ]
    for method, path in calls:
        answer = await bia.http.request(method, path, json={} if method == "POST" else None)
        assert answer.status_code == 403, path
