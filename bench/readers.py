"""Processes that read a stream of the log in a group: how many records a second they get done."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import msgspec
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from bench.cpu import used_by
from bench.engines import Engines
from bench.servers import ROOT, BenchFailed
from chat4all.adapters.kafka.event_log import KafkaEventLog
from chat4all.ports.event_log import Record
from tests.servers.process import free_port

PARTITIONS, CONVERSATIONS = 4, 64
PATIENCE = 300.0
LOOK = 0.02


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What one target came to in one round; processor use is in cores (1.0 is one)."""

    messages: int
    offered: float
    """Per second, while they were put into the log; all were there before they were done."""
    stored: float
    """Per second, from the first that was put to the last that was committed."""
    missing: int
    """Messages of which too few came out, or too many: 0 is what is asked for."""
    workers_cpu: float
    store_cpu: float
    kafka_cpu: float

    def cost(self, of: float) -> float:
        """Return milliseconds of processor time a message, for so many cores."""
        return 1e3 * of / self.stored


class Readers:
    """Some processes of one kind that read `stream` in `group`, on topics and data of their own."""

    stream: str
    group: str
    words: tuple[str, ...]
    """What is run: `chat4all WORDS`."""

    def __init__(self, engines: Engines, name: str, processes: int) -> None:
        self._engines = engines
        self._name = name
        self._count = processes
        self._folder = engines.folder / name
        self._folder.mkdir()
        self._log_url = f"{engines.kafka.url}/{name}?partitions={PARTITIONS}"
        self._store_url = engines.store.url(name)
        self._directory = f"sqlite:///{self._folder / 'directory.sqlite3'}"
        self._running: list[tuple[subprocess.Popen[bytes], Path]] = []

    async def prepare(self, count: int) -> Sequence[Record]:
        """Return so many records to be read, and keep what they need."""
        raise NotImplementedError

    async def surplus(self, expected: int) -> int:
        """Return by how many messages what came out differs from what was put in."""
        raise NotImplementedError

    @asynccontextmanager
    async def around(self) -> AsyncIterator[None]:
        """Run what the processes need beside the servers."""
        yield

    async def measure(self, messages: int) -> Run:
        """Warm the processes up, then put `messages` into the log and wait until all are done."""
        warm = max(500, messages // 10)
        async with self.around(), KafkaEventLog(self._log_url) as log:
            records = await self.prepare(warm + messages)
            with self.processes() as pids:
                # First: the bare clients number in memory, so a conversation must stay with one.
                await asyncio.to_thread(self._are_shared_out)
                await self._put(log, records[:warm])
                await self._done(warm)
                before = [used_by(pid) for pid in pids]
                began = time.perf_counter()
                await self._put(log, records[warm:])
                put = time.perf_counter() - began
                await self._done(warm + messages)
                took = time.perf_counter() - began
                used = [
                    (used_by(pid) - then) / took for pid, then in zip(pids, before, strict=True)
                ]
                missing = await self.surplus(warm + messages)
        return Run(
            messages=messages,
            offered=round(messages / put, 1),
            stored=round(messages / took, 1),
            missing=abs(missing),
            workers_cpu=round(sum(used[2:]), 3),
            store_cpu=round(used[0], 3),
            kafka_cpu=round(used[1], 3),
        )

    @property
    def _topic(self) -> str:
        return f"{self._name}.{self.stream}"

    async def _put(self, log: KafkaEventLog, records: Sequence[Record]) -> None:
        parts = [records[start : start + 2_000] for start in range(0, len(records), 2_000)]
        await asyncio.gather(*(log.append(part) for part in parts))

    async def _done(self, count: int) -> None:
        asks = Consumer(
            {
                "bootstrap.servers": self._engines.servers,
                "group.id": f"{self._topic}.{self.group}",
            }
        )
        places = [TopicPartition(self._topic, part) for part in range(PARTITIONS)]
        limit = time.monotonic() + PATIENCE
        try:
            while True:
                found = await asyncio.to_thread(asks.committed, places, 10.0)
                reached = sum(max(0, one.offset) for one in found)
                if reached >= count:
                    return
                self.are_alive()
                if time.monotonic() > limit:
                    raise BenchFailed(f"{self._name}: {reached} of {count} after {PATIENCE:.0f} s")
                await asyncio.sleep(LOOK)
        finally:
            asks.close()

    def are_alive(self) -> None:
        """Raise `BenchFailed`, with its last words, when a process has ended."""
        for process, output in self._running:
            if process.poll() is not None:
                raise BenchFailed(f"{self._name}: a process ended: {output.read_text()[-2000:]}")

    def _are_shared_out(self) -> None:
        """Wait until every process has partitions."""
        admin = AdminClient({"bootstrap.servers": self._engines.servers, "log_level": 2})
        group = f"{self._topic}.{self.group}"
        limit = time.monotonic() + PATIENCE
        while time.monotonic() < limit:
            members = admin.describe_consumer_groups([group])[group].result().members
            shares = [len(one.assignment.topic_partitions) for one in members]
            if len(shares) == self._count and all(shares) and sum(shares) == PARTITIONS:
                return
            time.sleep(0.2)
        raise BenchFailed(f"{self._name}: the partitions are not shared out")

    @contextmanager
    def processes(self) -> Iterator[list[int]]:
        """Run them; yield the store, Kafka and them."""
        with ExitStack() as stack:
            pids = [self._engines.store.pid, self._engines.kafka.pid]
            for number in range(self._count):
                port = free_port()
                output = self._folder / f"{number}.txt"
                file = stack.enter_context(output.open("w"))
                process = subprocess.Popen(  # noqa: S603 - our own commands
                    self.command(port),
                    env=self._environment(number),
                    cwd=ROOT,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                )
                stack.callback(process.wait)
                stack.callback(process.kill)
                self._running.append((process, output))
                self.await_ready(port, process)
                pids.append(process.pid)
            yield pids

    def command(self, port: int) -> list[str]:
        """Return how one of them is started."""
        program = Path(sys.executable).with_name("chat4all")
        return [str(program), "run", *self.words, "--port", str(port)]

    def _environment(self, number: int) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("CHAT4ALL_")}
        return {
            **inherited,
            "CHAT4ALL_LOG_URL": self._log_url,
            "CHAT4ALL_MESSAGES_URL": self._store_url,
            "CHAT4ALL_DIRECTORY_URL": self._directory,
            "CHAT4ALL_EPHEMERAL_URL": self._engines.redis.url,
            "CHAT4ALL_OBJECTS_URL": (self._folder / "objects").as_uri(),
            "CHAT4ALL_DATA_DIR": str(self._folder / f"data-{number}"),
            "CHAT4ALL_LOG_LEVEL": "warning",
        }

    def await_ready(self, port: int, process: subprocess.Popen[bytes]) -> None:
        """Return once a process answers that it is ready."""
        limit = time.monotonic() + PATIENCE
        while time.monotonic() < limit and process.poll() is None:
            try:
                with urlopen(f"http://127.0.0.1:{port}/readyz"):
                    return
            except (URLError, OSError):
                time.sleep(0.05)
        raise BenchFailed(f"chat4all run {' '.join(self.words)} does not start")
