"""A delivery worker that stops, or loses its chats to another: nothing is sent twice for it."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext

import pytest

from chat4all.adapters.memory import event_log
from chat4all.domain.events import Position
from chat4all.domain.outgoing import Outgoing
from chat4all.router import sending
from chat4all.router.delivery import GROUP
from chat4all.router.progress import Progress
from tests.unit.router.test_delivery import STREAM, Desk, until


class SlowCall:
    """What a platform does with a call: it takes as long as a test says."""

    def __init__(self, desk: Desk) -> None:
        self.came, self.ends = asyncio.Event(), asyncio.Event()
        desk.paper.before_send = self

    async def __call__(self, _: Outgoing) -> None:
        self.came.set()
        await self.ends.wait()


async def test_who_is_told_to_stop_hears_the_answer_to_the_call_under_way() -> None:
    desk = Desk()
    call = SlowCall(desk)
    await desk.put("one")
    await desk.put("two")
    async with desk.working() as work:
        await call.came.wait()
        work.cancel()
        await asyncio.sleep(0.01)
        call.ends.set()
    assert desk.paper.texts("a") == ["one"]
    await desk.keep_reports()
    async with desk.working():
        await desk.done()
    assert desk.paper.texts("a") == ["one", "two"]


async def test_an_answer_that_does_not_come_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sending, "ANSWER_SECONDS", 0.01)
    desk = Desk()
    call = SlowCall(desk)
    await desk.put("one")
    async with asyncio.timeout(10), desk.working() as work:
        await call.came.wait()
        work.cancel()
    assert not desk.paper.sent
    assert not await desk.reports()


async def test_what_went_to_another_process_is_left_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    is_ours = True
    here = event_log._Consumer
    monkeypatch.setattr(here, "hold", lambda *_: nullcontext(is_ours))
    desk = Desk()
    call = SlowCall(desk)
    for words in ("one", "two", "three"):
        await desk.put(words)
    worker = desk.worker(unfinished=3)
    async with desk.working(worker):
        await call.came.wait()
        is_ours = False
        call.ends.set()
        await until(lambda: len(desk.paper.sent) == 1)
        await desk.put("four", address="b")
        await asyncio.sleep(0.05)  # there is room to take it, and it is not ours either
        assert desk.paper.texts("a") == ["one"]
        assert not desk.paper.texts("b")
        assert desk.log.backlog(STREAM, GROUP) >= 3
        is_ours = True
        await desk.put("five", address="c")
        await until(lambda: bool(desk.paper.texts("c")))


async def test_a_task_that_goes_to_another_while_it_waits_is_not_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[bool] = []

    def hold(*_: object) -> nullcontext[bool]:
        asked.append(len(asked) < 1)
        return nullcontext(asked[-1])

    monkeypatch.setattr(event_log._Consumer, "hold", hold)
    desk = Desk()
    await desk.put("one")
    async with desk.working():
        await until(lambda: len(asked) == 2)
        await asyncio.sleep(0.01)
    assert not desk.paper.sent
    assert not await desk.reports()
    assert not await desk.parked()


def test_what_was_forgotten_moves_no_position() -> None:
    progress = Progress()
    for offset in (5, 6):
        progress.started(Position(0, offset))
    progress.forget(0)
    assert progress.finished(Position(0, 5)) is None
    for offset in (6, 7):
        progress.started(Position(0, offset))
    assert progress.finished(Position(0, 5)) is None
    assert progress.finished(Position(0, 7)) is None
    assert progress.finished(Position(0, 6)) == Position(0, 7)
