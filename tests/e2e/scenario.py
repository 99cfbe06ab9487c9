"""The steps of `scenario.toml`, done by any API; and what they left, as REST tells it."""

from __future__ import annotations

import asyncio
import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from tests.e2e.account import Account

PATIENCE = 60.0
STEPS: list[dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("scenario.toml").read_text(encoding="utf-8")
)["step"]
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")


class Seen:
    """What somebody was told as it happened: which kind, of which message, and how far it is."""

    def __init__(self) -> None:
        self.messages: dict[str, dict[str, Any]] = {}
        self._told: set[tuple[str, str, str]] = set()
        self._came = asyncio.Condition()

    async def tell(self, kind: str, message_id: str, status: str = "", **message: Any) -> None:
        """Note that it happened; `message` is its `seq` and, if it has one, `file_id`."""
        async with self._came:
            self._told.add((kind, message_id, status))
            if kind == "message":
                self.messages[message_id] = message
            self._came.notify_all()

    async def until(self, kind: str, message_id: str, status: str = "") -> None:
        """Wait until that was told."""
        async with asyncio.timeout(PATIENCE), self._came:
            await self._came.wait_for(lambda: (kind, message_id, status) in self._told)


class Person(Protocol):
    """Somebody who does the steps by one API."""

    seen: Seen

    async def send(self, talk: str, text: str, **more: Any) -> str:
        """Send a text, with `reply_to` and `metadata` if they are told; return its id."""
        ...

    async def edit(self, message_id: str, text: str) -> None:
        """Give one's message another text."""
        ...

    async def read(self, talk: str, up_to_seq: int) -> None:
        """Say that all up to a number was read."""
        ...

    async def send_file(self, talk: str, path: Path, mime_type: str, caption: str) -> str:
        """Upload a file and send it as a document; return the message's id."""
        ...

    async def fetch(self, file_id: str) -> bytes:
        """Return the bytes of a file."""
        ...


async def perform(people: Mapping[str, Person], talk: str, folder: Path) -> None:
    """Do all steps, one after the other."""
    scene = _Scene(talk, folder)
    for step in STEPS:
        async with asyncio.timeout(PATIENCE):
            await scene.step(step, people[step["who"]])


class _Scene:
    """One conversation; the ids of the messages in it, and the bytes of its files."""

    def __init__(self, talk: str, folder: Path) -> None:
        self._talk = talk
        self._folder = folder
        self._ids: dict[str, str] = {}
        self._files: dict[str, bytes] = {}

    async def step(self, step: dict[str, Any], person: Person) -> None:
        about = self._ids.get(step.get("message", ""), "")
        match step["does"]:
            case "send":
                self._ids[step["as"]] = await self._send(step, person)
            case "receive":
                await person.seen.until("message", about)
            case "read":
                await person.read(self._talk, person.seen.messages[about]["seq"])
            case "see status":
                await person.seen.until("status", about, step["status"])
            case "edit":
                await person.edit(about, step["text"])
            case "see edit":
                await person.seen.until("edited", about)
            case "send file":
                self._ids[step["as"]] = await self._send_file(step, person)
            case "fetch file":
                file_id = person.seen.messages[about]["file_id"]
                assert await person.fetch(file_id) == self._files[about]
            case other:
                raise AssertionError(f"nobody knows how to {other}")

    async def _send(self, step: dict[str, Any], person: Person) -> str:
        more = {
            "metadata": step.get("metadata"),
            "reply_to": self._ids.get(step.get("reply_to", "")),
        }
        given = {name: value for name, value in more.items() if value is not None}
        return await person.send(self._talk, step["text"], **given)

    async def _send_file(self, step: dict[str, Any], person: Person) -> str:
        path = self._folder / step["name"]
        path.write_text(step["content"], encoding="utf-8")
        sent = await person.send_file(self._talk, path, step["mime_type"], step["caption"])
        self._files[sent] = path.read_bytes()
        return sent


async def history_of(reader: Account, talk: str) -> str:
    """Return the messages of a conversation and their statuses, as REST tells them.

    Ids are named in the order in which they come, times are left out.
    """
    messages = (await reader.get(f"conversations/{talk}/messages"))["items"]
    statuses = [await reader.get(f"messages/{one['message_id']}/status") for one in messages]
    text = json.dumps([messages, statuses], indent=1, ensure_ascii=False)
    names: dict[str, str] = {}
    text = UUID.sub(lambda found: names.setdefault(found[0], f"id-{len(names) + 1}"), text)
    return TIME.sub("time", text)
