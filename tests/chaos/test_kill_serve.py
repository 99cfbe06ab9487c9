"""The real server is killed again and again under load; nothing that was accepted is lost."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import statistics
import sys
import uuid
from collections import Counter, defaultdict
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from tests.chaos.killed_server import Server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

SENDERS, TALKS = 4, 2
CHANCE = random.SystemRandom()
PASSWORD = "correct horse battery"
SETTLE_SECONDS = 15.0


@dataclass
class Person:
    """A client that sends in one talk after another, and repeats what got no answer."""

    name: str
    id: str = ""
    token: str = ""
    accepted: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Per conversation the ids in the order of their answers; one is sent after another."""
    cursors: dict[str, tuple[int, int]] = field(default_factory=dict)


@dataclass
class Device:
    """A WebSocket that resumes from the last cursor it got."""

    owner: Person
    cursor: str = ""
    shown: dict[str, list[tuple[int, str]]] = field(default_factory=lambda: defaultdict(list))


@dataclass
class Tally:
    """What the table at the end says."""

    kills: int = 0
    acknowledged: int = 0
    retried: int = 0
    lost: int = 0
    repeated: int = 0
    gaps: int = 0
    disordered: int = 0
    cursors_back: int = 0
    screens_wrong: int = 0
    restarts: list[float] = field(default_factory=list)

    def faults(self) -> int:
        wrong = (self.lost, self.repeated, self.gaps, self.disordered)
        return sum(wrong) + self.cursors_back + self.screens_wrong

    def table(self) -> str:
        rows = [
            ("kills", self.kills),
            ("messages acknowledged", self.acknowledged),
            ("sends repeated by clients", self.retried),
            ("lost", self.lost),
            ("repeated", self.repeated),
            ("gaps in seq", self.gaps),
            ("out of a sender's order", self.disordered),
            ("cursors gone back", self.cursors_back),
            ("screens unlike the history", self.screens_wrong),
            ("restart p50", f"{statistics.median(self.restarts):.2f} s"),
            ("restart max", f"{max(self.restarts):.2f} s"),
        ]
        return "\n".join(f"{name:<28}{value!s:>10}" for name, value in rows)


class World:
    """People, their talks and their devices, around a server that dies."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.http = httpx.AsyncClient(base_url=server.url, timeout=10)
        self.people = [Person(f"user{number}") for number in range(SENDERS)]
        self.devices = [Device(person) for person in self.people]
        self.talks: list[str] = []
        self.tally = Tally()
        self.sending = asyncio.Event()

    async def call(self, person: Person, method: str, path: str, **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {person.token}"}
        answer = await self.http.request(method, path, headers=headers, **more)
        answer.raise_for_status()
        return answer.json()

    async def populate(self) -> None:
        for person in self.people:
            account = {"username": person.name, "password": PASSWORD}
            made = await self.http.post("/v1/auth/register", json=account)
            person.id = made.raise_for_status().json()["id"]
            grant = {"grant_type": "password", **account}
            token = await self.http.post("/v1/auth/token", data=grant)
            person.token = token.raise_for_status().json()["access_token"]
        everybody = [person.id for person in self.people[1:]]
        for number in range(TALKS):
            body = {"type": "group", "name": f"Talk {number}", "member_ids": everybody}
            talk = await self.call(self.people[0], "POST", "/v1/conversations", json=body)
            self.talks.append(talk["id"])

    # -- load

    @asynccontextmanager
    async def load(self) -> AsyncIterator[None]:
        work = [self.send_on(person) for person in self.people]
        work += [self.watch(device) for device in self.devices]
        tasks = [asyncio.create_task(one) for one in work]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
        for end in ends:
            assert isinstance(end, asyncio.CancelledError), end

    async def send_on(self, person: Person) -> None:
        for number in itertools.count():
            await self.sending.wait()
            talk = self.talks[number % TALKS]
            await self.send(person, talk, f"{person.name} says {number}")
            if number % 10 == 9:
                await self.mark(person, talk)

    async def send(self, person: Person, talk: str, words: str) -> None:
        """Send once, however often it takes: the id makes the repeats one message."""
        name = str(uuid.uuid4())
        payload = {"type": "text", "text": words}
        body = {"message_id": name, "conversation_id": talk, "payload": payload}
        while True:
            try:
                await self.call(person, "POST", "/v1/messages", json=body)
            except httpx.TransportError:
                self.tally.retried += 1
                await asyncio.sleep(0.02)
            else:
                person.accepted[talk].append(name)
                self.tally.acknowledged += 1
                return

    async def mark(self, person: Person, talk: str) -> None:
        with suppress(httpx.TransportError):
            path = f"/v1/conversations/{talk}"
            shown = (await self.call(person, "GET", f"{path}/messages?limit=1"))["items"]
            if not shown:  # what was accepted is stored a little later
                return
            end = {"up_to_seq": shown[-1]["seq"]}
            marks = await self.call(person, "POST", f"{path}/read", json=end)
            person.cursors[talk] = (marks["last_delivered_seq"], marks["last_read_seq"])

    async def watch(self, device: Device) -> None:
        address = self.server.url.replace("http", "ws") + "/v1/ws"
        protocols: list[Any] = ["chat4all.v1", f"bearer.{device.owner.token}"]
        while True:
            with suppress(OSError, WebSocketException):
                async with connect(address, subprotocols=protocols, proxy=None) as socket_:
                    frame = {"type": "resume", "cursor": device.cursor}
                    await socket_.send(json.dumps(frame))
                    async for raw in socket_:
                        self.show(device, json.loads(raw))
            await asyncio.sleep(0.05)

    def show(self, device: Device, frame: dict[str, Any]) -> None:
        if frame["type"] == "message":
            message = frame["message"]
            place = (message["seq"], message["message_id"])
            device.shown[message["conversation_id"]].append(place)
        if "cursor" in frame and frame["type"] != "ready":
            device.cursor = frame["cursor"]

    # -- what must be true after a restart

    async def history(self, talk: str) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = []
        while True:
            after = messages[-1]["seq"] if messages else 0
            path = f"/v1/conversations/{talk}/messages?after_seq={after}&limit=200"
            page = (await self.call(self.people[0], "GET", path))["items"]
            messages += page
            if not page:
                return messages

    async def check(self) -> None:
        """Compare what the API tells with what was acknowledged; senders hold still meanwhile."""
        for talk in self.talks:
            messages = await self.history(talk)
            self.check_history(talk, messages)
            await self.check_cursors(talk)
            wanted = [(one["seq"], one["message_id"]) for one in messages]
            for device in self.devices:
                try:
                    async with asyncio.timeout(SETTLE_SECONDS):
                        while len(device.shown[talk]) < len(wanted):  # noqa: ASYNC110
                            await asyncio.sleep(0.02)
                except TimeoutError:
                    pass
                self.tally.screens_wrong += device.shown[talk] != wanted

    def check_history(self, talk: str, messages: list[dict[str, Any]]) -> None:
        seqs = [one["seq"] for one in messages]
        self.tally.gaps += seqs != list(range(1, len(seqs) + 1))
        stored = Counter(one["message_id"] for one in messages)
        self.tally.repeated += sum(count - 1 for count in stored.values())
        places = {one["message_id"]: one["seq"] for one in messages}
        for person in self.people:
            names = person.accepted[talk]
            self.tally.lost += sum(name not in stored for name in names)
            found = [places[name] for name in names if name in places]
            self.tally.disordered += found != sorted(found)

    async def check_cursors(self, talk: str) -> None:
        members = (await self.call(self.people[0], "GET", f"/v1/conversations/{talk}"))["members"]
        cursors = {one["user_id"]: one for one in members}
        for person in self.people:
            delivered, read = person.cursors.get(talk, (0, 0))
            now = cursors[person.id]
            held = now["last_delivered_seq"] >= delivered and now["last_read_seq"] >= read
            self.tally.cursors_back += not held


async def kill_again_and_again(
    folder: Path, kills: int, settings: Mapping[str, str] | None = None
) -> Tally:
    server = Server(folder / "data", settings)
    await server.start()
    world = World(server)
    try:
        await world.populate()
        async with world.load():
            for _ in range(kills):
                world.sending.set()
                await asyncio.sleep(CHANCE.uniform(0.05, 1.0))
                await server.kill()
                world.tally.kills += 1
                world.tally.restarts.append(await server.start())
                await asyncio.sleep(CHANCE.uniform(0.0, 0.3))
                world.sending.clear()
                await asyncio.sleep(0.3)  # what is on its way is answered
                await world.check()
    finally:
        await world.http.aclose()
        await server.kill()
    return world.tally


@pytest.mark.slow
async def test_three_kills_lose_nothing(tmp_path: Path) -> None:
    tally = await kill_again_and_again(tmp_path, 3)
    assert tally.acknowledged > 0
    assert tally.faults() == 0, tally.table()


@pytest.mark.chaos
async def test_many_kills_lose_nothing(tmp_path: Path, kills: int) -> None:
    tally = await kill_again_and_again(tmp_path, kills)
    sys.stdout.write(f"\n{tally.table()}\n")
    assert tally.acknowledged > 0
    assert tally.faults() == 0, tally.table()
