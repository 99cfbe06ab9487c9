"""One process of several does a duty at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from chat4all.adapters.memory.ephemeral import MemoryEphemeral
from chat4all.domain.errors import Unavailable
from chat4all.ports.ephemeral import Leases
from chat4all.services.duties import LEASE, Duties

LOOK = 0.01


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Worker:
    """Counts when it begins, and is at it until it is stopped."""

    def __init__(self, leases: Leases) -> None:
        self.begun = 0
        self.busy = False
        self._duties = Duties(leases, look=LOOK)

    def start(self) -> asyncio.Task[None]:
        return asyncio.create_task(self._duties.keep("trim", self.work))

    async def work(self) -> None:
        self.begun += 1
        self.busy = True
        try:
            await asyncio.Event().wait()
        finally:
            self.busy = False


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(LOOK / 2)


async def stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


async def test_one_of_two_works_and_the_other_takes_over_when_it_stops() -> None:
    leases = MemoryEphemeral().leases
    one, two = Worker(leases), Worker(leases)
    first = one.start()
    await until(lambda: one.busy)
    second = two.start()
    await asyncio.sleep(5 * LOOK)
    assert (one.begun, two.begun) == (1, 0)
    await stop(first)
    await until(lambda: two.busy)
    await stop(second)
    assert (one.begun, two.begun) == (1, 1)
    assert not one.busy


async def test_the_duty_of_one_that_died_is_free_when_its_lease_has_ended() -> None:
    clock = Clock()
    leases = MemoryEphemeral(clock=clock).leases
    await leases.claim("duty:trim", "who died", ttl=LEASE)
    two = Worker(leases)
    task = two.start()
    await asyncio.sleep(5 * LOOK)
    assert two.begun == 0
    clock.now += LEASE + 1
    await until(lambda: two.busy)
    await stop(task)


async def test_who_lost_the_lease_stops_the_work() -> None:
    leases = MemoryEphemeral().leases
    one = Worker(leases)
    task = one.start()
    await until(lambda: one.busy)
    await leases.put("duty:trim", "who took it meanwhile", ttl=60)
    await until(lambda: not one.busy)
    await stop(task)
    assert dict(await leases.get_many(["duty:trim"])) == {"duty:trim": "who took it meanwhile"}


async def test_a_duty_is_kept_while_the_shared_state_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    leases = MemoryEphemeral().leases
    one = Worker(leases)
    task = one.start()
    await until(lambda: one.busy)

    async def silent(*_: object, **__: object) -> None:
        raise Unavailable("the test took it away")

    monkeypatch.setattr(leases, "claim", silent)
    monkeypatch.setattr(leases, "put", silent)
    await asyncio.sleep(5 * LOOK)
    assert (one.begun, one.busy) == (1, True)
    await stop(task)


async def test_work_that_fails_is_told_and_leaves_the_duty_free() -> None:
    leases = MemoryEphemeral().leases

    async def fails() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await Duties(leases, look=LOOK).keep("trim", fails)
    assert dict(await leases.get_many(["duty:trim"])) == {}
