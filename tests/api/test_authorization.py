"""Who may do what: every row of authorization.toml, over the real application."""

from __future__ import annotations

import asyncio
import tomllib
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute

from chat4all.domain.directory import Channel
from chat4all.domain.ids import ChannelId, UserId, new_id
from chat4all.gateway.rest.app import create_rest_app
from chat4all.ports.event_log import Record
from chat4all.ports.phones import Phone
from tests.gateway.world import Person, World, a_world, begin, client_of, say, sign_up, upload
from tests.servers.push_service import Browser

WHO = ("nobody", "stranger", "member", "group_admin", "owner", "administrator")
TABLE: dict[str, dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("authorization.toml").read_text("utf-8")
)
EMOJI = "%F0%9F%91%8D"
REFUSED = {httpx.codes.FORBIDDEN, httpx.codes.NOT_FOUND}


@dataclass
class Village:
    """A small world: `things` are its ids by the names that the table uses."""

    world: World
    clients: Mapping[str, httpx.AsyncClient]
    things: Mapping[str, str]


@asynccontextmanager
async def a_village() -> AsyncIterator[Village]:
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(a_world())
        people: dict[str, Person] = {}
        for name in ("owner", "member", "group_admin", "villager", "stranger", "administrator"):
            person = await sign_up(world, name, admin=name == "administrator")
            await stack.enter_async_context(person.http)
            people[name] = person
        clients = {name: person.http for name, person in people.items()}
        clients["nobody"] = await stack.enter_async_context(client_of(world))
        yield Village(
            world, clients, {**{k: v.id for k, v in people.items()}, **await _things(world, people)}
        )


async def _things(world: World, people: Mapping[str, Person]) -> dict[str, str]:
    """Make all that belongs to the owner, and what lies before the administrator."""
    owner, root = people["owner"].http, people["administrator"].http
    inside = [people[name].id for name in ("member", "group_admin", "villager")]
    group = await _made(owner, "conversations", type="group", member_ids=inside)
    path = f"/v1/conversations/{group}/members/{people['group_admin'].id}"
    assert (await owner.patch(path, json={"role": "admin"})).is_success
    account = await _made(root, "admin/connectors/accounts", platform="telegram", name="Shop")
    service = await _made(owner, "service-accounts", username="shop-reports")
    world.phones.owned[people["owner"].id, "p1"] = Phone(external_id="p1", display_name="Carla")
    await world.event_log.append([Record("commands", "nowhere", b"not a command")])
    return {
        "conversation_id": group,
        "message_id": str((await say(people["owner"], group, "Lunch?"))["message_id"]),
        "contact_id": await _made(owner, "contacts", display_name="Carla"),
        "other_contact_id": await _made(owner, "contacts", display_name="Carlinha"),
        "merge_id": await _merged(owner),
        "channel_id": await _linked(world, people["owner"].id),
        "account_id": account,
        "endpoint_id": await _made(owner, "webhook-endpoints", url="https://shop.example/"),
        "service_id": service,
        "key_id": await _made(
            owner, f"service-accounts/{service}/keys", name="nightly", scopes=["read"]
        ),
        "subscription_id": await _made(
            owner,
            "push-subscriptions",
            endpoint="https://push.example/1",
            keys=dict(Browser().keys),
        ),
        "scheduled_id": await _scheduled(owner, group),
        "soon": _soon(),
        "external_id": "p1",
        "letter_id": await _letter(root),
        **await _files(people["owner"], group),
    }


async def _files(owner: Person, group: str) -> dict[str, str]:
    """Make a file with a link to it, and an upload."""
    file_id = await upload(owner, group, b"\x89PNG")
    link = await owner.http.post(f"/v1/files/{file_id}/links", json={"expires_in": 60})
    query = httpx.URL(link.json()["url"]).params
    words = {"filename": "cat.png", "checksum": "sha256:" + "a" * 64, "conversation_id": group}
    pairs = [f"{key} {b64encode(word.encode()).decode()}" for key, word in words.items()]
    return {
        "file_id": file_id,
        "link_expires": query["expires"],
        "link_signature": query["signature"],
        "upload_id": await begin(owner, group, b"cat"),
        "upload_metadata": ",".join(pairs),
    }


async def _made(client: httpx.AsyncClient, path: str, **body: Any) -> str:
    answer = await client.post(f"/v1/{path}", json=body)
    assert answer.status_code == httpx.codes.CREATED, answer.text
    return str(answer.json()["id"])


async def _merged(owner: httpx.AsyncClient) -> str:
    kept, other = [await _made(owner, "contacts", display_name="Davi") for _ in range(2)]
    answer = await owner.post(f"/v1/contacts/{kept}/merge", json={"contact_ids": [other]})
    return str(answer.raise_for_status().json()["merge_id"])


async def _scheduled(owner: httpx.AsyncClient, group: str) -> str:
    payload = {"type": "text", "text": "Lunch!"}
    body = {"conversation_id": group, "payload": payload, "send_at": _soon()}
    answer = await owner.post("/v1/scheduled-messages", json=body)
    assert answer.status_code == httpx.codes.CREATED, answer.text
    return str(answer.json()["message_id"])


def _soon() -> str:
    return (datetime.now(UTC) + timedelta(hours=1)).isoformat()


async def _linked(world: World, user: str) -> str:
    channel = Channel(
        id=ChannelId(new_id()),
        user_id=UserId(user),
        platform="telegram",
        external_id="4711",
        account_id=None,
        linked_at=world.clock(),
    )
    return (await world.directory.channels.link(channel)).id


async def _letter(root: httpx.AsyncClient) -> str:
    async with asyncio.timeout(30):
        while True:
            letters = (await root.get("/v1/admin/dead-letters")).json()["items"]
            if letters:
                return str(letters[0]["id"])
            await asyncio.sleep(0)  # lets the router park it


def elsewhere(things: Mapping[str, str]) -> dict[str, str]:
    """Return names of things that do not exist, beside the people who do."""
    unknown = {name: new_id() for name in things if name.endswith("_id")}
    return {**things, **unknown, "external_id": "p404", "letter_id": "0.999999"}


def filled(value: Any, things: Mapping[str, str]) -> Any:
    """Return `value` with the things that its `$names` stand for."""
    if isinstance(value, dict):
        return {key: filled(one, things) for key, one in value.items()}
    if isinstance(value, list):
        return [filled(one, things) for one in value]
    return things[value[1:]] if isinstance(value, str) and value.startswith("$") else value


async def called(
    client: httpx.AsyncClient, call: str, row: Mapping[str, Any], things: Mapping[str, str]
) -> httpx.Response:
    method, path = call.split(" ")[:2]
    names = {
        **things,
        "emoji": EMOJI,
        "connector": "telegram",
        **filled(row.get("path", {}), things),
    }
    return await client.request(
        method,
        path.format_map(names),
        params=filled(row.get("query", {}), things),
        json=filled(row["json"], things) if "json" in row else None,
        data=row.get("form"),
        content=row.get("raw"),
        headers=filled(row.get("headers", {}), things),
    )


def told(answer: httpx.Response, things: Mapping[str, str]) -> str:
    """Return what a refusal tells, without the names that the request itself held."""
    body = answer.json() if answer.content else {}  # HEAD has none
    problem = {key: value for key, value in body.items() if key != "instance"}
    text = f"{answer.status_code} {problem}"
    for name in things.values():
        text = text.replace(name, "...")
    return text


def routes_of(app: Litestar) -> Iterator[str]:
    """Yield each method and path of the application, without the files of the web pages."""
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for method, (handler, _) in route.route_handler_map.items():
                files = handler.fn.__module__.endswith(".static_files")
                if method != "OPTIONS" and not files:
                    yield f"{method} {route.path_format}"


async def test_each_route_has_a_row_and_each_row_a_route() -> None:
    async with a_world() as world:
        routes = set(routes_of(create_rest_app(world.deps)))
    assert len(routes) >= 70
    assert {" ".join(call.split(" ")[:2]) for call in TABLE} == routes


def test_each_row_says_what_everybody_gets() -> None:
    assert {call: row for call, row in TABLE.items() if not set(WHO) <= row.keys()} == {}


@pytest.mark.parametrize("call", TABLE)
async def test_everybody_gets_what_the_table_says(call: str) -> None:
    row = TABLE[call]
    expected = {who: row[who] for who in WHO}
    got = {}
    if call.startswith("GET "):
        async with a_village() as village:
            for who in WHO:
                answer = await called(village.clients[who], call, row, village.things)
                got[who] = answer.status_code
    else:
        for who in WHO:  # each in a village of their own, as it was
            async with a_village() as village:
                answer = await called(village.clients[who], call, row, village.things)
                got[who] = answer.status_code
    assert got == expected


@pytest.mark.parametrize("call", [call for call in TABLE if TABLE[call]["stranger"] in REFUSED])
async def test_a_refusal_tells_a_stranger_nothing_about_what_there_is(call: str) -> None:
    async with a_village() as village:
        stranger, row = village.clients["stranger"], TABLE[call]
        nowhere = elsewhere(village.things)
        there = await called(stranger, call, row, village.things)
        not_there = await called(stranger, call, row, nowhere)
        assert told(there, village.things) == told(not_there, nowhere)
