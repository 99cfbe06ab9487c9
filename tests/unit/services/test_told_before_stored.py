"""Clients are told what the log holds while the store is still at it: nobody misses it for that."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from chat4all.domain.errors import Unavailable
from chat4all.domain.events import SyncCursor
from chat4all.domain.ids import MessageId
from chat4all.domain.messages import Message
from chat4all.domain.payload import text
from chat4all.domain.status import Status
from chat4all.gateway.ws.closing import Close
from chat4all.services import notify
from chat4all.services.mailbox import Mailbox
from chat4all.testing.pipeline import Pipeline
from chat4all.testing.screen import websocket_of

MOMENT = 0.05


@pytest.fixture
def storing(town: Any, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Until it is set the store is at it."""
    apply, over = town.store.apply, asyncio.Event()

    async def slowly(effects: Any) -> None:
        await over.wait()
        await apply(effects)

    monkeypatch.setattr(town.store, "apply", slowly)
    return over


async def told(process: Pipeline, town: Any, words: str) -> None:
    """Send something, and wait until somebody is told of it."""
    box = Mailbox(town.caio)
    await process.notifier.connect(box)
    await process.send(town.ana, town.draft(words))
    assert f'"text":"{words}"' in (await box.take())[0][1]


async def texts(process: Pipeline, town: Any, since: SyncCursor) -> list[str]:
    pages = [page async for page in process.sync.missed(town.bia, since)]
    return [frame["message"]["payload"]["text"] for page in pages for _, frame in page.frames]


async def test_who_connects_meanwhile_finds_it_in_the_store(
    town: Any, process: Pipeline, storing: asyncio.Event
) -> None:
    await told(process, town, "one")
    box = Mailbox(town.bia)
    connecting = asyncio.create_task(process.notifier.connect(box))
    await asyncio.sleep(MOMENT)
    assert not connecting.done()
    storing.set()
    start = await connecting
    assert await texts(process, town, SyncCursor({})) == ["one"]
    await process.send(town.ana, town.draft("two"))
    [(position, frame)] = await box.take()
    assert '"text":"two"' in frame
    assert position is not None
    assert not start.seen(position)


async def test_who_connects_while_the_store_takes_nothing_is_asked_to_come_again(
    town: Any, process: Pipeline, storing: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "STORED_SECONDS", MOMENT)
    await told(process, town, "one")
    with pytest.raises(Unavailable, match="not stored yet"):
        await process.notifier.connect(Mailbox(town.bia))
    assert not process.notifier.is_connected(town.bia)
    storing.set()
    await process.settle()
    await process.notifier.connect(Mailbox(town.bia))


async def test_a_socket_that_connects_then_is_closed_with_a_word(
    town: Any, process: Pipeline, storing: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "STORED_SECONDS", MOMENT)
    await told(process, town, "one")
    incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    incoming.put_nowait({"type": "websocket.connect"})
    sent: list[dict[str, Any]] = []

    async def send(event: dict[str, Any]) -> None:
        sent.append(event)

    scope = {"subprotocols": ["chat4all.v1", f"bearer.{town.bia}"]}
    await websocket_of(process)(scope, incoming.get, send)
    assert [one["type"] for one in sent] == ["websocket.accept", "websocket.close"]
    assert sent[-1]["code"] == Close.TRY_LATER
    assert "not stored yet" in sent[-1]["reason"]
    storing.set()


async def test_a_poll_that_is_woken_waits_for_the_store(
    town: Any, process: Pipeline, storing: asyncio.Event
) -> None:
    start = await process.sync.poll(town.bia, None, wait=0)
    polling = asyncio.create_task(process.sync.poll(town.bia, start.cursor, wait=60))
    await asyncio.sleep(MOMENT)
    await told(process, town, "one")
    await asyncio.sleep(MOMENT)
    storing.set()
    async with asyncio.timeout(10):
        page = await polling
    assert [frame["message"]["payload"]["text"] for _, frame in page.frames] == ["one"]


async def test_a_message_that_the_store_cannot_take_at_all_keeps_nobody_out(
    town: Any, process: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refusing(_: Any) -> None:
        raise ValueError("the store chokes")

    monkeypatch.setattr(town.store, "apply", refusing)
    await told(process, town, "poison")
    await process.settle()
    await asyncio.wait_for(process.notifier.connect(Mailbox(town.bia)), 1.0)


class SlowStatuses:
    """Statuses that are told when a test lets them be."""

    def __init__(self) -> None:
        self.asked, self.over = asyncio.Event(), asyncio.Event()

    async def at_first(self, message: Message) -> Status:
        del message
        return Status.SENT

    async def now(self, messages: Sequence[Message]) -> Mapping[MessageId, Status]:
        self.asked.set()
        await self.over.wait()
        return {one.message_id: Status.SENT for one in messages}


async def test_who_connects_while_an_edit_is_being_told_is_told_as_well(
    town: Any, process: Pipeline
) -> None:
    statuses = process.notifier._statuses = SlowStatuses()
    accepted = await process.send(town.ana, town.draft("one"))
    await process.settle()
    await process.notifier.connect(Mailbox(town.caio))
    await process.messages.edit(town.ana, accepted.message_id, text("other"))
    await statuses.asked.wait()
    box = Mailbox(town.bia)
    connecting = asyncio.create_task(process.notifier.connect(box))
    await asyncio.sleep(MOMENT)
    statuses.over.set()
    start = await connecting
    [(position, frame)] = await asyncio.wait_for(box.take(), 5)
    assert '"text":"other"' in frame
    assert position is not None
    assert not start.seen(position)


async def test_who_connects_while_a_reading_is_being_told_is_told_as_well(
    town: Any, process: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    await process.send(town.bia, town.draft("one"))
    await process.settle()
    covering, asked, over = process.notifier.covering.by, asyncio.Event(), asyncio.Event()

    async def slowly(*moves: Any) -> Any:
        asked.set()
        await over.wait()
        return await covering(*moves)

    monkeypatch.setattr(process.notifier.covering, "by", slowly)
    await process.notifier.connect(Mailbox(town.caio))
    await process.messages.mark(town.ana, town.group, delivered=1, read=1)
    await asked.wait()
    box = Mailbox(town.bia)
    connecting = asyncio.create_task(process.notifier.connect(box))
    await asyncio.sleep(MOMENT)
    over.set()
    await connecting
    assert '"status":"read"' in (await asyncio.wait_for(box.take(), 5))[0][1]
