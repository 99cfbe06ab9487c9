"""getUpdates: offsets, limits, long polls and conflicts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from chat4all.testing.telegram import Phone, SimulatorServer, TelegramSimulator


async def updates(bot: httpx.AsyncClient, **parameters: Any) -> list[dict[str, Any]]:
    answer = await bot.post("getUpdates", json=parameters)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["result"]
    return found


def texts(found: list[dict[str, Any]]) -> list[str]:
    return [update["message"]["text"] for update in found]


async def being_polled(simulator: TelegramSimulator) -> None:
    [bot] = simulator.network.bots.values()
    assert await simulator.network.changes.until(lambda: bot.updates.being_polled, within=30)


async def test_updates_stay_until_an_offset_confirms_them(
    bot: httpx.AsyncClient, ana: Phone
) -> None:
    for text in ("one", "two", "three"):
        ana.write(text)
    first = await updates(bot)
    assert texts(first) == ["one", "two", "three"]
    ids = [update["update_id"] for update in first]
    assert ids == [ids[0], ids[0] + 1, ids[0] + 2]
    assert texts(await updates(bot, offset=ids[1])) == ["two", "three"]
    assert texts(await updates(bot)) == ["two", "three"]
    assert await updates(bot, offset=ids[2] + 1) == []
    ana.write("four")
    [last] = await updates(bot, offset=0)
    assert last["update_id"] == ids[2] + 1


async def test_a_negative_offset_keeps_only_the_last(bot: httpx.AsyncClient, ana: Phone) -> None:
    for text in ("one", "two", "three"):
        ana.write(text)
    assert texts(await updates(bot, offset=-2)) == ["two", "three"]
    assert texts(await updates(bot)) == ["two", "three"]
    assert texts(await updates(bot, offset=-1)) == ["three"]


@pytest.mark.parametrize(("limit", "most"), [(1, 1), (0, 1), (100, 100), (500, 100), ("x", 100)])
async def test_a_limit_is_forced_into_1_to_100(
    bot: httpx.AsyncClient, ana: Phone, limit: object, most: int
) -> None:
    for number in range(101):
        ana.write(str(number))
    assert texts(await updates(bot, limit=limit)) == [str(number) for number in range(most)]


async def test_a_long_poll_answers_as_soon_as_something_happens(
    bot: httpx.AsyncClient, ana: Phone, simulator: TelegramSimulator
) -> None:
    poll = asyncio.create_task(updates(bot, timeout=30))
    await being_polled(simulator)
    assert not poll.done()
    ana.write("now")
    assert texts(await asyncio.wait_for(poll, 5)) == ["now"]


async def test_a_long_poll_ends_empty_after_its_timeout(bot: httpx.AsyncClient) -> None:
    assert await updates(bot, timeout=1) == []


async def test_a_second_poll_ends_the_first_with_a_conflict(
    bot: httpx.AsyncClient, ana: Phone, simulator: TelegramSimulator
) -> None:
    first = asyncio.create_task(bot.post("getUpdates", json={"timeout": 30}))
    await being_polled(simulator)
    second = asyncio.create_task(updates(bot, timeout=30))
    answer = await asyncio.wait_for(first, 5)
    assert answer.status_code == 409
    assert answer.json()["description"] == (
        "Conflict: terminated by other getUpdates request;"
        " make sure that only one bot instance is running"
    )
    ana.write("for the second")
    assert texts(await asyncio.wait_for(second, 5)) == ["for the second"]


async def test_nothing_is_lost_to_a_client_that_hung_up(bot: httpx.AsyncClient, ana: Phone) -> None:
    with pytest.raises(httpx.ReadTimeout):
        await bot.post("getUpdates", json={"timeout": 30}, timeout=0.1)
    ana.write("while nobody listened")
    assert texts(await updates(bot)) == ["while nobody listened"]


async def test_allowed_updates_hold_for_what_happens_later(
    bot: httpx.AsyncClient, ana: Phone
) -> None:
    message = ana.write("one")
    ana.react(message, "👍")
    await updates(bot, allowed_updates=["message_reaction"])
    ana.write("not wanted")
    ana.react(message, "🔥")
    [first, reaction] = await updates(bot)
    assert first["message"]["text"] == "one"
    assert reaction["message_reaction"]["old_reaction"] == [{"type": "emoji", "emoji": "👍"}]
    assert reaction["message_reaction"]["new_reaction"] == [{"type": "emoji", "emoji": "🔥"}]
    info = (await bot.get("getWebhookInfo")).json()["result"]
    assert info["allowed_updates"] == ["message_reaction"]
    await updates(bot, allowed_updates=[])
    ana.react(message, None)
    ana.write("wanted again")
    assert texts((await updates(bot))[2:]) == ["wanted again"]


async def test_broken_allowed_updates_are_a_bad_request(bot: httpx.AsyncClient) -> None:
    answer = await bot.post("getUpdates", json={"allowed_updates": {"a": 1}})
    assert answer.status_code == 400


async def test_each_bot_has_its_own_updates(
    bot: httpx.AsyncClient, simulator: TelegramSimulator, server: SimulatorServer, ana: Phone
) -> None:
    other = simulator.add_bot("other_bot", token="42:other")
    ana.write("for 42", to=42)
    assert await updates(bot) == []
    async with httpx.AsyncClient(base_url=f"{server.url}/bot{other}/", trust_env=False) as client:
        assert texts(await updates(client)) == ["for 42"]
