"""Who comes in takes turns with everybody else on the event loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from typing import Self

from chat4all.domain.errors import Unavailable
from chat4all.services.turns import HOLD_SECONDS, LOOK_SECONDS, Turns


class Laps:
    """Counts the turns of the loop while it is entered."""

    def __init__(self) -> None:
        self.lap = 0
        self._task: asyncio.Task[None] | None = None

    async def _count(self) -> None:
        while True:
            await asyncio.sleep(0)
            self.lap += 1

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._count())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task


async def test_the_loop_comes_round_after_few_of_many() -> None:
    turns, came = Turns(10, line=1_000), Counter[int]()
    async with Laps() as laps:

        async def one() -> None:
            await turns.take()
            came[laps.lap] += 1

        await asyncio.gather(*(one() for _ in range(200)))
    assert max(came.values()) <= 20  # the end of one turn and the beginning of the next
    assert laps.lap >= 19


async def test_who_stands_in_line_is_let_in_by_order() -> None:
    turns, order = Turns(3, line=100), list[int]()

    async def one(number: int) -> None:
        await turns.take()
        order.append(number)

    await asyncio.gather(*(one(number) for number in range(40)))
    assert order == list(range(40))


async def test_a_call_with_many_is_let_in_whole_and_pays_for_it() -> None:
    turns = Turns(10, line=100)
    await turns.take(100)
    async with Laps() as laps:
        await turns.take()
    assert 8 <= laps.lap <= 12


async def test_a_long_line_is_turned_away_and_leaves_the_others_their_place() -> None:
    turns = Turns(1, line=5)
    told = await asyncio.gather(*(turns.take() for _ in range(20)), return_exceptions=True)
    refused = [one for one in told if one is not None]
    assert 13 <= len(refused) <= 14
    assert told[:6] == [None] * 6
    for one in refused:
        assert isinstance(one, Unavailable)
        assert one.retry_after == 1
    await asyncio.wait_for(turns.take(), 1)


async def test_who_gave_up_keeps_nobody_waiting() -> None:
    turns = Turns(1, line=100)
    await turns.take()
    waiting = [asyncio.create_task(turns.take()) for _ in range(10)]
    await asyncio.sleep(0)
    for one in waiting[:9]:
        one.cancel()
    async with Laps() as laps:
        await asyncio.wait_for(waiting[9], 1)
    assert laps.lap <= 3


async def test_in_an_idle_process_nobody_waits() -> None:
    turns = Turns(2, line=0)
    for _ in range(10):
        await turns.take()
        await turns.take()
        await asyncio.sleep(0.001)


async def test_while_enough_waits_to_be_worked_off_nobody_is_let_in() -> None:
    waiting = 7
    turns, order = Turns(3, line=100, is_behind=lambda: waiting > 5), list[int]()

    async def one(number: int) -> None:
        await turns.take()
        order.append(number)

    everybody = asyncio.gather(*(one(number) for number in range(10)))
    await asyncio.sleep(HOLD_SECONDS / 5)
    assert order == []
    waiting = 0
    await asyncio.wait_for(everybody, HOLD_SECONDS / 5)
    assert order == list(range(10))


async def test_who_comes_while_others_are_held_stands_behind_them() -> None:
    waiting = 7
    turns, order = Turns(3, line=100, is_behind=lambda: waiting > 5), list[int]()

    async def one(number: int) -> None:
        await turns.take()
        order.append(number)

    first = asyncio.create_task(one(1))
    await asyncio.sleep(0)
    waiting = 0
    second = asyncio.create_task(one(2))
    await asyncio.wait_for(asyncio.gather(first, second), HOLD_SECONDS / 5)
    assert order == [1, 2]


async def test_where_nothing_is_worked_off_everybody_is_let_in_after_a_while() -> None:
    turns, loop = Turns(3, line=100, is_behind=lambda: True), asyncio.get_running_loop()
    began = loop.time()
    await asyncio.wait_for(asyncio.gather(*(turns.take() for _ in range(20))), 5 * HOLD_SECONDS)
    assert HOLD_SECONDS <= loop.time() - began < 2 * HOLD_SECONDS


async def test_who_is_held_leaves_the_loop_to_the_others() -> None:
    looks = 0

    def counted() -> bool:
        nonlocal looks
        looks += 1
        return True

    turns = Turns(3, line=100, is_behind=counted)
    await turns.take()
    assert looks < 3 * HOLD_SECONDS / LOOK_SECONDS


async def test_who_gave_up_while_held_holds_up_nobody() -> None:
    waiting = 7
    turns = Turns(3, line=100, is_behind=lambda: waiting > 5)
    gone, stays = asyncio.create_task(turns.take()), asyncio.create_task(turns.take())
    await asyncio.sleep(0)
    gone.cancel()
    waiting = 0
    await asyncio.wait_for(stays, HOLD_SECONDS / 5)
