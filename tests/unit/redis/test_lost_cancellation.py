"""Who is cancelled while Redis is asked ends, whatever the driver does with it."""

from __future__ import annotations

import asyncio

import pytest
from redis.exceptions import ConnectionError as NoConnection

from chat4all.adapters.redis.errors import translated
from chat4all.domain.errors import Unavailable


async def losing(*, raises: Exception | None = None) -> None:
    """Lose a cancellation, as `asyncio.wait_for` of Python 3.11 may."""
    try:
        await asyncio.sleep(3_600)
    except asyncio.CancelledError:
        if raises is not None:
            raise raises from None


@pytest.mark.parametrize("raises", [None, NoConnection()])
async def test_a_cancellation_that_the_driver_loses_is_raised_after_the_call(
    raises: Exception | None,
) -> None:
    async def call() -> None:
        try:
            with translated():
                await losing(raises=raises)
        except Unavailable:
            pass
        await asyncio.sleep(3_600)

    task = asyncio.create_task(call())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task], timeout=30)
    assert task.cancelled()


async def test_a_timeout_that_the_driver_loses_is_a_timeout() -> None:
    async def call() -> None:
        async with asyncio.timeout(0.01):
            with translated():
                await losing()
            await asyncio.sleep(30)

    with pytest.raises(TimeoutError):
        await call()


async def test_an_earlier_cancellation_that_was_taken_is_not_raised_again() -> None:
    async def call() -> str:
        await losing()  # by the caller, on purpose
        with translated():
            await asyncio.sleep(0)
        return "done"

    task = asyncio.create_task(call())
    await asyncio.sleep(0)
    task.cancel()
    assert await task == "done"
