"""Events are written as they happen to those who keep up, and wait in order for the others."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chat4all.adapters.memory.directory import MemoryDirectory
from chat4all.adapters.memory.event_log import MemoryEventLog
from chat4all.domain.drafts import Draft
from chat4all.domain.errors import InvalidToken
from chat4all.domain.events import SyncCursor
from chat4all.domain.ids import UserId
from chat4all.domain.payload import text
from chat4all.gateway.ws import endpoint, outlet
from chat4all.gateway.ws.closing import Close
from chat4all.gateway.ws.endpoint import WebSocketEndpoint
from chat4all.gateway.ws.wire import DIRECT, KEPT, Ready, text_frame
from chat4all.ports.access_tokens import Principal
from chat4all.testing.faults import Faults, FaultyMemoryStore
from chat4all.testing.pipeline import Pipeline, add_conversation, add_person
from chat4all.testing.screen import NamesAsTokens, websocket_of

PING = {"type": "ping"}


class Device:
    """A client whose server can write without waiting; it may stop to read."""

    def __init__(self, user: UserId) -> None:
        self.user = user
        self.free = True
        self.broken = False
        self.written: list[bytes] = []
        self.shown: list[dict[str, Any]] = []
        self.closed: int | None = None
        self.incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.reads = asyncio.Event()
        self.reads.set()

    def is_free(self) -> bool:
        return self.free and self.reads.is_set()

    def write(self, frame: bytes) -> None:
        if self.broken:
            raise RuntimeError("the handler is closed")
        self.written.append(frame)
        self.shown.append(json.loads(frame[frame.index(b"{") :]))

    async def take(self, event: dict[str, Any]) -> None:
        if event["type"] == "websocket.send":
            await self.reads.wait()
            self.shown.append(json.loads(event["text"]))
        elif event["type"] == "websocket.close":
            self.closed = event["code"]

    def say(self, **frame: Any) -> None:
        self.incoming.put_nowait({"type": "websocket.receive", "text": json.dumps(frame)})

    @property
    def seqs(self) -> list[int]:
        return [one["message"]["seq"] for one in self.shown if one["type"] == "message"]

    def messages_written(self) -> list[bytes]:
        return [one for one in self.written if b'"type":"message"' in one]

    @asynccontextmanager
    async def connected(self, endpoint: WebSocketEndpoint) -> AsyncIterator[asyncio.Task[None]]:
        scope = {
            "subprotocols": ["chat4all.v1", f"bearer.{self.user}"],
            "headers": [(b"host", b"here")],
            "extensions": {DIRECT: self},
        }
        task = asyncio.create_task(endpoint(scope, self.incoming.get, self.take))
        self.incoming.put_nowait({"type": "websocket.connect"})
        self.say(**PING)
        await until(lambda: any(one["type"] == "pong" for one in self.shown))
        await asyncio.sleep(0)  # what the first frame held back goes after it
        try:
            yield task
        finally:
            self.reads.set()
            self.incoming.put_nowait({"type": "websocket.disconnect"})
            await task


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110 - lists that others fill
            await asyncio.sleep(0.001)


class Town:
    """Ana writes, Bia and Caio read, all in one conversation."""

    def __init__(self, process: Pipeline) -> None:
        self.process = process
        self.endpoint = websocket_of(process)

    async def begin(self) -> None:
        directory = self.process.directory
        self.ana = await add_person(directory, "ana")
        self.bia = Device(await add_person(directory, "bia"))
        self.caio = Device(await add_person(directory, "caio"))
        self.talk = await add_conversation(directory, self.ana, self.bia.user, self.caio.user)

    async def say(self, *words: str) -> None:
        for one in words:
            await self.process.send(self.ana, Draft(conversation_id=self.talk, payload=text(one)))
        await self.process.settle()


@pytest.fixture
async def town() -> AsyncIterator[Town]:
    store = FaultyMemoryStore(Faults())
    async with Pipeline(MemoryEventLog(), store, MemoryDirectory()) as process:
        town = Town(process)
        await town.begin()
        yield town


async def test_members_who_keep_up_are_written_the_same_bytes_at_once(town: Town) -> None:
    async with town.bia.connected(town.endpoint), town.caio.connected(town.endpoint):
        await town.say("one", "two")
        await until(lambda: len(town.caio.seqs) == len(town.bia.seqs) == 2)
        assert town.bia.seqs == town.caio.seqs == [1, 2]
        for theirs, others in zip(
            town.bia.messages_written(), town.caio.messages_written(), strict=True
        ):
            assert theirs is others


async def test_each_frame_has_the_cursor_of_its_own_client(town: Town) -> None:
    async with town.bia.connected(town.endpoint):
        await town.say("one")
        async with town.caio.connected(town.endpoint):
            town.caio.say(type="resume", cursor="")
            await until(lambda: town.caio.seqs == [1])
            alone = await add_conversation(town.process.directory, town.ana, town.bia.user)
            draft = Draft(conversation_id=alone, payload=text("for Bia alone"))
            await town.process.send(town.ana, draft)
            await town.process.settle()
            await town.say("two")
            await until(lambda: len(town.bia.seqs) == 3 and len(town.caio.seqs) == 2)
    for device, before in ((town.bia, 2), (town.caio, 1)):
        again = Device(device.user)
        async with again.connected(town.endpoint):
            kept = [one for one in device.shown if one["type"] == "message"][before - 1]
            again.say(type="resume", cursor=kept["cursor"])
            await until(lambda now=again: len(now.seqs) >= 1)  # type: ignore[misc]
            assert again.seqs == [2]


def test_who_has_seen_other_events_is_written_a_cursor_of_its_own() -> None:
    ready, frame = Ready(), '{"type":"typing"}'
    first, second = SyncCursor({0: 9}), SyncCursor({0: 9, 1: 4})
    assert ready.of(frame, first) == text_frame(b'{"cursor":"0.9","type":"typing"}')
    assert ready.of(frame, second) == text_frame(b'{"cursor":"0.9-1.4","type":"typing"}')
    assert ready.of(frame, first) is ready.of(frame, first)
    assert ready.of(frame, None) == text_frame(frame.encode())


def test_a_large_frame_is_not_kept_for_each_of_many_different_cursors() -> None:
    ready, frame = Ready(), '{"type":"message"}'
    cursors = [SyncCursor({0: 9, 1: offset}) for offset in range(KEPT + 1)]
    made = [ready.of(frame, one) for one in cursors]
    assert ready.of(frame, cursors[0]) is made[0]
    assert ready.of(frame, cursors[-1]) is not made[-1]
    assert ready.of(frame, cursors[-1]) == made[-1]


async def test_frames_wait_in_order_for_who_does_not_keep_up(town: Town) -> None:
    async with town.bia.connected(town.endpoint), town.caio.connected(town.endpoint):
        town.bia.reads.clear()
        await town.say("one", "two")
        await until(lambda: town.caio.seqs == [1, 2])
        assert town.bia.seqs == []
        town.bia.reads.set()
        await town.say("three")
        await until(lambda: len(town.bia.seqs) == 3)
        assert town.bia.seqs == [1, 2, 3]
        await town.say("four")
        await until(lambda: len(town.bia.seqs) == 4)
        assert len(town.bia.messages_written()) in {1, 2}  # at once again


async def test_an_event_does_not_overtake_one_that_is_being_written(town: Town) -> None:
    async with town.bia.connected(town.endpoint):
        town.bia.reads.clear()
        await town.say("one")
        await asyncio.sleep(0.01)  # the first is on its way, and nothing waits behind it
        town.bia.is_free = lambda: True  # type: ignore[method-assign]
        await town.say("two")
        assert town.bia.seqs == []
        town.bia.reads.set()
        await until(lambda: len(town.bia.seqs) == 2)
        assert town.bia.seqs == [1, 2]


async def test_who_reads_too_slowly_is_cut_off_after_a_time(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outlet, "SEND_SECONDS", 0.05)
    async with town.bia.connected(town.endpoint), town.caio.connected(town.endpoint):
        town.bia.reads.clear()
        await town.say("one")
        await until(lambda: town.bia.closed is not None)
        assert town.bia.closed == Close.SLOW_CLIENT
        await until(lambda: town.caio.seqs == [1])


async def test_a_socket_that_cannot_be_written_ends_and_disturbs_nobody(town: Town) -> None:
    async with town.caio.connected(town.endpoint):
        town.bia.incoming.put_nowait({"type": "websocket.connect"})
        scope = {
            "subprotocols": ["chat4all.v1", f"bearer.{town.bia.user}"],
            "extensions": {DIRECT: town.bia},
        }
        task = asyncio.create_task(town.endpoint(scope, town.bia.incoming.get, town.bia.take))
        town.bia.say(**PING)
        await until(lambda: any(one["type"] == "pong" for one in town.bia.shown))
        await asyncio.sleep(0)
        town.bia.broken = True
        await town.say("one", "two")
        with pytest.raises(RuntimeError, match="the handler is closed"):
            await asyncio.wait_for(task, 30)
        await until(lambda: len(town.caio.seqs) == 2)
        assert town.caio.closed is None
        assert not town.process.notifier.is_connected(town.bia.user)


async def test_nothing_follows_what_could_not_be_sent(town: Town) -> None:
    bia, tried = town.bia, 0

    async def fail_once(event: dict[str, Any]) -> None:
        nonlocal tried
        tried += event["type"] == "websocket.send"
        if tried == 1:
            # Something more to tell, before the reader hears that the connection ends.
            asyncio.get_running_loop().call_soon(town.process.notifier.fall_behind)
            raise ConnectionResetError
        await Device.take(bia, event)

    bia.take = fail_once  # type: ignore[method-assign]

    async def talk_until_it_ends() -> None:
        async with bia.connected(town.endpoint) as task:
            bia.free = False
            draft = Draft(conversation_id=town.talk, payload=text("x"))
            for _ in range(5):
                await town.process.send(town.ana, draft)
            await asyncio.wait_for(asyncio.shield(task), 30)

    with pytest.raises(ConnectionResetError):
        await talk_until_it_ends()
    assert bia.seqs == []


async def test_a_node_that_stops_asks_everybody_to_come_back(town: Town) -> None:
    async with town.bia.connected(town.endpoint), town.caio.connected(town.endpoint):
        await town.endpoint.aclose()
        await until(lambda: {town.bia.closed, town.caio.closed} == {Close.RESTART})
    assert town.process.notifier.connections == 0


async def test_a_connection_that_stands_has_no_task_but_that_of_its_server(town: Town) -> None:
    async with town.bia.connected(town.endpoint) as task:
        await town.say("one")
        await until(lambda: town.bia.seqs == [1])
        before = asyncio.all_tasks()
        async with town.caio.connected(town.endpoint) as other:
            await town.say("two")
            await until(lambda: town.caio.seqs == [2] and town.bia.seqs == [1, 2])
            assert asyncio.all_tasks() - before == {other}
        assert not task.done()


async def test_what_happens_before_the_client_resumes_is_written_once(town: Town) -> None:
    bia = town.bia
    scope = {
        "subprotocols": ["chat4all.v1", f"bearer.{bia.user}"],
        "extensions": {DIRECT: bia},
    }
    task = asyncio.create_task(town.endpoint(scope, bia.incoming.get, bia.take))
    bia.incoming.put_nowait({"type": "websocket.connect"})
    await until(lambda: any(one["type"] == "ready" for one in bia.shown))
    await town.say("between")
    assert bia.seqs == []
    bia.say(type="resume", cursor="")
    await until(lambda: bia.seqs == [1])
    await town.say("after")
    await until(lambda: len(bia.seqs) >= 2)
    assert bia.seqs == [1, 2]
    bia.incoming.put_nowait({"type": "websocket.disconnect"})
    await task


class Checks(NamesAsTokens):
    """Counts how often a token is checked, and knows when it ends."""

    def __init__(self, ends: datetime) -> None:
        super().__init__()
        self.ends = ends
        self.times = 0

    def verify(self, token: str) -> Principal:
        self.times += 1
        if self.ends <= datetime.now(UTC) or self.is_revoked(token):
            raise InvalidToken("it has ended")
        return replace(super().verify(token), expires_at=self.ends)


@pytest.mark.parametrize("revoked", [False, True])
async def test_a_token_that_stands_is_not_checked_again_and_one_that_ends_ends_the_connection(
    town: Town, monkeypatch: pytest.MonkeyPatch, *, revoked: bool
) -> None:
    monkeypatch.setattr(endpoint, "KEEP_SECONDS", 0.01)
    checks = Checks(datetime.now(UTC) + timedelta(seconds=600 if revoked else 0.5))
    renewed = 0
    async with town.bia.connected(websocket_of(town.process, checks)):
        leases = town.process.ephemeral.leases
        put = leases.put

        async def counted(key: str, value: str, *, ttl: float) -> None:
            nonlocal renewed
            renewed += 1
            await put(key, value, ttl=ttl)

        monkeypatch.setattr(leases, "put", counted)
        before = checks.times
        await until(lambda: renewed >= 3)
        assert checks.times == before
        if revoked:
            await checks.revoke(town.bia.user, until=checks.ends)  # and nobody is told of it
        await until(lambda: town.bia.closed is not None)
    assert town.bia.closed == Close.UNAUTHENTICATED
