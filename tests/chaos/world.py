"""People who send and watch around a server that dies, and what must be true of what they saw."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from tests.chaos.tally import Tally

SENDERS, TALKS = 4, 2
PASSWORD = "correct horse battery"


@dataclass(frozen=True, kw_only=True)
class Habits:
    """How the clients behave."""

    patience: float = 10.0
    """Seconds that they wait for an answer."""
    repeats: frozenset[int] = frozenset()
    """The statuses after which they ask again, besides a connection that broke."""
    pause: float = 0.0
    """Seconds between the messages of one of them."""
    settle: float = 15.0
    """Seconds that a history may need to have what was accepted, and a screen to show it."""
    socket: dict[str, Any] = field(default_factory=dict)


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

    def ids(self, talk: str) -> list[str]:
        return [name for _, name in self.shown[talk]]


class World:
    """People, their talks and their devices, around a server that dies."""

    def __init__(self, url: str, habits: Habits = Habits()) -> None:
        self.url = url
        self.habits = habits
        self.http = httpx.AsyncClient(base_url=url, timeout=habits.patience, trust_env=False)
        self.people = [Person(f"user{number}") for number in range(SENDERS)]
        self.devices = [Device(person) for person in self.people]
        self.talks: list[str] = []
        self.tally = Tally()
        self.sending = asyncio.Event()
        self._busy = 0

    async def call(self, person: Person, method: str, path: str, **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {person.token}"}
        answer = await self.http.request(method, path, headers=headers, **more)
        answer.raise_for_status()
        return answer.json()

    def is_trouble(self, error: httpx.HTTPError) -> bool:
        """Return whether a client asks again after that."""
        if isinstance(error, httpx.HTTPStatusError):
            return error.response.status_code in self.habits.repeats
        return isinstance(error, httpx.TransportError)

    async def sign_up(self) -> None:
        for person in self.people:
            account = {"username": person.name, "password": PASSWORD}
            made = await self.http.post("/v1/auth/register", json=account)
            person.id = made.raise_for_status().json()["id"]
        await self.sign_in()

    async def sign_in(self) -> None:
        """Give everybody a fresh access token; one is good for a quarter of an hour."""
        for person in self.people:
            grant = {"grant_type": "password", "username": person.name, "password": PASSWORD}
            token = await self.http.post("/v1/auth/token", data=grant)
            person.token = token.raise_for_status().json()["access_token"]

    async def populate(self) -> None:
        await self.sign_up()
        for number in range(TALKS):
            self.talks.append(await self.begin(f"Talk {number}", self.people[1:]))

    async def begin(self, name: str, others: Sequence[Person], *more: str) -> str:
        """Begin a talk of the first person with others; return its id."""
        members = [*(person.id for person in others), *more]
        body = {"type": "group", "name": name, "member_ids": members}
        talk = await self.call(self.people[0], "POST", "/v1/conversations", json=body)
        return str(talk["id"])

    # -- load

    def work(self) -> list[Coroutine[Any, Any, None]]:
        """Return what goes on until the load ends."""
        sends = [self.send_on(person) for person in self.people]
        return [*sends, *(self.watch(device) for device in self.devices)]

    @asynccontextmanager
    async def load(self) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(one) for one in self.work()]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
        for end in ends:
            assert isinstance(end, asyncio.CancelledError), end

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until sending is allowed; the block is what `quiet` waits for."""
        await self.sending.wait()
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1

    async def quiet(self) -> None:
        """Have the senders hold still; return once what is on its way is answered."""
        self.sending.clear()
        while self._busy:  # noqa: ASYNC110 - a number tells nobody
            await asyncio.sleep(0.02)

    async def send_on(self, person: Person) -> None:
        for number in itertools.count():
            async with self.turn():
                talk = self.talks[number % len(self.talks)]
                await self.send(person, talk, f"{person.name} says {number}")
                if number % 10 == 9:
                    await self.mark(person, talk)
            await asyncio.sleep(self.habits.pause)

    async def send(self, person: Person, talk: str, words: str) -> str:
        """Send once, however often it takes: the id makes the repeats one message."""
        name = str(uuid.uuid4())
        payload = {"type": "text", "text": words}
        body = {"message_id": name, "conversation_id": talk, "payload": payload}
        while True:
            try:
                await self.call(person, "POST", "/v1/messages", json=body)
            except httpx.HTTPError as error:
                if not self.is_trouble(error):
                    raise
                self.tally.retried += 1
                await asyncio.sleep(0.02)
            else:
                person.accepted[talk].append(name)
                self.tally.acknowledged += 1
                return name

    async def mark(self, person: Person, talk: str) -> None:
        """Say that the last message is read; what the answer says must not go back."""
        path = f"/v1/conversations/{talk}"
        try:
            shown = (await self.call(person, "GET", f"{path}/messages?limit=1"))["items"]
            if not shown:  # what was accepted is stored a little later
                return
            end = {"up_to_seq": shown[-1]["seq"]}
            marks = await self.call(person, "POST", f"{path}/read", json=end)
        except httpx.HTTPError as error:
            if not self.is_trouble(error):
                raise
        else:
            self.must_hold(person, talk, marks)

    async def watch(self, device: Device) -> None:
        address = self.url.replace("http", "ws") + "/v1/ws"
        protocols: list[Any] = ["chat4all.v1", f"bearer.{device.owner.token}"]
        options = {"subprotocols": protocols, "proxy": None, **self.habits.socket}
        while True:
            with suppress(OSError, WebSocketException):
                async with connect(address, **options) as socket_:
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

    async def history(self, talk: str, reader: Person | None = None) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = []
        while True:
            after = messages[-1]["seq"] if messages else 0
            path = f"/v1/conversations/{talk}/messages?after_seq={after}&limit=200"
            page = (await self.call(reader or self.people[0], "GET", path))["items"]
            messages += page
            if not page:
                return messages

    async def settled(self, talk: str) -> list[dict[str, Any]]:
        """Return the history once it has what was accepted, or its time is over."""
        last = time.monotonic() + self.habits.settle
        while True:
            messages = await self.history(talk)
            if len(messages) >= self.expected(talk) or time.monotonic() > last:
                return messages
            await asyncio.sleep(0.1)

    def expected(self, talk: str) -> int:
        """Return how many messages a talk has to have."""
        return sum(len(person.accepted[talk]) for person in self.people)

    async def check(self) -> None:
        """Compare what the API tells with what was acknowledged; senders hold still meanwhile."""
        for talk in self.talks:
            messages = await self.settled(talk)
            self.check_history(talk, messages)
            await self.check_cursors(talk)
            await self.check_screens(talk, messages)

    def check_history(self, talk: str, messages: Sequence[dict[str, Any]]) -> None:
        self.tally.number(f"history of {talk}", [one["seq"] for one in messages])
        for person in self.people:
            mine = [one["message_id"] for one in messages if one["from"] == person.id]
            self.tally.compare(f"history of {talk}", person.accepted[talk], mine)

    async def check_screens(self, talk: str, messages: Sequence[dict[str, Any]]) -> None:
        wanted = [one["message_id"] for one in messages]
        with suppress(TimeoutError):
            async with asyncio.timeout(self.habits.settle):
                while any(len(one.shown[talk]) < len(wanted) for one in self.devices):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
        for device in self.devices:
            self.tally.compare(f"socket of {device.owner.name}", wanted, device.ids(talk))

    async def check_cursors(self, talk: str) -> None:
        members = (await self.call(self.people[0], "GET", f"/v1/conversations/{talk}"))["members"]
        cursors = {one["user_id"]: one for one in members}
        for person in self.people:
            self.must_hold(person, talk, cursors[person.id])

    def must_hold(self, person: Person, talk: str, marks: dict[str, Any]) -> None:
        """Count a cursor that is behind where it was told to be."""
        now = (marks["last_delivered_seq"], marks["last_read_seq"])
        self.tally.hold(f"cursors of {person.name}", person.cursors.get(talk, (0, 0)), now)
        person.cursors[talk] = now
