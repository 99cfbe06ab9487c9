"""Gateways and files roles as the bench runs them, asked over HTTP for as much as they take."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench import people
from bench.contents import Posts
from bench.cpu import used_by
from bench.drive import NO_ANSWER, Closed, Sender
from bench.file_servers import Ours
from bench.http1 import Connection
from bench.job import Job, Lane
from bench.ledger import Ledger
from bench.readers import Run
from bench.servers import RATES
from chat4all.adapters.kafka.event_log import KafkaEventLog
from chat4all.ports.event_log import COMMANDS
from tests.e2e.column import Shared
from tests.e2e.roles import Role

SENDERS = [f"sender{number:02}" for number in range(64)]
"""Each has a conversation and a connection of their own."""
UPLOADERS, FILE_BYTES = 8, 4 << 20
WARM = 1.0
_ACCEPTED = 202
_ID = slice(15, 51)
"""Where an answer has the message's id."""
SETTINGS = {**RATES, "CHAT4ALL_SIGN_IN_PER_MINUTE": "1000", "CHAT4ALL_LOG_LEVEL": "warning"}


@dataclass
class Doors:
    """The processes of one installation that people ask, and the servers behind them."""

    shared: Shared
    folder: Path
    settings: dict[str, str]
    roles: list[Role] = field(default_factory=list)

    async def open(self, words: str, count: int) -> list[Role]:
        """Start so many processes of a role, and return them."""
        opened = []
        for number in range(count):
            name = f"{words}-{number}"
            (self.folder / name).mkdir()
            role = Role(("run", words), self.folder / name, self.settings)
            self.roles.append(role)
            public = self.roles[0].url  # tokens of one gateway are good at the other
            role.settings |= {"CHAT4ALL_PUBLIC_URL": public, "CHAT4ALL_FILES_URL": role.url}
            opened.append(role)
        await asyncio.gather(*(role.start() for role in opened))
        return opened

    def used(self, roles: Sequence[Role]) -> tuple[float, float, float]:
        """Return processor seconds: of the roles, of the servers without Kafka, of Kafka."""
        engines = self.shared.engines
        servers = (engines.mongodb, engines.postgres, engines.redis, self.shared.minio)
        return (
            sum(used_by(role.pid) for role in roles),
            sum(used_by(server.pid) for server in servers),
            used_by(engines.kafka.pid),
        )


@asynccontextmanager
async def doors(shared: Shared, folder: Path, name: str) -> AsyncIterator[Doors]:
    """Open a new installation until the block ends; nothing of it runs yet."""
    (folder / name).mkdir()
    settings = {**await shared.settings(name), **SETTINGS}
    settings["CHAT4ALL_EPHEMERAL_URL"] = shared.engines.redis.url
    opened = Doors(shared, folder / name, settings)
    try:
        yield opened
    finally:
        await asyncio.gather(*(role.stop() for role in opened.roles))


async def gateways(found: Doors, count: int, seconds: float) -> Run:
    """Send over 64 connections, shared out evenly; nothing reads what the log takes meanwhile."""
    roles = await found.open("gateway", count)
    lanes = await asyncio.to_thread(people.lanes, roles[0].url, SENDERS, 1)
    async with KafkaEventLog(found.settings["CHAT4ALL_LOG_URL"]) as log:
        posting = Posting(roles, lanes)
        await posting.run(WARM)
        before, used = await _length(log), found.used(roles)
        accepted, took = await posting.run(seconds)
        after = found.used(roles)
        return _run(accepted, took, used, after, await _length(log) - before - accepted)


class Posting:
    """Messages over connections to several gateways."""

    def __init__(self, roles: Sequence[Role], lanes: list[Lane]) -> None:
        self._ports = [role.port for role in roles]
        self._lanes = lanes
        self._drive: Closed

    async def run(self, seconds: float) -> tuple[int, float]:
        """Send for so long; return how many were accepted, and how long all of it took."""
        job = Job(
            host="127.0.0.1",
            port=self._ports[0],
            server_pid=os.getpid(),
            connections=len(self._lanes),
            phases=[],
            lanes=self._lanes,
            text_length=100,
            spin=False,
        )
        pool = [await self._dial(number) for number in range(len(self._lanes))]
        ledger = Ledger()
        self._drive = Closed(pool, Posts(job), ledger)
        began = time.perf_counter()
        await self._drive.run(seconds)
        took = time.perf_counter() - began
        for sender in pool:
            sender.close()
        if self._drive.refused:
            raise RuntimeError(f"a gateway refused: {dict(self._drive.refused)}")
        return len(ledger.acknowledged), took

    async def _dial(self, number: int) -> Sender:
        connection = Connection(self._answered)
        connection.lane = number
        port = self._ports[number % len(self._ports)]
        await asyncio.get_running_loop().create_connection(lambda: connection, "127.0.0.1", port)
        return connection

    def _answered(self, connection: Connection, status: int, body: bytes, now: float) -> None:
        if status == _ACCEPTED:
            self._drive.answered(connection, (body[_ID].decode(),), (), now)
        else:
            self._drive.answered(connection, (), (str(status) if status else NO_ANSWER,), now)


async def uploads(found: Doors, count: int, seconds: float) -> Run:
    """Send files of 4 MiB, 8 at a time; each is verified and in the bucket when it counts."""
    return await _files(found, count, seconds, Mover.put)


async def downloads(found: Doors, count: int, seconds: float) -> Run:
    """Fetch files of 4 MiB, 8 at a time."""
    return await _files(found, count, seconds, Mover.get)


class Mover:
    """Somebody who sends and fetches files, one at a time, and says how many bytes are missing."""

    def __init__(self, url: str, lane: Lane, file: Path) -> None:
        headers = {"Authorization": f"Bearer {lane.sender_token}"}
        self._server = Ours(url, os.getpid(), headers, lane.conversation_id)
        self._server.prepare(file)
        self._file = file

    def put(self) -> int:
        """Send it; the server compares the checksum."""
        self._server.take(self._file)
        self._server.finish()
        return 0

    def get(self) -> int:
        """Fetch what was sent last."""
        return FILE_BYTES - self._server.give()


async def _files(found: Doors, count: int, seconds: float, move: Callable[[Mover], int]) -> Run:
    gateway = (await found.open("gateway", 1))[0]
    roles = await found.open("files", count)
    lane = (await asyncio.to_thread(people.lanes, gateway.url))[0]
    file = found.folder / "file"
    file.write_bytes(os.urandom(FILE_BYTES))
    movers = [Mover(roles[number % count].url, lane, file) for number in range(UPLOADERS)]
    with ThreadPoolExecutor(UPLOADERS) as threads:
        list(threads.map(Mover.put, movers))
        before, began = found.used(roles), time.perf_counter()
        until = began + seconds
        moved = list(threads.map(lambda mover: _move(mover, move, until), movers))
        took, after = time.perf_counter() - began, found.used(roles)
    return _run(sum(n for n, _ in moved), took, before, after, sum(lost for _, lost in moved))


def _move(mover: Mover, move: Callable[[Mover], int], until: float) -> tuple[int, int]:
    """Move one after another; return how many, and how many bytes were missing."""
    count = missing = 0
    while time.perf_counter() < until:
        missing += move(mover)
        count += 1
    return count, missing


async def _length(log: KafkaEventLog) -> int:
    """Return how many commands the log has."""
    return sum(end.offset + 1 for end in await log.ends(COMMANDS))


def _run(
    done: int, took: float, before: Sequence[float], after: Sequence[float], missing: int
) -> Run:
    workers, servers, kafka = (
        round((now - then) / took, 3) for now, then in zip(after, before, strict=True)
    )
    rate = round(done / took, 1)
    return Run(
        messages=done,
        offered=rate,
        stored=rate,
        missing=abs(missing),
        workers_cpu=workers,
        store_cpu=servers,
        kafka_cpu=kafka,
    )
