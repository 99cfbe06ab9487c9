"""What happens becomes deliveries for those who may know of it, and for nobody else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chat4all.domain.commands import AnnounceChange
from chat4all.domain.errors import Conflict, RecordNotFound
from chat4all.domain.events import Position
from chat4all.domain.ids import EndpointId, UserId
from chat4all.domain.messages import Message
from chat4all.domain.payload import text
from chat4all.domain.status import Status
from chat4all.domain.webhook_signature import new_secret
from chat4all.domain.webhooks import Disabled, Endpoint, Secret
from chat4all.ports.event_log import COMMANDS, EVENTS, Record
from chat4all.services.covering import Covering
from chat4all.services.dead_letters import DeadLetters, code_of
from chat4all.services.records import encode_command
from chat4all.services.webhook_feed import GROUP, WebhookFeed
from chat4all.testing.pipeline import Pipeline

SOURCE = "https://chat.example"


async def listen(
    process: Pipeline, owner: UserId, name: str, *, events: Sequence[str] = (), **fields: Any
) -> Endpoint:
    """Give somebody an endpoint."""
    now = datetime.now(UTC)
    endpoint = Endpoint(
        id=EndpointId(name),
        owner_id=owner,
        url=f"https://{name}.example/",
        secrets=(Secret(value=new_secret()),),
        events=tuple(events),
        created_at=now,
        updated_at=now,
    )
    endpoint = replace(endpoint, **fields)
    await process.directory.endpoints.put(endpoint)
    return endpoint


@asynccontextmanager
async def feeding(process: Pipeline) -> AsyncIterator[None]:
    """Run a feed until the block ends, which is a crash."""
    feed = WebhookFeed(
        process.log,
        process.directory,
        process.people,
        Covering(process.store),
        process.messages,
        source=SOURCE,
    )
    task = asyncio.create_task(feed.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def fed(process: Pipeline) -> None:
    """Wait until all that happened was looked at."""
    await process.settle()
    await until(lambda: process.log.backlog(EVENTS, GROUP) == 0)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.005)


async def told(process: Pipeline, name: str) -> list[dict[str, Any]]:
    """Return the envelopes for an endpoint in the order of their places."""
    found = await process.directory.deliveries.page(EndpointId(name), limit=1_000)
    return [json.loads(one.body) for one in sorted(found, key=lambda one: one.place)]


async def test_an_event_is_a_cloud_event_with_what_the_websocket_tells(
    town: Any, process: Pipeline
) -> None:
    await listen(process, town.bia, "bia")
    async with feeding(process):
        draft = town.draft("lunch?")
        await process.send(town.ana, draft)
        await fed(process)
    [one] = await told(process, "bia")
    assert one["specversion"] == "1.0"
    assert (one["source"], one["type"]) == (SOURCE, "chat4all.message")
    assert one["subject"] == town.group
    assert datetime.fromisoformat(one["time"]).tzinfo is not None
    message = one["data"]["message"]
    assert (message["message_id"], message["seq"]) == (draft.message_id, 1)
    assert message["payload"] == {"type": "text", "text": "lunch?"}


async def test_a_delivery_has_the_trace_of_what_happened(town: Any, process: Pipeline) -> None:
    await listen(process, town.bia, "bia")
    change = AnnounceChange(
        conversation_id=town.group, change="updated", actor=town.ana, at=datetime.now(UTC)
    )
    trace = f"00-{1:032x}-{2:016x}-01"
    await process.log.append([Record(COMMANDS, town.group, encode_command(change), trace)])
    async with feeding(process):
        await fed(process)
    [one] = await process.directory.deliveries.page(EndpointId("bia"), limit=9)
    assert one.trace == trace


async def test_nobody_is_told_what_is_not_theirs(town: Any, process: Pipeline) -> None:
    for name in ("ana", "bia", "caio", "eve"):
        await listen(process, getattr(town, name), name)
    async with feeding(process):
        await process.send(town.ana, town.draft("for bia alone", to=[town.bia]))
        await process.send(town.bia, town.draft("for all"))
        await fed(process)

    async def texts(name: str) -> list[str]:
        frames = [one["data"] for one in await told(process, name)]
        return [one["message"]["payload"]["text"] for one in frames if "message" in one]

    assert await texts("ana") == await texts("bia") == ["for bia alone", "for all"]
    assert await texts("caio") == ["for all"]
    assert await told(process, "eve") == []


async def test_an_endpoint_gets_only_the_kinds_that_it_asks_for(
    town: Any, process: Pipeline
) -> None:
    await listen(process, town.ana, "edits", events=["edited"])
    await listen(process, town.ana, "all")
    await listen(process, town.ana, "off", disabled=Disabled.OWNER)
    async with feeding(process):
        draft = town.draft("lnuch?")
        await process.send(town.ana, draft)
        await process.settle()
        await process.messages.edit(town.ana, draft.message_id, text("lunch?"))
        await fed(process)
    assert [one["type"] for one in await told(process, "edits")] == ["chat4all.edited"]
    kinds = [one["type"] for one in await told(process, "all")]
    assert kinds[0] == "chat4all.message"
    assert "chat4all.edited" in kinds
    assert await told(process, "off") == []


async def test_what_happened_long_before_an_endpoint_was_made_is_not_told(
    town: Any, process: Pipeline
) -> None:
    later = datetime.now(UTC) + timedelta(minutes=1)
    await listen(process, town.bia, "late", created_at=later)
    await listen(process, town.bia, "there")
    async with feeding(process):
        await process.send(town.ana, town.draft())
        await fed(process)
    assert len(await told(process, "there")) == 1
    assert await told(process, "late") == []


@pytest.mark.parametrize("error", [ZeroDivisionError("x"), RecordNotFound("x")])
async def test_an_event_of_which_no_delivery_can_be_made_is_parked_and_the_rest_is_told(
    town: Any, process: Pipeline, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    await listen(process, town.bia, "bia", events=["message"])
    at_first = process.messages.at_first

    async def breaks(message: Message) -> Status:
        if message.seq == 2:
            raise error
        return await at_first(message)

    monkeypatch.setattr(process.messages, "at_first", breaks)
    for number in range(3):
        await process.send(town.ana, town.draft(str(number)))
    await process.settle()
    await process.log.append([Record(EVENTS, town.group, b'{"v":99,"type":"of a later version"}')])
    async with feeding(process):
        await fed(process)
    assert [one["data"]["message"]["seq"] for one in await told(process, "bia")] == [1, 3]
    letters = (await DeadLetters(process.log, process.log).page(after=None, limit=10)).items
    assert {(one.stream, one.code) for one in letters} == {
        (EVENTS, code_of(error)),
        (EVENTS, "unreadable_record"),
    }
    assert len(letters) == 2
    with pytest.raises(Conflict, match="history"):
        await DeadLetters(process.log, process.log).redrive(letters[0].id)


async def test_a_feed_that_died_before_its_commit_makes_nothing_twice(
    town: Any, process: Pipeline
) -> None:
    await listen(process, town.bia, "bia", events=["message"])

    died = asyncio.Event()

    def refuse(stream: str, _position: Position) -> None:
        if stream == EVENTS:
            died.set()
            raise RuntimeError("killed")

    town.faults.on_commit = refuse
    for number in range(5):
        await process.send(town.ana, town.draft(str(number)))
    await process.settle()
    async with feeding(process), asyncio.timeout(10):
        await died.wait()
    first = await told(process, "bia")
    assert len(first) == 5
    town.faults.none()
    async with feeding(process):
        await process.send(town.ana, town.draft("5"))
        await fed(process)
    both = await told(process, "bia")
    assert both[:5] == first
    assert [one["data"]["message"]["seq"] for one in both] == [1, 2, 3, 4, 5, 6]
    assert len({one["id"] for one in both}) == 6
