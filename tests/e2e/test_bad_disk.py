"""A full disk refuses what comes and loses nothing of what was taken; freed, all goes on."""

from __future__ import annotations

import asyncio
import json
import os
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from tests.e2e.account import Account
from tests.e2e.shell import run
from tests.e2e.watched_server import Watched, watched_server
from tests.servers.small_disk import small_disk

pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.embedded("fills the disk of the one data folder"),
]

DISK = 12 << 20
"""Bytes: enough for the databases and some thousand messages."""
PHONE = "+351900000009"


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder whose `data` is a small disk of its own."""
    home = tmp_path_factory.mktemp("disk")
    with small_disk(home / "data", DISK):
        yield home


@dataclass
class Scene:
    """Ana talks with Bia, and with Carl who has a phone only; `taken` was acknowledged."""

    server: Watched
    http: httpx.AsyncClient
    ana: Account
    bia: Account
    conversation: str
    to_phone: str
    taken: dict[str, list[str]]

    @property
    def ballast(self) -> Path:
        return self.server.data / "ballast"

    async def send(self, conversation: str, text: str) -> httpx.Response:
        message_id = str(uuid.uuid4())
        payload = {"type": "text", "text": text}
        answer = await self.http.post(
            "/v1/messages",
            json={"message_id": message_id, "conversation_id": conversation, "payload": payload},
        )
        if answer.status_code == 202:
            self.taken.setdefault(conversation, []).append(message_id)
        return answer

    def fill(self) -> None:
        """Take all space that is left."""
        with self.ballast.open("ab", buffering=0) as file:
            for size in (1 << 16, 1 << 12, 1):
                try:
                    while True:
                        file.write(b"x" * size)
                except OSError:
                    continue

    def free(self) -> None:
        self.ballast.unlink(missing_ok=True)

    async def stored(self, conversation: str) -> list[str]:
        """Return the ids of the conversation in order; requires numbers without a gap."""
        found: list[str] = []
        while True:
            page = await self.ana.get(
                f"conversations/{conversation}/messages", after_seq=len(found), limit=200
            )
            if not page["items"]:
                return found
            first = len(found) + 1
            numbers = [one["seq"] for one in page["items"]]
            assert numbers == list(range(first, first + len(numbers)))
            found += [one["message_id"] for one in page["items"]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(disk: Path) -> AsyncIterator[Scene]:
    async with (
        watched_server(disk, sender_rate="100000", conversation_rate="100000") as server,
        Account(server.url, "ana").signed_up("Ana") as ana,
        Account(server.url, "bia").signed_up("Bia") as bia,
        httpx.AsyncClient(
            base_url=server.url,
            trust_env=False,
            timeout=30.0,
            headers={"Authorization": f"Bearer {ana.token}"},
        ) as http,
    ):
        contact = {"display_name": "Carl", "channels": [{"platform": "mock", "external_id": PHONE}]}
        carl = (await ana.post("contacts", contact))["id"]
        body = {"type": "private", "member_ids": [carl]}
        to_phone = (await ana.post("conversations", body))["id"]
        yield Scene(server, http, ana, bia, await ana.chat_with(bia), to_phone, {})


async def test_a_full_disk_refuses_and_loses_nothing(scene: Scene) -> None:
    async with scene.bia.socket() as socket:
        assert json.loads(await socket.recv())["type"] == "ready"
        for number in range(20):
            assert (await scene.send(scene.conversation, f"before {number}")).status_code == 202
            assert (await scene.send(scene.to_phone, f"before {number}")).status_code == 202
        scene.fill()
        refused = await until_refused(scene)
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["code"] == "storage_full"
        assert int(refused.headers["retry-after"]) >= 1
        assert (await scene.http.get("/healthz")).status_code == 200
        await nothing_spins(scene)

        scene.free()
        await until_taken(scene)
        for conversation in (scene.conversation, scene.to_phone):
            for number in range(20):
                assert (await scene.send(conversation, f"after {number}")).status_code == 202
        last = scene.taken[scene.conversation][-1]
        told = []
        async with asyncio.timeout(30):
            while last not in told:
                frame = json.loads(await socket.recv())
                if frame["type"] == "message":
                    told.append(frame["message"]["message_id"])
        assert told == scene.taken[scene.conversation]
    await all_is_there(scene)


async def until_refused(scene: Scene) -> httpx.Response:
    """Send until the server takes no more, in either conversation."""
    for number in range(20_000):
        answer = await scene.send(scene.conversation, f"{number} " + "x" * 2_000)
        if answer.status_code != 202:
            assert answer.status_code == 503, answer.text
            other = await scene.send(scene.to_phone, "x" * 2_000)
            assert other.status_code in {202, 503}
            return answer
    raise AssertionError("the disk was never full")


async def until_taken(scene: Scene) -> None:
    """Send until the same server takes a message again."""
    for _ in range(300):
        if (await scene.send(scene.conversation, "now?")).status_code == 202:
            return
        await asyncio.sleep(0.2)
    raise AssertionError("the freed disk is not used")


async def nothing_spins(scene: Scene) -> None:
    """Require that the server waits rather than tries without a pause, and says so."""
    before = processor_seconds(scene)
    lines = len(scene.server.output().splitlines())
    await asyncio.sleep(4.0)
    assert processor_seconds(scene) - before < 1.0
    assert len(scene.server.output().splitlines()) - lines < 100
    assert "Traceback" not in scene.server.output()


def processor_seconds(scene: Scene) -> float:
    """Return the processor time that the server has used."""
    pid = json.loads((scene.server.data / "operator.json").read_text())["pid"]
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def all_is_there(scene: Scene) -> None:
    for conversation, taken in scene.taken.items():
        assert await scene.stored(conversation) == taken
    texts: list[str] = []
    for _ in range(300):
        shown = await on_the_phone(scene)
        texts = [text for text in shown if text.startswith(("before", "after"))]
        if "after 19" in texts:
            break
        await asyncio.sleep(0.2)
    assert texts == [f"{when} {number}" for when in ("before", "after") for number in range(20)]
    checked = await asyncio.to_thread(run, "--data-dir", str(scene.server.data), "check", "--json")
    assert checked.returncode == 0, checked.stdout
    assert json.loads(checked.stdout)["ok"] is True
    assert "Traceback" not in scene.server.output()


async def on_the_phone(scene: Scene) -> list[str]:
    shown = await scene.ana.get(f"mock/phones/{PHONE.replace('+', '%2B')}")
    return [one["text"] for one in shown["messages"]]
