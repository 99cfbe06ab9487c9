"""Foreign tus clients send a file while server and client are killed; all of it arrives."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from chat4all.domain.ids import new_id
from chat4all.testing.object_store_storage import source
from tests.chaos.killed_server import Server
from tests.chaos.memory import MemoryWatch
from tests.e2e.account import Account
from tests.servers import tus
from tests.servers.cache import Missing, skip_for

PLAN = ((0.1, "server"), (0.25, "client"), (0.4, "server"), (0.6, "client"), (0.75, "server"))
"""Who is killed once which share of the file has arrived."""
MEMORY_GOAL = 64 << 20
RANGES = 7
WRITTEN_AT_ONCE = 16 << 20
SETTINGS = {"CHAT4ALL_LOG_LEVEL": "warning"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """How a file is sent: `chunk` bytes a request (None: all of it), `pause` seconds between."""

    size: int
    chunk: int | None
    pause: float = 0.0
    plan: Sequence[tuple[float, str]] = PLAN


def command(client: str) -> list[str]:
    """Return how a foreign client is run; skips when it is not here."""
    if client == "tuspy":
        return [sys.executable, str(Path(__file__).with_name("tuspy_send.py"))]
    try:
        return ["node", str(tus.PACKAGES.folder() / "send.mjs")]
    except Missing as missing:
        skip_for(missing)


def written(path: Path, size: int) -> str:
    """Write the example file and return its checksum."""
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for at in range(0, size, WRITTEN_AT_ONCE):
            piece = source(at, min(at + WRITTEN_AT_ONCE, size))
            digest.update(piece)
            file.write(piece)
    return f"sha256:{digest.hexdigest()}"


class Sending:
    """One file on its way, from a client that is killed to a server that is killed."""

    def __init__(self, server: Server, ana: Account, file_id: str, words: Sequence[str]) -> None:
        self.memory = MemoryWatch()
        self.kills: list[str] = []
        self._server = server
        self._ana = ana
        self._file = file_id
        self._words = words

    async def run(self, job: dict[str, object], case: Case) -> None:
        """Send it all, killing whom the plan says."""
        self.memory.begin(self._server.pid)
        client = await self._start(job)
        try:
            for share, who in case.plan:
                await self._until(client, int(share * case.size))
                self.memory.look()
                if who == "server":
                    await self._server.kill()
                    await self._server.start()
                    self.memory.begin(self._server.pid)
                else:
                    client.kill()
                    await client.wait()
                    client = await self._start(job)
                self.kills.append(who)
            assert await client.wait() == 0, "the client gave up"
        finally:
            if client.returncode is None:
                client.kill()
                await client.wait()

    async def _start(self, job: dict[str, object]) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(*self._words, stdin=asyncio.subprocess.PIPE)
        assert process.stdin is not None
        process.stdin.write(json.dumps(job).encode())
        process.stdin.close()
        return process

    async def _until(self, client: asyncio.subprocess.Process, offset: int) -> None:
        while True:
            assert client.returncode is None, f"the client ended before {offset} bytes were there"
            try:
                found = await self._ana.get(f"files/{self._file}")
            except httpx.HTTPStatusError:
                found = {"offset": 0}  # not begun yet
            if found["offset"] >= offset:
                return
            await asyncio.sleep(0.005)


async def downloaded(ana: Account, url: str, file_id: str, size: int) -> str:
    """Read the file in ranges; return the checksum of all of them."""
    digest = hashlib.sha256()
    edges = [size * n // RANGES for n in range(RANGES + 1)]
    headers = {"Authorization": f"Bearer {ana.token}"}
    async with httpx.AsyncClient(base_url=url, trust_env=False, headers=headers) as http:
        for start, end in itertools.pairwise(edges):
            wanted = {"Range": f"bytes={start}-{end - 1}"}
            async with http.stream("GET", f"/v1/files/{file_id}/content", headers=wanted) as answer:
                assert answer.status_code == 206
                assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"
                async for piece in answer.aiter_raw():
                    digest.update(piece)
    return f"sha256:{digest.hexdigest()}"


async def killed_and_resumed(folder: Path, client: str, case: Case) -> MemoryWatch:
    """Send a file with `client`, killing both sides; compare what arrived, and the memory."""
    words = command(client)
    checksum = await asyncio.to_thread(written, folder / "file", case.size)
    server = Server(folder / "data", SETTINGS)
    await server.start()
    began = time.monotonic()
    try:
        async with (
            Account(server.url, "ana").signed_up("Ana") as ana,
            Account(server.url, "bia").signed_up("Bia") as bia,
        ):
            file_id = new_id()
            metadata = {
                "filename": "big.bin",
                "filetype": "application/octet-stream",
                "checksum": checksum,
                "conversation_id": await ana.chat_with(bia),
                "file_id": file_id,
            }
            job: dict[str, object] = {
                "endpoint": f"{server.url}/v1/files/uploads",
                "headers": {"Authorization": f"Bearer {ana.token}"},
                "metadata": metadata,
                "file": str(folder / "file"),
                "memory": str(folder / "memory.json"),
                "chunk": case.chunk,
                "pause": case.pause,
            }
            sending = Sending(server, ana, file_id, words)
            watching = asyncio.create_task(sending.memory.run())
            await sending.run(job, case)
            sent = time.monotonic()
            ready = await ana.post(f"files/{file_id}/complete", None, patience=600.0)
            assert (ready["state"], ready["checksum"]) == ("ready", checksum)
            verified = time.monotonic()
            assert await downloaded(bia, server.url, file_id, case.size) == checksum
            watching.cancel()
            print(  # noqa: T201 - the numbers are told
                f"\n{client}: {case.size >> 20} MiB, killed {', '.join(sending.kills)}; sent in "
                f"{sent - began:.1f} s, verified in {verified - sent:.1f} s, read in "
                f"{time.monotonic() - verified:.1f} s; the server grew by "
                f"{sending.memory.growth / 2**20:.1f} MiB, later processes of it had "
                f"{sending.memory.later / 2**20:.1f} MiB"
            )
            return sending.memory
    finally:
        await server.kill()


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("client", ["tuspy", "tus-js-client"])
async def test_a_small_file_outlives_kills_of_server_and_client(
    tmp_path: Path, client: str
) -> None:
    case = Case(size=64 << 20, chunk=1 << 20, pause=0.02, plan=PLAN[:3])
    memory = await killed_and_resumed(tmp_path, client, case)
    assert memory.growth < MEMORY_GOAL


@pytest.mark.chaos
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("client", "chunk"), [("tuspy", 32 << 20), ("tus-js-client", None)])
async def test_two_gigabytes_outlive_kills_of_server_and_client(
    tmp_path: Path, client: str, chunk: int | None
) -> None:
    memory = await killed_and_resumed(tmp_path, client, Case(size=2 << 30, chunk=chunk))
    assert memory.growth < MEMORY_GOAL
