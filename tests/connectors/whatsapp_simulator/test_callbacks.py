"""How callbacks come: proven, repeated until taken, and badly when a test says so."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chat4all.testing.whatsapp import (
    ChallengeFailed,
    Fault,
    FaultKind,
    Number,
    Phone,
    WhatsAppSimulator,
    signature,
)


async def test_an_address_that_does_not_answer_the_challenge_is_not_called(
    simulator: WhatsAppSimulator, listener: Any, number: Number
) -> None:
    with pytest.raises(ChallengeFailed):
        await simulator.subscribe(number, listener.url, "another token")
    with pytest.raises(ChallengeFailed):
        await simulator.subscribe(number, "http://127.0.0.1:9/")
    assert number.callback_url == listener.url


async def test_the_api_sets_the_address(shop: Any, listener: Any, number: Number) -> None:
    url = str(shop.http.base_url).replace(number.phone_number_id, number.business_account_id)
    asked = {"override_callback_uri": listener.url, "verify_token": "wrong"}
    refused = await shop.http.post(url + "subscribed_apps", json=asked)
    assert refused.json()["error"]["code"] == 2200
    asked["verify_token"] = number.verify_token
    taken = await shop.http.post(url + "subscribed_apps", json=asked)
    assert taken.json() == {"success": True}
    await shop.http.delete(url + "subscribed_apps")
    assert number.callback_url is None


async def test_a_callback_is_signed(
    simulator: WhatsAppSimulator, listener: Any, number: Number, ana: Phone
) -> None:
    ana.write("Oi")
    assert await simulator.told()
    assert listener.signatures == [signature(number.app_secret, listener.bodies[0])]


async def test_what_people_do_is_told_in_order(
    simulator: WhatsAppSimulator, listener: Any, ana: Phone
) -> None:
    first = ana.write("Oi")
    ana.write("Resposta", reply_to=first)
    ana.react(first, "👍")
    ana.react(first, None)
    ana.edit(first, "Olá")
    ana.delete(first)
    ana.send_location(1.0, 2.0, name="Farol")
    ana.send_contact("Bia", "+5571988880000")
    ana.send_media("image", b"\xff\xd8\xff...", caption="Mar")
    assert await simulator.told()
    messages = [value["messages"][0] for value in listener.values]
    kinds = "text text reaction reaction edit revoke location contacts image"
    assert [message["type"] for message in messages] == kinds.split()
    assert messages[1]["context"]["id"] == first
    assert messages[2]["reaction"] == {"message_id": first, "emoji": "👍"}
    assert messages[3]["reaction"] == {"message_id": first}
    assert messages[5]["revoke"] == {"original_message_id": first}
    assert listener.values[0]["contacts"][0]["profile"] == {"name": "Ana Lima"}


async def test_a_refused_callback_is_repeated_and_keeps_the_order(
    simulator: WhatsAppSimulator, listener: Any, ana: Phone
) -> None:
    listener.answers = [500, 401, 500]
    ana.write("one")
    ana.write("two")
    assert await simulator.told()
    assert listener.texts == ["one", "two"]


async def test_what_happened_before_there_was_an_address_waits(
    simulator: WhatsAppSimulator, listener: Any, number: Number, ana: Phone
) -> None:
    await simulator.subscribe(number, None)
    ana.write("early")
    assert not await simulator.told(within=0.05)
    await simulator.subscribe(number, listener.url)
    assert await simulator.told()
    assert listener.texts == ["early"]


@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        (FaultKind.LOST_CALLBACK, ["two"]),
        (FaultKind.DUPLICATE_CALLBACK, ["one", "one", "two"]),
        (FaultKind.LATE_CALLBACK, ["two", "one"]),
    ],
)
async def test_callbacks_go_wrong_as_told(
    simulator: WhatsAppSimulator, listener: Any, ana: Phone, kind: FaultKind, texts: list[str]
) -> None:
    simulator.faults.add(Fault(kind=kind))
    ana.write("one")
    ana.write("two")
    assert await simulator.told()
    assert listener.texts == texts


async def test_one_callback_can_tell_several_things(
    simulator: WhatsAppSimulator, listener: Any, number: Number, ana: Phone
) -> None:
    simulator.network.queues[number.phone_number_id].batch = 3
    simulator.pause_callbacks(number)
    for words in ("one", "two", "three", "four"):
        ana.write(words)
    simulator.pause_callbacks(number, paused=False)
    assert await simulator.told()
    assert listener.texts == ["one", "two", "three", "four"]
    assert [len(json.loads(body)["entry"]) for body in listener.bodies] == [3, 1]
