"""What the people do, and which updates bots get from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from chat4all.testing.telegram import (
    Contact,
    Location,
    ManualClock,
    NoSuchParticipant,
    Phone,
    SimulationError,
    TelegramSimulator,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def bot(simulator: TelegramSimulator, token: str) -> AsyncIterator[httpx.AsyncClient]:
    """As in conftest, but without a port, which nothing here needs."""
    transport = httpx.ASGITransport(simulator.app())
    base_url = f"http://telegram.test/bot{token}/"
    async with httpx.AsyncClient(transport=transport, base_url=base_url) as client:
        yield client


async def updates(bot: httpx.AsyncClient) -> list[dict[str, Any]]:
    answer = await bot.post("getUpdates", json={})
    found: list[dict[str, Any]] = answer.json()["result"]
    return found


async def test_a_start_link_carries_its_payload(bot: httpx.AsyncClient, ana: Phone) -> None:
    ana.start("code-42")
    [update] = await updates(bot)
    assert update["message"]["text"] == "/start code-42"
    assert update["message"]["entities"] == [{"type": "bot_command", "offset": 0, "length": 6}]
    assert update["message"]["from"] == {
        "id": 501,
        "is_bot": False,
        "first_name": "Ana",
        "last_name": "Lima",
        "username": "ana",
        "language_code": "en",
    }


async def test_an_edit_is_an_update_of_its_own(
    bot: httpx.AsyncClient, ana: Phone, clock: ManualClock
) -> None:
    message = ana.write("one")
    clock.now += 7
    ana.edit(message, "two")
    [sent, edited] = await updates(bot)
    assert sent["message"]["text"] == "one"
    assert edited["edited_message"]["text"] == "two"
    assert edited["edited_message"]["edit_date"] == edited["edited_message"]["date"] + 7


async def test_replies_places_and_contacts_arrive(bot: httpx.AsyncClient, ana: Phone) -> None:
    first = ana.write("where?")
    ana.send_location(Location(latitude=1.5, longitude=-2.5), reply_to=first)
    ana.send_contact(Contact(phone_number="+55", first_name="Carla", user_id=7))
    [_, place, card] = [update["message"] for update in await updates(bot)]
    assert place["location"] == {"latitude": 1.5, "longitude": -2.5}
    assert place["reply_to_message"]["text"] == "where?"
    assert card["contact"] == {"phone_number": "+55", "first_name": "Carla", "user_id": 7}


async def test_blocking_is_told_and_starting_again_unblocks(
    bot: httpx.AsyncClient, ana: Phone
) -> None:
    ana.start()
    ana.block()
    ana.block()
    assert ana.view().blocked
    with pytest.raises(SimulationError, match="unblock it first"):
        ana.write("x")
    ana.start()
    assert not ana.view().blocked
    [_, blocked, unblocked, start] = await updates(bot)
    assert blocked["my_chat_member"]["old_chat_member"]["status"] == "member"
    assert blocked["my_chat_member"]["new_chat_member"]["status"] == "kicked"
    assert unblocked["my_chat_member"]["new_chat_member"]["status"] == "member"
    assert start["message"]["text"] == "/start"


async def test_a_group_is_heard_by_its_bots_and_seen_by_its_people(
    bot: httpx.AsyncClient, simulator: TelegramSimulator, ana: Phone
) -> None:
    bruno = simulator.add_person("Bruno")
    group = simulator.add_group("Team", [ana, bruno])
    bruno.write("hello all", to=group)
    [joined, said] = await updates(bot)
    assert joined["my_chat_member"]["new_chat_member"]["status"] == "administrator"
    assert said["message"]["chat"] == {"id": group, "type": "group", "title": "Team"}
    assert said["message"]["from"]["first_name"] == "Bruno"
    assert group < 0
    answer = await bot.post("sendMessage", json={"chat_id": group, "text": "welcome"})
    assert answer.status_code == 200
    assert ana.view(group).texts == ["hello all", "welcome"]
    assert [message.mine for message in bruno.view(group).messages] == [True, False]
    assert group in ana.chats()


async def test_bots_do_not_hear_bots(
    bot: httpx.AsyncClient, simulator: TelegramSimulator, ana: Phone
) -> None:
    other = simulator.network.add_bot("other_bot")
    group = simulator.add_group("Team", [ana])
    await bot.post("sendMessage", json={"chat_id": group, "text": "anybody?"})
    assert ana.view(group).texts == ["anybody?"]
    assert [update for update in await updates(bot) if "message" in update] == []
    assert len(other.updates) == 1, "that it joined"


async def test_people_cannot_do_what_the_app_does_not_offer(
    simulator: TelegramSimulator, token: str, ana: Phone
) -> None:
    bruno = simulator.add_person("Bruno")
    group = simulator.add_group("Two", [ana, bruno])
    message = bruno.write("mine", to=group)
    place = ana.send_location(Location(latitude=0, longitude=0), to=group)
    with pytest.raises(SimulationError, match="somebody else"):
        ana.edit(message, "x", to=group)
    with pytest.raises(SimulationError, match="other words"):
        bruno.edit(message, "mine", to=group)
    with pytest.raises(SimulationError, match="other words"):
        ana.edit(place, "x", to=group)
    with pytest.raises(SimulationError, match="no such reaction"):
        ana.react(message, "🧯", to=group)
    with pytest.raises(SimulationError, match="no such place"):
        ana.send_location(Location(latitude=91, longitude=0), to=group)
    for text in ("", "x" * 4097, "\ud800"):
        with pytest.raises(SimulationError, match="does not send"):
            ana.write(text, to=group)
    with pytest.raises(NoSuchParticipant):
        ana.write("x", to=group, reply_to=77)
    with pytest.raises(NoSuchParticipant):
        ana.write("x", to=-1)
    with pytest.raises(NoSuchParticipant):
        ana.write("x", to=12345)


async def test_deleting_an_own_message_tells_bots_nothing(
    bot: httpx.AsyncClient, ana: Phone
) -> None:
    message = ana.write("oops")
    ana.delete(message)
    assert ana.view().texts == []
    assert len(await updates(bot)) == 1
    reply = {"chat_id": 501, "text": "x", "reply_parameters": {"message_id": message}}
    answer = await bot.post("sendMessage", json=reply)
    assert answer.json()["description"] == "Bad Request: message to be replied not found"


async def test_a_phone_can_wait_for_what_it_is_to_show(bot: httpx.AsyncClient, ana: Phone) -> None:
    ana.start()
    await bot.post("sendMessage", json={"chat_id": 501, "text": "Welcome!"})
    view = await ana.wait_for(lambda chat: "Welcome!" in chat.texts)
    assert view.messages[-1].sender == "example_bot"
    with pytest.raises(TimeoutError, match="Ana Lima still sees"):
        await ana.wait_for(lambda chat: chat.blocked, within=0.01)


def test_looking_at_a_bot_does_not_let_it_write(
    simulator: TelegramSimulator, token: str, ana: Phone
) -> None:
    assert ana.view().messages == ()
    bot = next(iter(simulator.network.bots.values()))
    assert simulator.network.chat_of_bot(bot, 501) is None


def test_a_name_for_the_chat_is_needed_with_several_bots(
    simulator: TelegramSimulator, token: str, ana: Phone
) -> None:
    simulator.add_bot("other_bot")
    with pytest.raises(NoSuchParticipant, match="not exactly one bot"):
        ana.write("to whom?")


def test_tokens_have_telegrams_shape_and_follow_the_seed() -> None:
    first = [TelegramSimulator(seed=1).add_bot("a_bot") for _ in range(2)]
    assert first[0] == first[1] != TelegramSimulator(seed=2).add_bot("a_bot")
    number, _, secret = first[0].partition(":")
    assert number.isdigit()
    assert secret.startswith("AA")
    assert len(secret) == 35


@pytest.mark.parametrize("token", ["nonsense", "abc:def", "12:", ":x"])
def test_a_token_of_another_shape_is_refused(token: str) -> None:
    with pytest.raises(SimulationError, match="123456:AA"):
        TelegramSimulator().add_bot("a_bot", token=token)


def test_ids_are_not_given_twice(simulator: TelegramSimulator, ana: Phone) -> None:
    with pytest.raises(SimulationError, match="taken"):
        simulator.add_person("Other", id=501)
    with pytest.raises(SimulationError, match="taken"):
        simulator.add_bot("a_bot", token="501:x")
    assert simulator.phone(501).owner is ana.owner
    with pytest.raises(NoSuchParticipant):
        simulator.phone(502)
