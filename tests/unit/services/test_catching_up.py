"""What was accepted a moment ago is found, though the store does not have it yet."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chat4all.domain.errors import Conflict, InvalidInput, MessageNotFound, Unavailable
from chat4all.domain.events import Position
from chat4all.domain.ids import MessageId, new_id
from chat4all.domain.payload import text
from chat4all.domain.scheduled import SendAt
from chat4all.services.catching_up import STORED_WITHIN, CatchingUp
from chat4all.services.scheduled_messages import ScheduledMessages
from chat4all.services.send_message import Accepted
from chat4all.testing.faults import FaultyLog
from chat4all.testing.pipeline import Pipeline, add_conversation
from chat4all.testing.virtual_time import run_in_virtual_time
from tests.unit.services.conftest import Town

LAG = 1.0
"""Seconds after which the router of these tests begins to store; storing takes less."""

Work = Callable[[Pipeline], Awaitable[Any]]


class _Elsewhere(FaultyLog):
    """A log to which another process appends: its numbers are those of a second ago."""

    asked = 0
    is_away = False

    async def ends(self, stream: str) -> Sequence[Position]:
        self.asked += 1
        if self.is_away:
            raise Unavailable("the log does not answer")
        return await super().ends(stream)

    def backlog(self, stream: str, group: str) -> int:
        del stream, group
        return 0


async def a_town() -> Town:
    town = Town()
    await town.populate()
    town.log = _Elsewhere(town.log, town.faults)
    return town


async def behind(town: Town, work: Work) -> Any:
    """Do `work` while nothing is stored, and store after `LAG` seconds; return its outcome."""
    process = town.process()
    outcome = asyncio.ensure_future(work(process))
    await asyncio.sleep(LAG)
    assert not outcome.done(), "it did not wait"
    async with process:
        await asyncio.wait([outcome])
        await asyncio.sleep(LAG)
    return outcome.result()


def test_an_answer_to_a_message_that_is_not_stored_yet_is_accepted() -> None:
    async def main() -> None:
        town = await a_town()
        said = await town.process().send(town.ana, town.draft(message_id=None))
        answer = town.draft("yes", reply_to=said.message_id)
        await behind(town, lambda process: process.send(town.bia, answer))
        page = await town.store.page(town.group, viewer=town.ana, limit=10)
        assert [one.reply_to for one in page] == [None, said.message_id]

    run_in_virtual_time(main())


def test_an_answer_in_the_batch_of_its_message_waits_for_nothing() -> None:
    async def main() -> None:
        town = await a_town()
        asked = [town.draft(str(number)) for number in range(3)]
        answers = [town.draft("yes", reply_to=one.message_id) for one in asked]
        elsewhere = await add_conversation(town.directory, town.ana, town.bia)
        stray = town.draft("?", reply_to=asked[0].message_id, conversation_id=elsewhere)
        process = town.process()
        outcomes = await process.send.many(town.ana, [*asked, *answers])
        assert all(isinstance(one, Accepted) for one in outcomes)
        assert asyncio.get_running_loop().time() == 0.0
        async with process:
            with pytest.raises(InvalidInput):
                await process.send(town.ana, stray)

    run_in_virtual_time(main())


def test_while_the_store_stays_behind_an_answer_is_to_come_again_and_the_rest_is_accepted() -> None:
    async def main() -> None:
        town = await a_town()
        process = town.process()
        said = await process.send(town.ana, town.draft())
        answers = [town.draft(str(number), reply_to=said.message_id) for number in range(100)]
        last = town.draft("no answer")
        *outcomes, rest = await process.send.many(town.ana, [*answers, last])
        assert {type(one) for one in outcomes} == {Unavailable}
        assert isinstance(outcomes[0], Unavailable)
        assert outcomes[0].retry_after == 1
        assert isinstance(rest, Accepted)
        passed = asyncio.get_running_loop().time()
        assert passed == pytest.approx(STORED_WITHIN), "all of a call share the time"
        async with process:  # the same ids again: nothing of them was kept
            await asyncio.sleep(LAG)
            again = await process.send.many(town.ana, answers)
            assert all(isinstance(one, Accepted) for one in again)

    run_in_virtual_time(main())


def test_an_answer_to_what_nobody_sent_is_refused_as_soon_as_that_is_certain() -> None:
    async def main() -> None:
        town = await a_town()
        await town.process().send(town.ana, town.draft())
        stray = town.draft(reply_to=MessageId(new_id()))
        with pytest.raises(InvalidInput):
            await behind(town, lambda process: process.send(town.ana, stray))
        async with town.running() as process:
            before = asyncio.get_running_loop().time()
            with pytest.raises(InvalidInput):
                await process.send(town.ana, stray)
            assert asyncio.get_running_loop().time() == before

    run_in_virtual_time(main())


def test_while_the_log_does_not_answer_nobody_is_told_that_there_is_no_message() -> None:
    async def main() -> None:
        town = await a_town()
        async with town.running() as process:
            town.log.is_away = True  # type: ignore[attr-defined]
            strays = [town.draft(reply_to=MessageId(new_id())) for _ in range(3)]
            outcomes = await process.send.many(town.ana, strays)
            assert {type(one) for one in outcomes} == {Unavailable}

    run_in_virtual_time(main())


def test_somebody_else_is_not_told_by_the_wait_that_there_is_a_message() -> None:
    async def main() -> None:
        town = await a_town()
        said = await town.process().send(town.ana, town.draft(to=[town.bia]))
        answer = town.draft("me too", reply_to=said.message_id)
        with pytest.raises(InvalidInput):
            await behind(town, lambda process: process.send(town.caio, answer))

    run_in_virtual_time(main())


def test_a_send_that_answers_nothing_asks_the_log_nothing() -> None:
    async def main() -> None:
        town = await a_town()
        async with town.running() as process:
            said = await process.send(town.ana, town.draft())
            await asyncio.sleep(LAG)
            before = town.log.asked  # type: ignore[attr-defined]
            await process.send(town.ana, town.draft())
            await process.send(town.ana, town.draft(reply_to=said.message_id))
            assert town.log.asked == before  # type: ignore[attr-defined]

    run_in_virtual_time(main())


def test_an_answer_can_be_scheduled_to_what_is_not_stored_yet() -> None:
    async def main() -> None:
        town = await a_town()
        said = await town.process().send(town.ana, town.draft())

        async def hold(*_: object) -> None:
            return None

        async def schedule(process: Pipeline) -> None:
            book = ScheduledMessages(town.directory.scheduled, process.send, hold)
            at = SendAt(at=datetime.now(UTC) + timedelta(hours=1))
            await book.create(town.bia, town.draft("later", reply_to=said.message_id), at)

        await behind(town, schedule)
        [kept] = await town.directory.scheduled.page(town.bia, limit=10)
        assert kept.draft.reply_to == said.message_id

    run_in_virtual_time(main())


@pytest.mark.parametrize(
    "work",
    ["get", "status", "edit", "delete", "react", "mark"],
)
def test_a_message_that_is_not_stored_yet_is_read_and_changed(work: str) -> None:
    async def main() -> None:
        town = await a_town()
        said = await town.process().send(town.ana, town.draft())
        await behind(town, lambda process: done(town, process, work, said.message_id))

    run_in_virtual_time(main())


@pytest.mark.parametrize(
    "work",
    ["get", "status", "edit", "delete", "react", "mark"],
)
def test_while_the_store_stays_behind_nobody_is_told_that_there_is_no_message(work: str) -> None:
    async def main() -> None:
        town = await a_town()
        process = town.process()
        said = await process.send(town.ana, town.draft())
        with pytest.raises(Unavailable):
            await done(town, process, work, said.message_id)
        async with process:
            await asyncio.sleep(LAG)
            error = Conflict if work == "mark" else MessageNotFound
            with pytest.raises(error):
                await done(town, process, work, MessageId(new_id()), place=2)

    run_in_virtual_time(main())


def done(
    town: Town, process: Pipeline, work: str, about: MessageId, *, place: int = 1
) -> Awaitable[Any]:
    messages = process.messages
    calls: dict[str, Callable[[], Awaitable[Any]]] = {
        "get": lambda: messages.get(town.bia, about),
        "status": lambda: messages.status(town.ana, about),
        "edit": lambda: messages.edit(town.ana, about, text("better")),
        "delete": lambda: messages.delete(town.ana, about, for_everyone=True),
        "react": lambda: messages.react(town.bia, about, "👍", removed=False),
        "mark": lambda: messages.mark(town.bia, town.group, delivered=place, read=place),
    }
    return calls[work]()


def test_whoever_waits_for_long_asks_ever_more_rarely() -> None:
    async def main() -> None:
        town = await a_town()
        await town.process().send(town.ana, town.draft())
        asked = []

        async def ask() -> None:
            asked.append(asyncio.get_running_loop().time())

        with pytest.raises(Unavailable):
            await CatchingUp(town.log, within=60.0).find(ask)
        assert asked[1] - asked[0] < 0.05
        assert len(asked) < 310

    run_in_virtual_time(main())


def test_what_is_stored_between_the_look_at_it_and_the_look_at_the_log_is_found() -> None:
    """The log says that all is done; the store was asked before that."""

    async def main() -> None:
        town = await a_town()
        async with town.running() as process:
            await process.send(town.ana, town.draft())
            await asyncio.sleep(LAG)
            answers = iter([None, "here"])

            async def ask() -> str | None:
                return next(answers)

            assert await CatchingUp(town.log).find(ask) == "here"

    run_in_virtual_time(main())
