"""`python -m bench.routers`: messages through Kafka and the message store, per router process.

Beside it, in the same round and on the same servers, the bare clients doing the same writes.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import msgspec
from confluent_kafka import libversion
from pymongo import MongoClient
from rich.console import Console

from bench.engines import Engines, engines
from bench.kept import keep, show_lines
from bench.machine import Commit, Machine, commit, machine
from bench.readers import CONVERSATIONS, PARTITIONS, Readers, Run
from bench.seed import Numbered, add_conversation, commands_of
from bench.servers import BenchFailed
from bench.stats import Spread, ratios, spread
from chat4all.adapters.mongodb.message_store import MongoMessageStore
from chat4all.adapters.sql.directory import SqlDirectory
from chat4all.ports.event_log import COMMANDS, Record
from chat4all.services.records import encode_command
from tests.servers.kafka_server import VERSION
from tests.servers.mongo_server import KINDS, USUAL

BUSY = 0.8
"""Of the machine; with less something else held all of them up too."""
OURS, BARE = "router", "bare clients"
TARGETS = ((BARE, 1), (OURS, 1), (OURS, 2), (BARE, 2))
"""What is measured in each round, with how many processes; every other round backwards."""


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


class Target(Readers):
    """Routers, or the bare clients in their place."""

    stream, words = COMMANDS, ("router",)

    def __init__(self, engines: Engines, name: str, kind: str, processes: int) -> None:
        super().__init__(engines, name, processes)
        self._kind = kind
        self.group = "router" if kind == OURS else "bare"

    async def prepare(self, count: int) -> Sequence[Record]:
        """Add conversations with two people each; return the messages of one of them."""
        async with SqlDirectory(self._directory) as directory:
            places = [await add_conversation(directory) for _ in range(CONVERSATIONS)]
        numbered: list[Numbered] = [one for batch in commands_of(places, count) for one in batch]
        async with MongoMessageStore(self._store_url):
            pass  # the collections, with the indexes that the product gives them
        return [Record(COMMANDS, one.conversation_id, encode_command(one)) for one, _ in numbered]

    async def surplus(self, expected: int) -> int:
        """Count the messages of the store."""
        with MongoClient[dict[str, object]](self._store_url) as client:
            kept: int = client.get_default_database()["messages"].estimated_document_count()
        return kept - expected

    def command(self, port: int) -> list[str]:
        """Return how one of them is started."""
        if self._kind == OURS:
            return super().command(port)
        group = f"{self._topic}.{self.group}"
        told = (self._engines.servers, self._name, group, self._store_url)
        return [sys.executable, "-m", "bench.bare_clients", *told]

    def await_ready(self, port: int, process: subprocess.Popen[bytes]) -> None:
        """Return once it is ready; the bare clients tell nobody."""
        if self._kind == OURS:
            super().await_ready(port, process)


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
