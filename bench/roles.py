"""`python -m bench.roles`: what a second process adds, for each role of which more can work.

Each role is measured by itself: what it reads was written before, and nobody works beside it
but the servers and who asks it. Routers have a bench of their own, `bench.routers`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import uvloop
from rich.console import Console

from bench.carriers import Connectors, Notifiers
from bench.doors import Doors, doors, downloads, gateways, uploads
from bench.engines import Engines
from bench.kept import keep, show_lines
from bench.machine import Commit, Machine, commit, machine
from bench.readers import Readers, Run
from bench.servers import BenchFailed
from bench.stats import Spread, ratios, spread
from tests.e2e.cluster import engines
from tests.e2e.column import Shared
from tests.servers.cache import Missing
from tests.servers.minio import running_minio

Measured = Callable[[Shared, Path, str, int], Run]
PROCESSES = (1, 2)


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All that the file holds."""

    date: str
    commit: Commit
    machine: Machine
    lines: list[tuple[str, Spread]]
    rounds: list[dict[str, Run]]


def _read(kind: type[Readers], messages: int) -> Measured:
    def measured(shared: Shared, folder: Path, name: str, count: int) -> Run:
        found = shared.engines
        servers = Engines(folder, found.kafka, found.mongodb, found.redis)
        return uvloop.run(kind(servers, name, count).measure(messages))

    return measured


def _asked(ask: Callable[[Doors, int, float], Awaitable[Run]], seconds: float) -> Measured:
    async def asked(shared: Shared, folder: Path, name: str, count: int) -> Run:
        async with doors(shared, folder, name) as found:
            return await ask(found, count, seconds)

    return lambda *given: uvloop.run(asked(*given))


def targets(seconds: float) -> dict[str, Measured]:
    """Return what is measured, by what is counted; each takes some `seconds`."""
    return {
        "gateway: messages accepted": _asked(gateways, seconds),
        "files: uploads of 4 MiB": _asked(uploads, seconds),
        "files: downloads of 4 MiB": _asked(downloads, seconds),
        "notifier: events told": _read(Notifiers, round(10_000 * seconds)),
        "connector: messages to Telegram": _read(Connectors, round(600 * seconds)),
    }


def measure(
    folder: Path, rounds: int, chosen: dict[str, Measured], say: Callable[[str], None]
) -> list[dict[str, Run]]:
    """Measure every role with one process and with two, every other round backwards."""
    found = []
    every = [(what, count) for what in chosen for count in PROCESSES]
    with engines(folder) as servers, running_minio(_made(folder / "minio")) as minio:
        shared = Shared(servers, minio)
        for number in range(rounds):
            one: dict[str, Run] = {}
            for what, count in every if number % 2 == 0 else reversed(every):
                name = f"r{number}-{len(one)}"
                run = one[label(what, count)] = chosen[what](shared, folder, name, count)
                say(f"round {number + 1} of {rounds}, {label(what, count)}: {told(run)}")
            found.append(one)
    return found


def label(what: str, count: int) -> str:
    """Return what a target is called."""
    return f"{what}, {count} process{'es' if count > 1 else ''}"


def told(run: Run) -> str:
    """Return a run in a line."""
    return (
        f"{run.stored:,.0f}/s of {run.offered:,.0f}/s offered; cores: processes "
        f"{run.workers_cpu:.2f}, Kafka {run.kafka_cpu:.2f}, other servers {run.store_cpu:.2f}"
    )


def lines_of(rounds: Sequence[dict[str, Run]], chosen: Sequence[str]) -> list[tuple[str, Spread]]:
    """Return what is told: what the second process adds, then rates and whose cores they took."""
    runs = {name: [one[name] for one in rounds] for name in rounds[0]}
    rates = {name: [run.stored for run in many] for name, many in runs.items()}
    lines = [
        (f"{what}, 2 processes / 1", spread(ratios(*(rates[label(what, n)] for n in (2, 1)))))
        for what in chosen
    ]
    for what in chosen:
        for name in (label(what, count) for count in PROCESSES):
            many = runs[name]
            lines += [
                (f"{name}: a second", spread(rates[name])),
                ("... cores of the processes", spread([run.workers_cpu for run in many])),
                ("... cores of Kafka", spread([run.kafka_cpu for run in many])),
                ("... cores of the other servers", spread([run.store_cpu for run in many])),
                ("... ms of the processes", spread([run.cost(run.workers_cpu) for run in many])),
            ]
    lines.append(("missing or twice", spread([float(missing_of([one])) for one in rounds])))
    return [(what, value) for what, value in lines if value is not None]


def missing_of(rounds: Sequence[dict[str, Run]]) -> int:
    """Return how much did not come out, or came out twice."""
    return sum(run.missing for one in rounds for run in one.values())


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def main() -> int:
    """Measure, print, write; return 1 when something is missing and 2 when it could not."""
    parser = argparse.ArgumentParser(prog="python -m bench.roles", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds, of which medians are told")
    parser.add_argument("--seconds", type=float, default=8.0, help="about how long each is loaded")
    parser.add_argument("--only", default="", help="only what has this in its name")
    parser.add_argument("--json", type=Path, help="where to write the results")
    parser.add_argument("--folder", type=Path, help="where the data lies meanwhile")
    given, console = parser.parse_args(), Console(width=None if sys.stdout.isatty() else 110)
    chosen = {name: it for name, it in targets(given.seconds).items() if given.only in name}
    about, code = machine(), commit()
    with tempfile.TemporaryDirectory(prefix="chat4all-bench-", dir=given.folder) as name:
        try:
            rounds = measure(Path(name), given.rounds, chosen, console.print)
        except (BenchFailed, Missing) as error:
            console.print(f"bench: {error}", style="red")
            return 2
    report = Report(
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=code,
        machine=about,
        lines=lines_of(rounds, list(chosen)),
        rounds=rounds,
    )
    show_lines(report.lines, console)
    console.print(f"load average before: {about.load_average[0]}")
    console.print(f"written to {keep(report, report.date, code, 'roles', given.json)}")
    return 1 if missing_of(rounds) else 0


if __name__ == "__main__":
    sys.exit(main())
