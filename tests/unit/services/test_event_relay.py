"""Events pass from a notifier to the nodes at which somebody is connected."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from chat4all.domain.events import Position, SyncCursor
from chat4all.ports.event_log import COMMANDS
from chat4all.router import worker
from chat4all.services import node_feed
from chat4all.services.event_relay import EventRelay
from chat4all.services.mailbox import Mailbox
from chat4all.services.node_feed import NodeFeed
from chat4all.services.notify import Notifier
from chat4all.services.relay import topic_of
from chat4all.services.told import Steps, Told
from chat4all.testing.pipeline import Pipeline


class Node:
    """A gateway beside the process that routes, on its ephemeral state."""

    def __init__(self, process: Pipeline) -> None:
        people = process.people

        def done() -> SyncCursor:
            places = process.log.done(COMMANDS, worker.GROUP)
            return SyncCursor({at.partition: at.offset for at in places})

        self.feed = NodeFeed(process.ephemeral, people, done)
        self.notifier = Notifier(process.store, people.peek, people.conversation, link=self.feed)
        self.stored = process.stored_messages
        self._listeners = process.ephemeral.bus._listeners

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Node]:
        tasks = [
            asyncio.create_task(self.notifier.run()),
            asyncio.create_task(self.feed.run(self.notifier, self.stored)),
        ]
        await until(lambda: topic_of(self.feed.node) in self._listeners)
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)


@pytest.fixture
async def nodes(process: Pipeline) -> AsyncIterator[tuple[Node, Node]]:
    ephemeral = process.ephemeral
    relay = EventRelay(process.log, process.people, ephemeral.routing, ephemeral.bus)
    task = asyncio.create_task(relay.run())
    async with Node(process).running() as one, Node(process).running() as two:
        yield one, two
    task.cancel()
    await asyncio.wait([task])


async def texts(box: Mailbox, count: int) -> list[str]:
    """Return the next `count` texts that a mailbox is told."""
    found: list[str] = []
    async with asyncio.timeout(10):
        while len(found) < count:
            frames = [json.loads(frame) for _, frame in await box.take()]
            found += [one["message"]["payload"]["text"] for one in frames if "message" in one]
    return found


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.005)


async def test_each_node_is_told_what_concerns_its_people_and_nothing_else(
    town: Any, process: Pipeline, nodes: tuple[Node, Node]
) -> None:
    one, two = nodes
    ana, bia, eve = Mailbox(town.ana), Mailbox(town.bia), Mailbox(town.eve)
    await one.notifier.connect(ana)
    await two.notifier.connect(bia)
    await one.notifier.connect(eve)
    for number in range(20):
        await process.send(town.ana, town.draft(str(number)))
    expected = [str(number) for number in range(20)]
    assert await texts(ana, 20) == await texts(bia, 20) == expected
    assert not eve._frames


async def test_a_node_hears_nothing_after_the_last_of_its_people_left(
    town: Any, process: Pipeline, nodes: tuple[Node, Node]
) -> None:
    one, two = nodes
    first, second, there = Mailbox(town.bia), Mailbox(town.bia), Mailbox(town.bia)
    for node, box in ((one, first), (one, second), (two, there)):
        await node.notifier.connect(box)
    assert not await one.notifier.disconnect(first)
    found = await process.ephemeral.routing.nodes_of([town.bia])
    assert set(found[town.bia]) == {one.feed.node, two.feed.node}
    assert not await one.notifier.disconnect(second)  # there is another
    found = await process.ephemeral.routing.nodes_of([town.bia])
    assert set(found[town.bia]) == {two.feed.node}
    assert await two.notifier.disconnect(there)


async def test_who_connects_starts_from_what_is_stored(
    town: Any, process: Pipeline, nodes: tuple[Node, Node]
) -> None:
    await process.send(town.ana, town.draft("before"))
    await process.settle()
    [end] = await process.log.ends(COMMANDS)
    start = await nodes[0].notifier.connect(Mailbox(town.bia))
    assert start.seen(end)
    assert not start.seen(Position(end.partition, end.offset + 1))


async def test_when_listening_breaks_everybody_is_told_from_the_store(
    town: Any,
    process: Pipeline,
    nodes: tuple[Node, Node],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(node_feed, "LOOK", 0.01)
    box = Mailbox(town.bia)
    await nodes[0].notifier.connect(box)
    assert not box.behind
    [listener] = process.ephemeral.bus._listeners[topic_of(nodes[0].feed.node)]
    listener._ended = True
    listener._woken.set()
    await until(lambda: box.behind)


async def test_who_was_forgotten_by_the_table_is_told_from_the_store(
    town: Any,
    process: Pipeline,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(node_feed, "RENEW", 0.01)
    async with Node(process).running() as node:
        kept, forgotten = Mailbox(town.ana), Mailbox(town.bia)
        for box in (kept, forgotten):
            await node.notifier.connect(box)
        await process.ephemeral.routing.leave(node.feed.node, [town.bia])
        await until(lambda: forgotten.behind)
        assert not kept.behind


def test_what_was_told_live_is_not_told_again_from_the_store() -> None:
    told = Told(SyncCursor({0: 10}), Steps())
    assert str(told.live(Position(0, 15))) == "0.15"
    assert str(told.live(Position(1, 3))) == "0.15-1.3"
    assert told.wants_missed(Position(0, 12))  # between the start and the first told live
    assert not told.wants_missed(Position(0, 15))
    told.resumed(SyncCursor({0: 16}))
    assert not told.wants_live(Position(0, 16))
    assert told.wants_live(Position(0, 17))
    told.caught_up(SyncCursor({1: 9}))
    assert not told.wants_live(Position(1, 9))
    assert str(told.cursor) == "0.16-1.9"
