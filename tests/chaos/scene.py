"""People who talk on the distributed column: with each other, and with phones of two platforms."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx

from chat4all.testing.telegram import Phone, TelegramSimulator
from tests.chaos.world import Device, Habits, Person, World
from tests.e2e.account import Account
from tests.e2e.sender import sender

HABITS = Habits(
    patience=5.0,
    repeats=frozenset({429, 502, 503, 504}),
    pause=0.4,
    settle=60.0,
    socket={"open_timeout": 5, "ping_interval": 2, "ping_timeout": 3, "close_timeout": 1},
)
PROOF_SECONDS = 120.0
SLOW_TALK, FILES = 4.0, 3.0
"""Seconds between messages on Telegram, which takes one a second, and between files."""
FILE_BYTES = 100_000
LOOK = 0.05


@dataclass(frozen=True)
class Memory:
    """Where a device stood at some moment."""

    device: Device
    cursor: str
    shown: dict[str, list[str]]


class Scene(World):
    """Some people in three talks: `room`, one with Rita's mock phone, one with Tom's Telegram.

    `people` are signed up already; the last of them only proves that all is well.
    """

    def __init__(self, url: str, people: list[Person], number: int) -> None:
        super().__init__(url, HABITS)
        self.people = people
        self.devices = [Device(person) for person in people]
        self.number = number
        self.rita = f"+55119{number:08}"
        self.tom: Phone | None = None
        self.said: list[str] = []
        self.files: dict[str, bytes] = {}
        self.again_at_telegram = 0
        self.room = self.phones = self.group = ""
        self.memories: list[Memory] = []

    # -- before

    async def set_up(self, telegram: TelegramSimulator) -> None:
        """Sign in, begin the talks, and wait until Tom has the first message of his."""
        await self.sign_in()
        self.tom = telegram.add_person(f"Tom {self.number}")
        everybody = self.people[1:]
        rita = await self._contact("mock", self.rita)
        tom = await self._contact("telegram", str(self.tom.owner.id))
        self.room = await self.begin("Room", everybody)
        self.phones = await self.begin("With Rita", everybody, rita)
        self.group = await self.begin("With Tom", everybody, tom)
        self.talks = [self.room] * 4 + [self.phones]
        self.tom.start()
        for device in self.devices:
            device.cursor = (await self.call(device.owner, "GET", "/v1/sync"))["next"]
        await self.send(self.people[1], self.group, "welcome")
        await self._until(lambda: self._at_toms("welcome"))

    async def _contact(self, platform: str, external_id: str) -> str:
        card = {
            "display_name": f"{platform} {self.number}",
            "channels": [{"platform": platform, "external_id": external_id}],
        }
        return str((await self.call(self.people[0], "POST", "/v1/contacts", json=card))["id"])

    # -- meanwhile

    def work(self) -> list[Coroutine[Any, Any, None]]:
        sends = [self.send_on(person) for person in self.people[:-1]]
        watches = [self.watch(device) for device in self.devices]
        return [*sends, *watches, self._talk_with_tom(), self._send_files()]

    async def _talk_with_tom(self) -> None:
        assert self.tom is not None
        for turn in itertools.count():
            async with self.turn():
                await self.send(self.people[1], self.group, f"for Tom {turn}")
                self.said.append(f"from Tom {self.number}.{turn}")
                self.tom.write(self.said[-1])
            await asyncio.sleep(SLOW_TALK)

    async def _send_files(self) -> None:
        while True:
            async with self.turn():
                await self.send_file()
            await asyncio.sleep(FILES)

    async def send_file(self) -> str:
        """Send a file, from the beginning whenever something breaks; return its id."""
        data = random.randbytes(FILE_BYTES)  # noqa: S311 - any bytes
        while True:
            try:
                async with sender(self.url, self._account()) as by:
                    by.http.timeout = httpx.Timeout(self.habits.patience)
                    file_id = await by.upload(self.room, data)
            except httpx.HTTPError as error:
                if not (self.is_trouble(error) or _is_half_done(error)):
                    raise
                await asyncio.sleep(0.1)
            else:
                self.files[file_id] = data
                return file_id

    def _account(self) -> Account:
        account = Account(self.url, self.people[0].name)
        account.token = self.people[0].token
        return account

    def remember(self) -> None:
        """Keep where every device stands now."""
        talks = set(self.talks) | {self.group}
        for device in self.devices:
            shown = {talk: list(device.ids(talk)) for talk in talks}
            self.memories.append(Memory(device, device.cursor, shown))

    # -- after

    async def proven(self, proof: str, since: float) -> float:
        """Return the seconds since `since` until a fresh message is everywhere."""
        person, screen = self.people[-1], self.devices[0]
        async with asyncio.timeout(PROOF_SECONDS):
            if proof == "file":
                file_id = await self.send_file()
                await self._until(lambda: self._has_file(file_id))
            talk = self.group if proof == "telegram" else self.phones
            words = f"all is well {time.monotonic()}"
            name = await self.send(person, talk, words)
            at_phone: Callable[[], Awaitable[bool]] = (
                (lambda: self._at_toms(words))
                if proof == "telegram"
                else (lambda: self._at_ritas(name))
            )
            await self._until(at_phone)
            await self._until(lambda: _is_shown(name, screen, talk))
        return time.monotonic() - since

    async def call(self, person: Person, method: str, path: str, **more: Any) -> Any:
        """Ask; a question that changes nothing is asked however often it takes."""
        while True:
            try:
                return await super().call(person, method, path, **more)
            except httpx.HTTPError as error:
                if method != "GET" or not self.is_trouble(error):
                    raise
                await asyncio.sleep(LOOK)

    async def check(self) -> None:
        """Compare all that clients and phones saw with what was acknowledged."""
        talks = {"room": self.room, "phones": self.phones, "group": self.group}
        histories = {talk: await self.settled(talk) for talk in talks.values()}
        missed = [(memory, await self._missed(memory)) for memory in self._chosen()]
        for name, talk in talks.items():
            messages = histories[talk]
            ids = [one["message_id"] for one in messages]
            self.check_history(talk, messages)
            await self.check_cursors(talk)
            await self.check_screens(talk, messages)
            for person in self.people[1:]:
                theirs = [one["message_id"] for one in await self.history(talk, person)]
                self.tally.compare(f"{name} as {person.name} reads it", ids, theirs)
            for memory, later in missed:
                found = [*memory.shown[talk], *later[talk]]
                where = f"{name} caught up by {memory.device.owner.name}"
                self.tally.compare(where, ids, found)
            if name == "phones":
                await self._check_rita(ids)
            if name == "group":
                await self._check_tom(messages)
        await self._check_files()

    def expected(self, talk: str) -> int:
        return super().expected(talk) + (len(self.said) if talk == self.group else 0)

    def _chosen(self) -> list[Memory]:
        """Return the first memory of each device and a later one."""
        first = self.memories[: len(self.devices)]
        later = self.memories[len(self.devices) :][-len(self.devices) :]
        return first + later

    async def _missed(self, memory: Memory) -> dict[str, list[str]]:
        """Return the messages that a client with that cursor gets, by talk."""
        found: dict[str, list[str]] = {talk: [] for talk in memory.shown}
        cursor = memory.cursor
        while True:
            path = f"/v1/sync?cursor={cursor}"
            page = await self.call(memory.device.owner, "GET", path)
            for frame in page["items"]:
                message = frame["message"] if frame["type"] == "message" else {}
                if message.get("conversation_id") in found:
                    found[message["conversation_id"]].append(message["message_id"])
            if not page["more"]:
                return found
            cursor = page["next"]

    async def _check_rita(self, ids: list[str]) -> None:
        shown: list[str] = []
        with suppress(TimeoutError):
            async with asyncio.timeout(self.habits.settle):
                while len(shown) < len(ids):
                    shown = await self._ritas()
                    await asyncio.sleep(LOOK)
        self.tally.compare("Rita's phone", ids, shown)

    async def _ritas(self) -> list[str]:
        phone = await self.call(self.people[0], "GET", f"/v1/mock/phones/{self.rita}")
        return [one["external_id"] for one in phone["messages"]]

    async def _at_ritas(self, name: str) -> bool:
        return name in await self._ritas()

    async def _check_tom(self, messages: list[dict[str, Any]]) -> None:
        """Compare his phone, where repeats are told apart: Telegram takes no idempotency keys."""
        ours = {one.id for one in self.people}
        words = [one["payload"]["text"] for one in messages if one["from"] in ours]
        written = [one["payload"]["text"] for one in messages if one["from"] not in ours]
        self.tally.compare("what Tom wrote", self.said, written)
        with suppress(TimeoutError):
            async with asyncio.timeout(self.habits.settle):
                while len(set(self._toms())) < len(words):  # noqa: ASYNC110
                    await asyncio.sleep(LOOK)
        shown = self._toms()
        once = list(dict.fromkeys(shown))
        self.again_at_telegram += len(shown) - len(once)
        self.tally.compare("Tom's phone", words, once)

    def _toms(self) -> list[str]:
        assert self.tom is not None
        texts = [one.text or "" for one in self.tom.view().messages if not one.mine]
        return [text.partition(": ")[2] for text in texts if ": " in text]

    async def _at_toms(self, words: str) -> bool:
        return words in self._toms()

    async def _check_files(self) -> None:
        kept = [file_id for file_id in self.files if await self._has_file(file_id)]
        self.tally.compare("files", list(self.files), kept)

    async def _has_file(self, file_id: str) -> bool:
        headers = {"Authorization": f"Bearer {self.people[0].token}"}
        path = f"/v1/files/{file_id}/content"
        for _ in range(100):
            try:
                answer = await self.http.get(path, headers=headers)
            except httpx.TransportError:
                continue
            if answer.status_code not in self.habits.repeats:
                return answer.is_success and answer.content == self.files[file_id]
            await asyncio.sleep(0.1)
        return False

    async def _until(self, met: Callable[[], Awaitable[bool]]) -> None:
        while not await met():  # noqa: ASYNC110 - a server tells nobody
            await asyncio.sleep(LOOK)


async def _is_shown(name: str, device: Device, talk: str) -> bool:
    return name in device.ids(talk)


def _is_half_done(error: httpx.HTTPError) -> bool:
    """Return whether an upload was found as a repeat of ours finds it: begun, or done."""
    return isinstance(error, httpx.HTTPStatusError) and error.response.status_code in {409, 423}
