"""Telling connected clients, and letting those who were away catch up."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from chat4all.domain.errors import RecordNotFound
from chat4all.domain.events import Position, SyncCursor
from chat4all.domain.ids import MessageId, new_id
from chat4all.ports.event_log import COMMANDS, Record
from chat4all.services import mailbox as mailbox_module
from chat4all.services.dead_letters import DeadLetters, dead_letter
from chat4all.services.mailbox import Mailbox
from chat4all.services.notify import Notifier
from chat4all.services.sync import Sync
from chat4all.testing.pipeline import Pipeline


async def test_a_mailbox_gives_what_it_got_in_order_and_wakes_who_waits() -> None:
    box = Mailbox("ana")  # type: ignore[arg-type] # any text is an id
    waiting = asyncio.create_task(box.take())
    await asyncio.sleep(0)
    box.offer(Position(0, 1), "one")
    box.offer(None, "two")
    assert await waiting == [(Position(0, 1), "one"), (None, "two")]
    waiting = asyncio.create_task(box.take())
    await asyncio.sleep(0)
    box.wake()
    assert await waiting == []


@pytest.mark.parametrize("limit", ["MAX_FRAMES", "MAX_CHARACTERS"])
async def test_a_mailbox_that_overflows_keeps_nothing_and_says_so(
    monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(mailbox_module, limit, 3)
    box = Mailbox("ana")  # type: ignore[arg-type] # any text is an id
    for _ in range(4):
        box.offer(None, "x")
    box.offer(None, "late")
    assert box.overflowed
    assert await box.take() == []


async def test_everybody_connected_is_told_in_order(town: Any, process: Pipeline) -> None:
    boxes = [Mailbox(user) for user in (town.ana, town.bia, town.bia)]
    for box in boxes:
        await process.notifier.connect(box)
    stranger = Mailbox(town.eve)
    await process.notifier.connect(stranger)
    for number in range(5):
        await process.send(town.ana, town.draft(str(number)))
    await process.settle()
    for box in boxes:
        frames = [json.loads(frame) for _, frame in await box.take()]
        messages = [one["message"] for one in frames if one["type"] == "message"]
        assert [one["seq"] for one in messages] == [1, 2, 3, 4, 5]
    stranger.wake()
    assert not stranger._frames
    assert not await process.notifier.disconnect(boxes[1])
    assert await process.notifier.disconnect(boxes[2])


async def test_an_event_that_cannot_be_told_lets_clients_resume_and_silences_nobody(
    town: Any, process: Pipeline
) -> None:
    box = Mailbox(town.bia)
    start = await process.notifier.connect(box)
    tell = process.notifier._tell
    broken = iter([True])

    async def breaks_once(event: Any, trace: str) -> None:
        if next(broken, False):
            raise ZeroDivisionError
        await tell(event, trace)

    process.notifier._tell = breaks_once  # type: ignore[method-assign] # to break it
    await process.send(town.ana, town.draft("one"))
    await process.settle()
    assert box.overflowed
    await process.notifier.disconnect(box)
    fresh = Mailbox(town.bia)
    await process.notifier.connect(fresh)
    await process.send(town.ana, town.draft("two"))
    await process.settle()
    assert '"text":"two"' in (await fresh.take())[0][1]
    missed = [page async for page in process.sync.missed(town.bia, start)]
    words = [frame["message"]["payload"]["text"] for page in missed for _, frame in page.frames]
    assert words == ["one", "two"]


async def test_who_was_away_gets_all_of_it_once_and_in_order(town: Any, process: Pipeline) -> None:
    for number in range(450):
        await process.send(town.ana, town.draft(str(number)))
    await process.settle()
    pages = [page async for page in process.sync.missed(town.bia, SyncCursor({}))]
    assert len(pages) > 1
    frames = [frame for page in pages for _, frame in page.frames]
    assert [one["message"]["seq"] for one in frames] == list(range(1, 451))
    half = SyncCursor.parse(frames[199]["cursor"])
    rest = [page async for page in process.sync.missed(town.bia, half)]
    assert [one["message"]["seq"] for page in rest for _, one in page.frames] == list(
        range(201, 451)
    )


async def test_the_store_is_asked_once_per_page_how_far_its_messages_have_come(
    town: Any, process: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(60):
        await process.send(town.ana, town.draft(str(number)))
    await process.settle()
    asked: list[int] = []
    statuses = process.store.statuses

    async def counted(messages: Any) -> Any:
        asked.append(len(messages))
        return await statuses(messages)

    monkeypatch.setattr(process.store, "statuses", counted)
    people = process.people
    notifier = Notifier(process.store, people.peek, people.conversation, process.messages)
    sync = Sync(process.store, people, notifier)
    [page] = [page async for page in sync.missed(town.bia, SyncCursor({}))]
    assert len(page.frames) == 60
    assert asked == [60]


async def test_a_poll_gives_at_most_what_was_asked_for_and_says_that_there_is_more(
    town: Any, process: Pipeline
) -> None:
    for number in range(5):
        await process.send(town.caio, town.draft(str(number), to=[town.bia]))
    await process.settle()
    seqs, cursor, more = [], SyncCursor({}), True
    while more:
        page = await process.sync.poll(town.bia, cursor, wait=0, limit=2)
        assert len(page.frames) <= 2
        seqs += [frame["message"]["seq"] for _, frame in page.frames]
        cursor, more = page.cursor, page.more
    assert seqs == [1, 2, 3, 4, 5]


async def test_a_poll_waits_for_news_and_signals_do_not_end_it(
    town: Any, process: Pipeline
) -> None:
    start = await process.sync.poll(town.bia, None, wait=5)
    assert start.frames == []
    waiting = asyncio.create_task(process.sync.poll(town.bia, start.cursor, wait=5))
    while not process.notifier.is_connected(town.bia):  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0)
    await process.notifier.signal([town.group], {"type": "typing", "user_id": town.ana})
    await asyncio.sleep(0.01)
    assert not waiting.done()
    await process.send(town.ana, town.draft("news"))
    [(_, frame)] = (await asyncio.wait_for(waiting, 5)).frames
    assert frame["message"]["payload"]["text"] == "news"
    assert not process.notifier.is_connected(town.bia)


async def test_a_poll_without_news_ends_in_time(town: Any, process: Pipeline) -> None:
    page = await process.sync.poll(town.bia, SyncCursor({}), wait=0.02)
    assert (page.frames, page.more) == ([], False)


async def test_a_sender_can_wait_until_the_message_has_its_place(
    town: Any, process: Pipeline
) -> None:
    draft = town.draft()
    waiting = asyncio.create_task(process.stored_messages.wait(draft.message_id, seconds=5))
    await process.send(town.ana, draft)
    message = await waiting
    assert message is not None
    assert message.seq == 1
    assert await process.stored_messages.wait(draft.message_id, seconds=0) == message
    assert await process.stored_messages.wait(MessageId(new_id()), seconds=0.02) is None
    assert process.stored_messages._waiting == {}


async def test_a_dead_letter_is_tried_again_and_has_its_effect_once(
    town: Any, process: Pipeline
) -> None:
    draft = town.draft()
    await process.send(town.ana, draft)
    await process.settle()
    [submitted] = await town.log.read(COMMANDS, after=None, limit=1)
    error = ZeroDivisionError("broken")
    other = town.draft("parked")
    await process.send(town.ana, other)
    await process.settle()
    await town.log.append([dead_letter(COMMANDS, town.group, submitted.value, error)])
    letters = DeadLetters(town.log, town.log)
    [letter] = (await letters.page()).items
    assert (letter.stream, letter.code, letter.reason) == (COMMANDS, "internal_error", "broken")
    again, done = await letters.redrive(letter.id)
    assert (again.id, done, again.redriven_at is not None) == (letter.id, True, True)
    assert await letters.redrive(letter.id) == (again, False)
    await process.settle()
    assert len(await town.store.page(town.group, viewer=town.ana, limit=10)) == 2
    assert (await letters.page(after=letter.id)).items == []
    for unknown in ("0.99", "1.0", "rubbish", "0.-1", "0"):
        with pytest.raises(RecordNotFound):
            await letters.redrive(unknown)


async def test_a_letter_holds_the_record_as_it_was(town: Any, process: Pipeline) -> None:
    from_elsewhere = Record(COMMANDS, town.group, b"rubbish")
    await town.log.append([from_elsewhere])
    await process.settle()
    letters = DeadLetters(town.log, town.log)
    [letter] = (await letters.page()).items
    assert (letter.code, letter.value) == ("unreadable_record", b"rubbish")
