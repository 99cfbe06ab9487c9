"""`python -m bench.routers`: messages through Kafka and the message store, per router process.

Beside it, in the same round and on the same servers, the bare clients doing the same writes.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import msgspec
from confluent_kafka import Consumer, TopicPartition, libversion
from confluent_kafka.admin import AdminClient
from pymongo import MongoClient
from rich.console import Console

from bench.cpu import used_by
from bench.kept import keep, show_lines
from bench.machine import Commit, Machine, commit, machine
from bench.seed import Numbered, add_conversation, commands_of
from bench.servers import ROOT, BenchFailed
from bench.stats import Spread, ratios, spread
from chat4all.adapters.kafka.event_log import KafkaEventLog
from chat4all.adapters.mongodb.message_store import MongoMessageStore
from chat4all.adapters.sql.directory import SqlDirectory
from chat4all.ports.event_log import COMMANDS, Record
from chat4all.services.records import encode_command
from tests.servers.cache import Missing
from tests.servers.kafka_server import VERSION, KafkaServer
from tests.servers.mongo_server import KINDS, USUAL, MongoServer
from tests.servers.process import free_port
from tests.servers.redis_server import RedisServer

PARTITIONS, CONVERSATIONS = 4, 64
PATIENCE = 300.0
LOOK = 0.02
BUSY = 0.8
"""Of the machine; with less something else held all of them up too."""
OURS, BARE = "router", "bare clients"
TARGETS = ((BARE, 1), (OURS, 1), (OURS, 2), (BARE, 2))
"""What is measured in each round, with how many processes; every other round backwards."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What one target came to in one round; processor use is in cores (1.0 is one)."""

    messages: int
    offered: float
    """Per second, while they were put into the log; all were there before they were done."""
    stored: float
    """Per second, from the first that was put to the last that was committed."""
    missing: int
    """Messages that the store has too few, or too many: 0 is what is asked for."""
    workers_cpu: float
    store_cpu: float
    kafka_cpu: float

    def cost(self, of: float) -> float:
        """Return milliseconds of processor time a message, for so many cores."""
        return 1e3 * of / self.stored


Round = dict[str, Run]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All that the file holds."""

    date: str
    commit: Commit
    machine: Machine
    versions: dict[str, str]
    partitions: int
    lines: list[tuple[str, Spread]]
    limits: list[str]
    rounds: list[Round]


@dataclass(frozen=True, slots=True)
class Engines:
    """The servers that all targets use."""

    folder: Path
    kafka: KafkaServer
    store: MongoServer
    redis: RedisServer

    @property
    def servers(self) -> str:
        """Return Kafka's address as its clients take it."""
        return f"127.0.0.1:{self.kafka.port}"


@contextmanager
def engines(folder: Path, kind: str) -> Iterator[Engines]:
    """Run them. Raises `BenchFailed` when one is not here."""
    with ExitStack() as stack:
        for name in ("kafka", "store", "redis"):
            (folder / name).mkdir()
        try:
            found = Engines(
                folder,
                KafkaServer(folder / "kafka"),
                MongoServer(kind, folder / "store"),
                RedisServer(folder / "redis"),
            )
            for server in (found.kafka, found.store, found.redis):
                stack.callback(server.stop)
                server.start()
        except Missing as missing:
            raise BenchFailed(str(missing)) from missing
        yield found


class Target:
    """Some processes that read one log, on topics and a database of their own."""

    def __init__(self, engines: Engines, name: str, kind: str, processes: int) -> None:
        self._engines = engines
        self._name = name
        self._kind = kind
        self._count = processes
        self._folder = engines.folder / name
        self._folder.mkdir()
        self._log_url = f"{engines.kafka.url}/{name}?partitions={PARTITIONS}"
        self._store_url = engines.store.url(name)
        self._directory = f"sqlite:///{self._folder / 'directory.sqlite3'}"
        group = "router" if kind == OURS else "bare"
        self._group = f"{name}.{COMMANDS}.{group}"
        self._asks = Consumer({"bootstrap.servers": engines.servers, "group.id": self._group})

    async def measure(self, messages: int) -> Run:
        """Warm the processes up, then put `messages` into the log and wait until all are done."""
        warm = max(500, messages // 10)
        async with KafkaEventLog(self._log_url) as log:
            batches = [await self._prepare(count) for count in (warm, messages)]
            with self._processes() as pids:
                await self._put(log, batches[0])
                await self._done(warm)
                await asyncio.to_thread(self._are_shared_out)
                before = [used_by(pid) for pid in pids]
                began = time.perf_counter()
                await self._put(log, batches[1])
                put = time.perf_counter() - began
                await self._done(warm + messages)
                took = time.perf_counter() - began
                used = [
                    (used_by(pid) - then) / took for pid, then in zip(pids, before, strict=True)
                ]
        self._asks.close()
        with MongoClient[dict[str, object]](self._store_url) as client:
            kept = client.get_default_database()["messages"].estimated_document_count()
        return Run(
            messages=messages,
            offered=round(messages / put, 1),
            stored=round(messages / took, 1),
            missing=abs(warm + messages - kept),
            workers_cpu=round(sum(used[2:]), 3),
            store_cpu=round(used[0], 3),
            kafka_cpu=round(used[1], 3),
        )

    async def _prepare(self, count: int) -> list[Record]:
        async with SqlDirectory(self._directory) as directory:
            places = [await add_conversation(directory) for _ in range(CONVERSATIONS)]
        numbered: list[Numbered] = [one for batch in commands_of(places, count) for one in batch]
        async with MongoMessageStore(self._store_url):
            pass  # the collections, with the indexes that the product gives them
        return [Record(COMMANDS, one.conversation_id, encode_command(one)) for one, _ in numbered]

    async def _put(self, log: KafkaEventLog, records: Sequence[Record]) -> None:
        for start in range(0, len(records), 2_000):
            await log.append(records[start : start + 2_000])

    async def _done(self, count: int) -> None:
        places = [TopicPartition(f"{self._name}.{COMMANDS}", part) for part in range(PARTITIONS)]
        limit = time.monotonic() + PATIENCE
        while True:
            found = await asyncio.to_thread(self._asks.committed, places, 10.0)
            reached = sum(max(0, one.offset) for one in found)
            if reached >= count:
                return
            if time.monotonic() > limit:
                raise BenchFailed(f"{self._name}: {reached} of {count} after {PATIENCE:.0f} s")
            await asyncio.sleep(LOOK)

    def _are_shared_out(self) -> None:
        """Wait until every process has partitions."""
        admin = AdminClient({"bootstrap.servers": self._engines.servers, "log_level": 2})
        limit = time.monotonic() + PATIENCE
        while time.monotonic() < limit:
            members = admin.describe_consumer_groups([self._group])[self._group].result().members
            shares = [len(one.assignment.topic_partitions) for one in members]
            if len(shares) == self._count and all(shares) and sum(shares) == PARTITIONS:
                return
            time.sleep(0.2)
        raise BenchFailed(f"{self._name}: the partitions are not shared out")

    @contextmanager
    def _processes(self) -> Iterator[list[int]]:
        """Run them; yield the store, Kafka and them."""
        with ExitStack() as stack:
            pids = [self._engines.store.pid, self._engines.kafka.pid]
            for number in range(self._count):
                port = free_port()
                output = stack.enter_context((self._folder / f"{number}.txt").open("w"))
                process = subprocess.Popen(  # noqa: S603 - our own commands
                    self._command(port),
                    env=self._environment(number),
                    cwd=ROOT,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
                stack.callback(process.wait)
                stack.callback(process.kill)
                if self._kind == OURS:
                    _await_ready(port, process)
                pids.append(process.pid)
            yield pids

    def _command(self, port: int) -> list[str]:
        if self._kind == OURS:
            program = Path(sys.executable).with_name("chat4all")
            return [str(program), "run", "router", "--port", str(port)]
        told = (self._engines.servers, self._name, self._group, self._store_url)
        return [sys.executable, "-m", "bench.bare_clients", *told]

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


def _await_ready(port: int, process: subprocess.Popen[bytes]) -> None:
    limit = time.monotonic() + PATIENCE
    while time.monotonic() < limit and process.poll() is None:
        try:
            with urlopen(f"http://127.0.0.1:{port}/readyz"):
                return
        except (URLError, OSError):
            time.sleep(0.05)
    raise BenchFailed("a router does not start")


def measure(
    engines: Engines, messages: int, rounds: int, say: Callable[[str], None]
) -> list[Round]:
    """Measure every target in every round, every other round backwards."""
    found: list[Round] = []
    for number in range(rounds):
        one: Round = {}
        for kind, processes in TARGETS if number % 2 == 0 else reversed(TARGETS):
            name = f"r{number}-{kind.split()[0]}-{processes}"
            run = asyncio.run(Target(engines, name, kind, processes).measure(messages))
            one[label(kind, processes)] = run
            say(f"round {number + 1} of {rounds}, {label(kind, processes)}: {told(run)}")
        found.append(one)
    return found


def label(kind: str, processes: int) -> str:
    """Return what a target is called."""
    return f"{kind}, {processes} process{'es' if processes > 1 else ''}"


def told(run: Run) -> str:
    """Return a run in a line."""
    return (
        f"{run.stored:,.0f}/s of {run.offered:,.0f}/s offered; cores: workers "
        f"{run.workers_cpu:.2f}, store {run.store_cpu:.2f}, Kafka {run.kafka_cpu:.2f}"
    )


def lines_of(rounds: Sequence[Round]) -> list[tuple[str, Spread]]:
    """Return what is told: ratios of the same round first."""
    bare, ours, both, bare_two = (
        [one[label(*target)].stored for one in rounds] for target in TARGETS
    )
    lines = [
        ("router / bare clients, 1 process", spread(ratios(ours, bare))),
        ("router / bare clients, 2 processes", spread(ratios(both, bare_two))),
        ("router, 2 processes / 1", spread(ratios(both, ours))),
        ("bare clients, 2 processes / 1", spread(ratios(bare_two, bare))),
    ]
    for target in TARGETS:
        runs = [one[label(*target)] for one in rounds]
        lines += [
            (f"{label(*target)}: messages/s", spread([one.stored for one in runs])),
            ("... offered/s", spread([one.offered for one in runs])),
            ("... cores of the processes", spread([one.workers_cpu for one in runs])),
            ("... cores of the store", spread([one.store_cpu for one in runs])),
            ("... cores of Kafka", spread([one.kafka_cpu for one in runs])),
            (
                "... ms of a processor a message",
                spread([one.cost(one.workers_cpu) for one in runs]),
            ),
            ("... ms of the store's", spread([one.cost(one.store_cpu) for one in runs])),
            ("... ms of Kafka's", spread([one.cost(one.kafka_cpu) for one in runs])),
        ]
    lines.append(("missing or twice", spread([float(missing_of([one])) for one in rounds])))
    return [(what, value) for what, value in lines if value is not None]


def missing_of(rounds: Sequence[Round]) -> int:
    """Return how many messages the store has too few or too many."""
    return sum(run.missing for one in rounds for run in one.values())


def limits_of(rounds: Sequence[Round], cores: int) -> list[str]:
    """Say, per target, what a message costs and so who is the limit, whatever others do here."""
    found = []
    for kind, processes in TARGETS:
        runs = [one[label(kind, processes)] for one in rounds]
        costs = {
            f"the {kind}": statistics.median(run.cost(run.workers_cpu) for run in runs),
            "the database server": statistics.median(run.cost(run.store_cpu) for run in runs),
            "Kafka": statistics.median(run.cost(run.kafka_cpu) for run in runs),
        }
        each = {**costs, f"the {kind}": costs[f"the {kind}"] / processes}
        busy = statistics.median(run.workers_cpu + run.store_cpu + run.kafka_cpu for run in runs)
        told = f"{label(kind, processes)}: processor time of a message: "
        told += ", ".join(f"{of} {cost:.2f} ms" for of, cost in costs.items())
        told += f"; the limit: {max(each, key=lambda of: each[of])}"
        if busy < BUSY * cores:
            told += f"; of {cores} cores they used {busy:.2f}: others had them, or disks were slow"
        found.append(told)
    return found


def main() -> int:
    """Measure, print, write; return 1 when a message is missing and 2 when it could not."""
    parser = argparse.ArgumentParser(prog="python -m bench.routers", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds, of which medians are told")
    parser.add_argument("--messages", type=int, default=20_000, help="messages of each run")
    parser.add_argument("--store", choices=KINDS, default=USUAL, help="what speaks MongoDB")
    parser.add_argument("--json", type=Path, help="where to write the results")
    parser.add_argument("--folder", type=Path, help="where the data lies meanwhile")
    given, console = parser.parse_args(), Console(width=None if sys.stdout.isatty() else 110)
    about, code = machine(), commit()
    with tempfile.TemporaryDirectory(prefix="chat4all-bench-", dir=given.folder) as name:
        try:
            with engines(Path(name), given.store) as servers:
                rounds = measure(servers, given.messages, given.rounds, console.print)
        except BenchFailed as error:
            console.print(f"bench: {error}", style="red")
            return 2
    report = Report(
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=code,
        machine=about,
        versions={
            "store": given.store,
            "kafka": VERSION,
            "librdkafka": libversion()[0],
            "pymongo": metadata.version("pymongo"),
        },
        partitions=PARTITIONS,
        lines=lines_of(rounds),
        limits=limits_of(rounds, about.cores),
        rounds=rounds,
    )
    show_lines(report.lines, console)
    for line in report.limits:
        console.print(line)
    console.print(f"load average before: {report.machine.load_average[0]}")
    console.print(f"written to {keep(report, report.date, code, 'routers', given.json)}")
    return 1 if missing_of(rounds) else 0


if __name__ == "__main__":
    sys.exit(main())
