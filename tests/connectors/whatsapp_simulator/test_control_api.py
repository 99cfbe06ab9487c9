"""The people played over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from chat4all.testing.whatsapp import Phone, SimulatorServer


@pytest.fixture
async def people(server: SimulatorServer) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"{server.url}/sim/", trust_env=False) as http:
        yield http


async def test_a_person_is_played(people: httpx.AsyncClient, shop: Any, listener: Any) -> None:
    new = (await people.post("people", json={"name": "Bia"})).json()
    me = f"people/{new['phone']}"
    first = (await people.post(f"{me}/messages", json={"text": "Oi"})).json()["message_id"]
    await people.post(f"{me}/messages", json={"location": {"latitude": 1, "longitude": 2}})
    await people.post(f"{me}/messages", json={"contact": {"name": "Ana", "phone": "+55"}})
    picture = {"kind": "image", "data": "/9j/Li4u", "caption": "Mar"}
    await people.post(f"{me}/messages", json={"media": picture})
    await people.post(f"{me}/reactions", json={"message_id": first, "emoji": "👍"})
    await people.post(f"{me}/edits", json={"message_id": first, "text": "Olá"})
    await people.delete(f"{me}/online")
    sent = await shop.sent(new["phone"])
    await people.put(f"{me}/online")
    await people.post(f"{me}/read")
    await listener.until(lambda: (sent, "read") in listener.statuses)
    shown = (await people.get(f"{me}/chat")).json()
    kinds = [message["kind"] for message in shown["messages"]]
    assert kinds == ["text", "location", "contacts", "image", "text"]
    assert shown["messages"][0]["reactions"] == {"person": "👍"}
    assert shown["messages"][0]["text"] == "Olá"
    await people.post(f"{me}/deletions", json={"message_id": first})
    await people.put(f"{me}/block")
    shown = (await people.get(f"{me}/chat")).json()
    assert (len(shown["messages"]), shown["blocked"]) == (4, True)
    await people.delete(f"{me}/block")


async def test_misbehaviour_is_switched_over_http(people: httpx.AsyncClient) -> None:
    assert (await people.post("faults", json={"kind": "lost_callback"})).json() == {"ok": True}
    assert [one["kind"] for one in (await people.get("faults")).json()] == ["lost_callback"]
    await people.delete("faults")
    assert (await people.get("faults")).json() == []
    assert (await people.put("limits", json={})).json() == {"ok": True}
    assert (await people.delete("limits")).json() == {"ok": True}


async def test_the_callback_address_is_set_over_http(
    people: httpx.AsyncClient, listener: Any
) -> None:
    await people.put("callback", json={"url": None})
    assert (await people.get("state")).json()["numbers"][0]["callback_url"] is None
    await people.put("callback", json={"url": listener.url})
    state = (await people.get("state")).json()
    assert state["numbers"][0]["callback_url"] == listener.url
    assert "access_token" not in str(state)


async def test_what_makes_no_sense_is_refused(people: httpx.AsyncClient, ana: Phone) -> None:
    me = f"people/{ana.owner.phone}"
    assert (await people.get("nothing")).status_code == 404
    assert (await people.get("people/999/chat")).status_code == 404
    assert (await people.post(f"{me}/messages", json={"text": " "})).status_code == 400
    assert (await people.post(f"{me}/messages", json={"colour": "red"})).status_code == 400
    assert (await people.post(f"{me}/messages", content=b"{")).status_code == 400
    gone = {"text": "x", "reply_to": "wamid.no"}
    assert (await people.post(f"{me}/messages", json=gone)).status_code == 404
    dead = {"url": "http://127.0.0.1:9/"}
    assert (await people.put("callback", json=dead)).status_code == 400
