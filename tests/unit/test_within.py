"""What takes too long is given up, and nothing else is."""

from __future__ import annotations

import asyncio

import pytest

from chat4all.gateway.within import Within

LONG = 60.0


async def test_what_takes_too_long_is_given_up() -> None:
    with pytest.raises(TimeoutError), Within(0.01):
        await asyncio.sleep(LONG)

    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await asyncio.sleep(0)  # and it goes on


async def test_what_is_done_in_time_is_not_given_up_later() -> None:
    with Within(0.01):
        await asyncio.sleep(0)

    await asyncio.sleep(0.03)


async def test_an_error_of_its_own_stays_what_it_is() -> None:
    with pytest.raises(LookupError), Within(LONG):
        raise LookupError


@pytest.mark.parametrize("seconds", [0.01, LONG])
async def test_who_is_cancelled_from_outside_stays_cancelled(seconds: float) -> None:
    async def work() -> None:
        with Within(seconds):
            try:
                await asyncio.sleep(LONG)
            finally:
                await asyncio.sleep(0.05)  # the alarm may ring here as well

    working = asyncio.create_task(work())
    await asyncio.sleep(0)
    working.cancel()

    with pytest.raises(asyncio.CancelledError):
        await working
    assert working.cancelled()
