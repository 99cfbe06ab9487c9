"""Misbehaviour on demand, at random, and rate limits."""

from __future__ import annotations

import random
import time
from typing import Any

import httpx
import pytest

from chat4all.testing.telegram import (
    Fault,
    FaultKind,
    ManualClock,
    Phone,
    RateLimits,
    TelegramSimulator,
)
from chat4all.testing.telegram.faults import FaultPlan


async def send(bot: httpx.AsyncClient, chat_id: int = 501) -> httpx.Response:
    return await bot.post("sendMessage", json={"chat_id": chat_id, "text": "x"})


async def test_the_next_calls_are_too_many(
    bot: httpx.AsyncClient, ana: Phone, simulator: TelegramSimulator
) -> None:
    ana.start()
    fault = Fault(kind=FaultKind.TOO_MANY_REQUESTS, method="sendMessage", times=2, retry_after=17)
    simulator.faults.add(fault)
    assert (await bot.get("getMe")).status_code == 200
    for _ in range(2):
        answer = await send(bot)
        assert answer.status_code == 429
        assert answer.headers["retry-after"] == "17"
        assert answer.json() == {
            "ok": False,
            "error_code": 429,
            "description": "Too Many Requests: retry after 17",
            "parameters": {"retry_after": 17},
        }
    assert (await send(bot)).status_code == 200
    assert len(ana.view().texts) == 2


async def test_a_server_error_has_no_effect(
    bot: httpx.AsyncClient, ana: Phone, simulator: TelegramSimulator
) -> None:
    ana.start()
    simulator.faults.add(Fault(kind=FaultKind.SERVER_ERROR))
    answer = await send(bot)
    assert answer.status_code == 500
    assert answer.json()["description"] == "Internal Server Error"
    assert ana.view().texts == ["/start"]


@pytest.mark.parametrize(
    ("kind", "seen"),
    [(FaultKind.LOST_ANSWER, ["/start", "x"]), (FaultKind.LOST_REQUEST, ["/start"])],
)
async def test_a_connection_is_cut_before_or_after_the_effect(
    bot: httpx.AsyncClient,
    ana: Phone,
    simulator: TelegramSimulator,
    kind: FaultKind,
    seen: list[str],
) -> None:
    ana.start()
    simulator.faults.add(Fault(kind=kind, method="sendMessage"))
    with pytest.raises(httpx.RemoteProtocolError):
        await send(bot)
    assert ana.view().texts == seen
    assert (await send(bot)).status_code == 200


async def test_a_delayed_call_is_done_late(
    bot: httpx.AsyncClient, ana: Phone, simulator: TelegramSimulator
) -> None:
    ana.start()
    simulator.faults.add(Fault(kind=FaultKind.DELAY, seconds=0.2))
    began = time.monotonic()
    assert (await send(bot)).status_code == 200
    assert time.monotonic() - began >= 0.2


def taken(seed: int, **rule: Any) -> list[bool]:
    plan = FaultPlan(random.Random(seed))  # noqa: S311 - no secret, has to repeat
    plan.add(Fault(kind=FaultKind.SERVER_ERROR, **rule))
    return [plan.take("sendMessage") is not None for _ in range(200)]


def test_random_faults_repeat_with_the_seed() -> None:
    first = taken(7, times=None, probability=0.3)
    assert first == taken(7, times=None, probability=0.3)
    assert first != taken(8, times=None, probability=0.3)
    assert 30 < sum(first) < 90


def test_a_fault_without_end_lasts_until_cleared() -> None:
    assert all(taken(0, times=None))
    assert sum(taken(0, times=3)) == 3
    assert sum(taken(0, times=3, method="getMe")) == 0


async def test_a_chat_takes_one_message_a_second(
    bot: httpx.AsyncClient, ana: Phone, simulator: TelegramSimulator, clock: ManualClock
) -> None:
    simulator.limiter.limits = RateLimits()
    bruno = simulator.add_person("Bruno")
    ana.start()
    bruno.start()
    assert (await send(bot)).status_code == 200
    clock.now += 0.9
    answer = await send(bot)
    assert (answer.status_code, answer.json()["parameters"]) == (429, {"retry_after": 1})
    assert (await send(bot, bruno.owner.id)).status_code == 200
    clock.now += 0.1
    assert (await send(bot)).status_code == 200


async def test_all_chats_together_take_thirty_a_second(
    bot: httpx.AsyncClient, simulator: TelegramSimulator, clock: ManualClock
) -> None:
    simulator.limiter.limits = RateLimits()
    people = [simulator.add_person(f"P{number}") for number in range(31)]
    for person in people:
        person.start()
    statuses = [(await send(bot, person.owner.id)).status_code for person in people]
    assert statuses == [200] * 30 + [429]
    clock.now += 1
    assert (await send(bot, people[-1].owner.id)).status_code == 200


async def test_a_group_takes_twenty_a_minute(
    bot: httpx.AsyncClient, ana: Phone, simulator: TelegramSimulator, clock: ManualClock
) -> None:
    simulator.limiter.limits = RateLimits()
    group = simulator.add_group("Team", [ana])
    for _ in range(20):
        assert (await send(bot, group)).status_code == 200
        clock.now += 1
    answer = await send(bot, group)
    assert answer.json()["parameters"] == {"retry_after": 40}
    clock.now += 40
    assert (await send(bot, group)).status_code == 200


async def test_the_minute_of_groups_does_not_hold_for_a_person(
    bot: httpx.AsyncClient, ana: Phone, simulator: TelegramSimulator, clock: ManualClock
) -> None:
    simulator.limiter.limits = RateLimits()
    ana.start()
    for _ in range(21):
        assert (await send(bot)).status_code == 200
        clock.now += 1


async def test_a_refused_message_does_not_count(
    bot: httpx.AsyncClient, ana: Phone, simulator: TelegramSimulator
) -> None:
    simulator.limiter.limits = RateLimits()
    ana.start()
    assert (await bot.post("sendMessage", json={"chat_id": 501})).status_code == 400
    assert (await send(bot)).status_code == 200
