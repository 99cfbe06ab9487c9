"""What tells that too many answers are errors: `scripts/test -m chaos tests/deploy`.

Each shape of trouble has its alert: much at once, a little for long, and a moment after hours
without any. The share of errors decides, so each case has a server and a Prometheus of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from tests.deploy.test_alerts_fire import PATIENCE, Scene, a_scene
from tests.deploy.test_alerts_fire_late import HURRIED, firing, locked

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.timeout(600),
    pytest.mark.embedded("locks a SQLite file"),
]

SETTINGS = {"sender_rate": "100000", "conversation_rate": "100000"}
RATE = 100
"""Requests a second that are answered well."""
QUIET = 120.0
"""Seconds without an error before the moment that has some: an hour is three minutes here."""
FAST = "Chat4AllAvailabilityBurnsFast"
SLOWLY = "Chat4AllAvailabilityBurnsSlowly"
OVER = "Chat4AllErrorsOverOnePercent"


class Traffic:
    """What people ask for all the time, and what of it is to be an error."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._answered = 0

    async def ask(self) -> None:
        """Ask for what is there, `RATE` times a second."""
        clock = asyncio.get_running_loop().time
        due = clock()
        while True:
            answer = await self._scene.ana.ask("GET", f"/v1/conversations/{self._scene.talk}")
            assert answer.status_code == httpx.codes.OK, answer.text
            self._answered += 1
            due += 1 / RATE
            await asyncio.sleep(max(due - clock(), 0.0))

    @asynccontextmanager
    async def failing(self, share: float) -> AsyncIterator[None]:
        """Have the log take nothing until the block ends, and send to it as `share` says."""
        async with locked(self._scene.server.data / "log.sqlite3"), at_work(self._fail(share)):
            yield

    async def _fail(self, share: float) -> None:
        before, sent = self._answered, 0
        async with asyncio.TaskGroup() as calls:
            while True:
                while sent < share * (self._answered - before):
                    calls.create_task(self._refused())
                    sent += 1
                await asyncio.sleep(0.1)

    async def _refused(self) -> None:
        assert (await self._scene.say()).status_code == httpx.codes.SERVICE_UNAVAILABLE


@asynccontextmanager
async def at_work(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Do it until the block ends; it must not end by itself."""
    task = asyncio.create_task(work)
    try:
        yield
        assert not task.done(), task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest_asyncio.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with a_scene(tmp_path, hurried=HURRIED, **SETTINGS) as made:
        yield made


async def test_much_at_once_is_told_to_the_pager_and_nothing_else_is(scene: Scene) -> None:
    traffic = Traffic(scene)
    async with at_work(traffic.ask()):
        async with traffic.failing(0.03):
            await scene.comes_to("firing", {FAST})
            async with asyncio.timeout(PATIENCE):
                while not await firing(scene) >= {FAST, SLOWLY, OVER}:  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.2)
            await asyncio.sleep(5)  # the Alertmanager waits a second before it tells
            assert {name for _, name in scene.pager.state} == {FAST}
        await scene.comes_to("resolved", {FAST})


async def test_a_little_for_long_is_a_ticket(scene: Scene) -> None:
    traffic = Traffic(scene)
    async with at_work(traffic.ask()):
        async with traffic.failing(0.005):
            await scene.comes_to("firing", {SLOWLY})
            assert await firing(scene) == {SLOWLY}
        await scene.comes_to("resolved", {SLOWLY})
    assert {name for _, name in scene.pager.state} == {SLOWLY}


async def test_a_moment_after_an_hour_without_any_is_told_to_the_pager(scene: Scene) -> None:
    traffic = Traffic(scene)
    async with at_work(traffic.ask()):
        await asyncio.sleep(QUIET)
        async with traffic.failing(0.02):
            await scene.comes_to("firing", {OVER})
            assert FAST not in await firing(scene)
        await scene.comes_to("resolved", {OVER})
