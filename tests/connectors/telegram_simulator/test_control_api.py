"""Playing the people over HTTP, and the page that does so."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from chat4all.testing.telegram import SimulatorServer, TelegramSimulator


@pytest.fixture
async def control(server: SimulatorServer) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"{server.url}/sim", trust_env=False) as client:
        yield client


async def do(client: httpx.AsyncClient, method: str, path: str, body: Any = None) -> Any:
    answer = await client.request(method, path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_conversation_can_be_played_over_http(
    control: httpx.AsyncClient, bot: httpx.AsyncClient
) -> None:
    person = await do(control, "POST", "/people", {"first_name": "Ana", "username": "ana"})
    chat = f"/people/{person['id']}/chats/bot"
    await do(control, "POST", f"{chat}/start", {"payload": "x1"})
    sent = await do(control, "POST", f"{chat}/messages", {"text": "hi", "reply_to": 1})
    await do(control, "PATCH", f"{chat}/messages/{sent['message_id']}", {"text": "hello"})
    await bot.post("sendMessage", json={"chat_id": person["id"], "text": "yes?"})
    await do(control, "PUT", f"{chat}/messages/3/reaction", {"emoji": "👍"})
    place = {"location": {"latitude": 1, "longitude": 2}}
    await do(control, "POST", f"{chat}/messages", place)
    card = {"contact": {"phone_number": "+55", "first_name": "C"}}
    await do(control, "POST", f"{chat}/messages", card)
    await do(control, "DELETE", f"{chat}/messages/1")
    view = await do(control, "GET", chat)
    assert [message["text"] for message in view["messages"]] == ["hello", "yes?", None, None]
    assert [message["mine"] for message in view["messages"]] == [True, False, True, True]
    assert view["messages"][0]["edited"] is True
    assert view["messages"][1]["reactions"] == [{"by": "Ana", "emoji": "👍"}]
    await do(control, "PUT", f"{chat}/block")
    assert (await do(control, "GET", chat))["blocked"] is True
    await do(control, "DELETE", f"{chat}/block")
    assert (await do(control, "GET", chat))["blocked"] is False


async def test_groups_and_bots_can_be_made_over_http(control: httpx.AsyncClient) -> None:
    ana = await do(control, "POST", "/people", {"first_name": "Ana", "id": 77})
    added = await do(control, "POST", "/bots", {"username": "second_bot", "token": "42:second"})
    assert added == {"id": 42, "username": "second_bot", "token": "42:second"}
    group = await do(control, "POST", "/groups", {"title": "Team", "people": [77]})
    await do(control, "POST", f"/people/77/chats/{group['id']}/messages", {"text": "all?"})
    state = await do(control, "GET", "/state")
    assert state["people"] == [ana]
    assert state["groups"] == [{"id": group["id"], "title": "Team", "people": [77]}]
    assert [bot["username"] for bot in state["bots"]] == ["example_bot", "second_bot"]
    assert "second" not in re.sub("second_bot", "", str(state)), "tokens are not listed"


async def test_state_waits_for_a_change(
    control: httpx.AsyncClient, simulator: TelegramSimulator
) -> None:
    version = (await do(control, "GET", "/state"))["version"]
    waiting = asyncio.create_task(do(control, "GET", f"/state?since={version}&wait=20"))
    unchanged = await do(control, "GET", f"/state?since={version}&wait=0.05")
    assert unchanged["version"] == version
    assert not waiting.done()
    simulator.add_person("Ana")
    assert len((await asyncio.wait_for(waiting, 5))["people"]) == 1


async def test_misbehaviour_can_be_asked_for_over_http(
    control: httpx.AsyncClient, bot: httpx.AsyncClient
) -> None:
    fault = {"kind": "too_many_requests", "method": "getMe", "retry_after": 9, "times": 2}
    await do(control, "POST", "/faults", fault)
    assert (await bot.get("getMe")).json()["parameters"] == {"retry_after": 9}
    [left] = await do(control, "GET", "/faults")
    assert left["times"] == 1
    await do(control, "DELETE", "/faults")
    assert (await bot.get("getMe")).status_code == 200
    await do(control, "POST", "/people", {"first_name": "Ana", "id": 77})
    await do(control, "POST", "/people/77/chats/bot/start", {})
    await do(control, "PUT", "/limits", {})
    statuses = [await bot.post("sendMessage", json={"chat_id": 77, "text": "x"}) for _ in "ab"]
    assert [answer.status_code for answer in statuses] == [200, 429]
    await do(control, "DELETE", "/limits")
    assert (await bot.post("sendMessage", json={"chat_id": 77, "text": "x"})).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/nothing", None, 404),
        ("PUT", "/people", {}, 404),
        ("GET", "/people/9/chats/bot", None, 404),
        ("GET", "/people/501/chats/9", None, 404),
        ("POST", "/people", {}, 400),
        ("POST", "/people", {"first_name": ""}, 400),
        ("POST", "/people", {"first_name": "A", "shoe_size": 44}, 400),
        ("POST", "/people", "Ana", 400),
        ("POST", "/groups", {"title": "T", "people": []}, 400),
        ("POST", "/bots", {"username": "b", "token": "nonsense"}, 400),
        ("POST", "/faults", {"kind": "earthquake"}, 400),
        ("POST", "/people/501/chats/bot/messages", {}, 400),
        ("POST", "/people/501/chats/bot/messages", {"text": "x", "reply_to": 9}, 404),
        ("GET", "/state?since=x", None, 400),
    ],
)
async def test_a_wrong_request_says_what_is_wrong(
    control: httpx.AsyncClient, ana: object, method: str, path: str, body: Any, status: int
) -> None:
    answer = await control.request(method, path, json=body)
    assert answer.status_code == status
    assert answer.json()["error"]


async def test_the_page_needs_nothing_from_outside(server: SimulatorServer) -> None:
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
        page = await client.get("/")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "unsafe" not in page.headers["content-security-policy"]
        links = re.findall(r'(?:src|href)="([^"]*)"', page.text)
        assert links == ["data:,", "phone.css", "phone.js"]
        for name, kind in (("/phone.css", "text/css"), ("/phone.js", "text/javascript")):
            part = await client.get(name)
            assert part.status_code == 200
            assert part.headers["content-type"].startswith(kind)
            assert "//" not in re.sub(r"(?m)//[^/].*$", "", part.text)
