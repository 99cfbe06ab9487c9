"""A WhatsApp number of the running product, from a stranger's message to the read receipt."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from chat4all.testing.whatsapp import (
    SIGNATURE_HEADER,
    ChallengeFailed,
    Fault,
    FaultKind,
    Phone,
)
from tests.e2e.whatsapp_shop import Shop, open_shop

PATIENCE = 60.0
BOTH = {"delivered", "failed"}
NOBODY = "0190f8a0-0000-7000-8000-000000000000"


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(tmp_path) as shop:
        yield shop


async def until(ask: Callable[[], Any], wanted: Callable[[Any], bool]) -> Any:
    """Ask until the answer is as wanted, which is then returned."""
    answer: Any = None
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                answer = await ask()
                if wanted(answer):
                    return answer
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"not as wanted: {answer}") from None


async def test_a_stranger_writes_and_the_answer_is_read(shop: Shop) -> None:
    ana = shop.whatsapp.simulator.add_person("Ana Lima")
    question = ana.write("Do you open on Sunday?")
    found = await until(lambda: shop.owner.get("conversations"), lambda found: found["items"])
    conversation = found["items"][0]["id"]
    path = f"conversations/{conversation}/messages"
    said = (await until(lambda: shop.owner.get(path), lambda page: page["items"]))["items"]
    assert [one["payload"]["text"] for one in said] == ["Do you open on Sunday?"]

    answer = {"conversation_id": conversation, "reply_to": said[0]["message_id"]}
    [sent] = await _say(shop, answer, {"type": "text", "text": "From ten to two."})
    view = await ana.wait_for(lambda chat: "From ten to two." in chat.texts, within=PATIENCE)
    assert view.messages[-1].reply_to == question
    await until(lambda: _status(shop, sent), lambda status: status == "delivered")
    ana.read()
    await until(lambda: _status(shop, sent), lambda status: status == "read")

    ana.react(view.messages[-1].id, "❤️")
    ana.send_location(-12.97, -38.51, name="Farol")
    heard = await until(
        lambda: shop.owner.get(path),
        lambda page: any(one["payload"]["type"] == "location" for one in page["items"]),
    )
    place = next(one["payload"] for one in heard["items"] if one["payload"]["type"] == "location")
    assert (place["latitude"], place["longitude"], place["name"]) == (-12.97, -38.51, "Farol")
    liked = next(one for one in heard["items"] if one["message_id"] == sent)
    assert [one["emoji"] for one in liked["reactions"]] == ["❤️"]


async def test_outside_of_the_window_a_template_reaches_them_and_opens_the_way(
    shop: Shop,
) -> None:
    simulator = shop.whatsapp.simulator
    simulator.add_template(shop.number, "reminder", "pt_BR", "Olá {{1}}, até {{2}}!")
    bruno = simulator.add_person("Bruno", phone="5571977770000")
    chat = {"conversation_id": await _private_chat(shop, bruno)}
    text = {"type": "text", "text": "Hi"}
    [refused] = await _outcomes(shop, chat, text)
    assert refused["problem"]["code"] == "session_window_closed"
    assert [one["name"] for one in refused["problem"]["templates"]] == ["reminder"]
    assert bruno.view().texts == []

    template = {"type": "template", "name": "reminder", "language": "pt_BR"}
    [sent] = await _say(shop, chat, {**template, "parameters": ["Bruno", "amanhã"]})
    await bruno.wait_for(lambda chat: chat.texts == ["Olá Bruno, até amanhã!"], within=PATIENCE)
    await until(lambda: _status(shop, sent), lambda status: status == "delivered")
    assert (await _outcomes(shop, chat, text))[0]["status"] == 409, "only their answer opens it"

    bruno.write("Oi")
    await until(lambda: _outcomes(shop, chat, text), lambda taken: taken[0]["status"] == 202)
    await bruno.wait_for(lambda chat: "Hi" in chat.texts, within=PATIENCE)


async def test_who_is_not_reached_in_a_group_fails_with_what_would_do(shop: Shop) -> None:
    simulator = shop.whatsapp.simulator
    simulator.add_template(shop.number, "reminder", "en", "See you at {{1}}")
    ana, bruno = simulator.add_person("Ana Lima"), simulator.add_person("Bruno")
    ana.write("Oi")
    found = await until(lambda: shop.owner.get("conversations"), lambda found: found["items"])
    members = found["items"][0]["members"]
    [here] = [one["user_id"] for one in members if one["kind"] == "contact"]
    there = await _contact(shop, bruno)
    body = {"type": "group", "name": "Both", "member_ids": [here, there]}
    group = {"conversation_id": (await shop.owner.post("conversations", body))["id"]}
    [sent] = await _say(shop, group, {"type": "text", "text": "At noon?"})

    async def told() -> Any:
        status = await shop.owner.get(f"messages/{sent}/status")
        return {one["user_id"]: one for one in status["recipients"]}

    reached = await until(told, lambda seen: {one["status"] for one in seen.values()} == BOTH)
    assert reached[here]["status"] == "delivered"
    assert reached[there]["error"]["code"] == "session_window_closed"
    assert "reminder (en)" in reached[there]["error"]["text"]
    assert bruno.view().texts == []


async def test_repeated_and_late_callbacks_change_nothing(shop: Shop) -> None:
    simulator = shop.whatsapp.simulator
    carla = simulator.add_person("Carla")
    simulator.faults.add(Fault(kind=FaultKind.DUPLICATE_CALLBACK, times=2))
    simulator.faults.add(Fault(kind=FaultKind.LATE_CALLBACK, times=1))
    for words in ("one", "two", "three", "four"):
        carla.write(words)
    assert await simulator.told(within=PATIENCE)
    found = await until(lambda: shop.owner.get("conversations"), lambda found: found["items"])
    path = f"conversations/{found['items'][0]['id']}/messages"
    page = await until(lambda: shop.owner.get(path), lambda page: len(page["items"]) >= 4)
    texts = sorted(one["payload"]["text"] for one in page["items"])
    assert texts == ["four", "one", "three", "two"]


async def test_forged_callbacks_and_unknown_accounts_are_refused(shop: Shop) -> None:
    body = b'{"object":"whatsapp_business_account","entry":[]}'
    unknown = f"{shop.url}/v1/webhooks/whatsapp/{NOBODY}"
    async with httpx.AsyncClient(trust_env=False) as http:
        forged = await http.post(
            shop.callback_url, content=body, headers={SIGNATURE_HEADER: "sha256=" + "0" * 64}
        )
        assert forged.status_code == httpx.codes.UNAUTHORIZED
        assert (await http.post(shop.callback_url, content=body)).status_code == 401
        assert (await http.post(unknown, content=body)).status_code == 404
        assert (await http.get(unknown)).status_code == 404
        asked = {"hub.mode": "subscribe", "hub.challenge": "1", "hub.verify_token": "guessed"}
        assert (await http.get(shop.callback_url, params=asked)).status_code == 401
    with pytest.raises(ChallengeFailed):
        await shop.whatsapp.simulator.subscribe(shop.number, shop.callback_url, "guessed")


async def _contact(shop: Shop, phone: Phone) -> str:
    channel = {"platform": "whatsapp", "external_id": phone.owner.phone}
    body = {"display_name": phone.owner.name, "channels": [channel]}
    contact: str = (await shop.owner.post("contacts", body))["id"]
    return contact


async def _private_chat(shop: Shop, phone: Phone) -> str:
    body = {"type": "private", "member_ids": [await _contact(shop, phone)]}
    chat: str = (await shop.owner.post("conversations", body))["id"]
    return chat


async def _outcomes(shop: Shop, about: dict[str, Any], payload: dict[str, Any]) -> list[Any]:
    message = {**about, "payload": payload}
    taken = await shop.owner.post("messages/batch", {"messages": [message]})
    outcomes: list[Any] = taken["items"]
    return outcomes


async def _say(shop: Shop, about: dict[str, Any], payload: dict[str, Any]) -> list[str]:
    return [one["message_id"] for one in await _outcomes(shop, about, payload)]


async def _status(shop: Shop, message: str) -> str:
    status: str = (await shop.owner.get(f"messages/{message}/status"))["status"]
    return status
