"""What happens between connecting and resuming is shown once."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from chat4all.adapters.memory.directory import MemoryDirectory
from chat4all.adapters.memory.event_log import MemoryEventLog
from chat4all.domain.drafts import Draft
from chat4all.domain.payload import text
from chat4all.testing.faults import Faults, FaultyMemoryStore
from chat4all.testing.pipeline import Pipeline, add_conversation, add_person
from chat4all.testing.screen import websocket_of


async def test_an_event_between_connecting_and_resuming_is_shown_once() -> None:
    directory = MemoryDirectory()
    ana = await add_person(directory, "ana")
    talk = await add_conversation(directory, ana)
    incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    frames: list[dict[str, Any]] = []

    async def send(event: dict[str, Any]) -> None:
        if event["type"] == "websocket.send":
            frames.append(json.loads(event["text"]))

    async def until(kind: str, count: int = 1) -> None:
        async with asyncio.timeout(30):
            while sum(one["type"] == kind for one in frames) < count:  # noqa: ASYNC110 - a list
                await asyncio.sleep(0.001)

    scope = {"subprotocols": ["chat4all.v1", f"bearer.{ana}"]}
    async with Pipeline(MemoryEventLog(), FaultyMemoryStore(Faults()), directory) as process:
        task = asyncio.create_task(websocket_of(process)(scope, incoming.get, send))
        incoming.put_nowait({"type": "websocket.connect"})
        await until("ready")
        await process.send(ana, Draft(conversation_id=talk, payload=text("between")))
        await process.settle()
        resume = json.dumps({"type": "resume", "cursor": ""})
        incoming.put_nowait({"type": "websocket.receive", "text": resume})
        await until("message")
        await process.send(ana, Draft(conversation_id=talk, payload=text("after")))
        await until("message", 2)
        incoming.put_nowait({"type": "websocket.disconnect"})
        await task
    shown = [one["message"]["seq"] for one in frames if one["type"] == "message"]
    assert shown == [1, 2]
