"""`python -m bench.auditor`: what the auditor costs, on against off in the same run.

The product is loaded with many messages stored: with the auditor switched off, at its default
pace, and at ten times that. Each start has its own copy of the same data, on which a pass has
not come to its end, so that the auditor has work all the time.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from rich.console import Console

from bench import people, servers
from bench.job import Findings, Job, Outcome
from bench.kept import keep, show_lines
from bench.load import CAPACITY
from bench.machine import Commit, Machine, commit, machine
from bench.on_off import CONNECTIONS, OFF, lines_of, phases
from bench.seed import seed
from bench.servers import RATES, BenchFailed, Cores
from bench.stats import Spread

PACES = {OFF: "0", "at 1,000/s": "1000", "at 10,000/s": "10000"}
"""What is measured in each round: `CHAT4ALL_AUDIT_RATE`."""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """One start of the product."""

    phases: dict[str, Outcome]
    findings: Findings | None


Round = dict[str, Measured]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All that the file holds."""

    date: str
    commit: Commit
    machine: Machine
    stored: int
    lines: list[tuple[str, Spread]]
    broken: int
    rounds: list[Round]


class AuditorBench:
    """All rounds of one run; `say` is told what is going on."""

    def __init__(
        self, folder: Path, stored: int, seconds: float, say: Callable[[str], None]
    ) -> None:
        self._folder = folder
        self._stored = stored
        self._seconds = seconds
        self._say = say

    def run(self, rounds: int) -> list[Round]:
        """Measure every pace in every round, every other round backwards."""
        self._seed()
        found: list[Round] = []
        for number in range(rounds):
            one: Round = {}
            order = list(PACES.items())
            for name, pace in order if number % 2 == 0 else reversed(order):
                one[name] = self._measure(pace)
                rate = one[name].phases[CAPACITY].accepted
                self._say(f"round {number + 1} of {rounds}, {name}: {rate:,.0f}/s")
            found.append(one)
        return found

    def _seed(self) -> None:
        started = time.monotonic()
        folder = self._folder / "seeded"
        with servers.product(folder, Cores(None, None), environment={}) as server:
            lanes = people.lanes(server.url)
        asyncio.run(seed(folder, lanes, self._stored))
        took = time.monotonic() - started
        self._say(f"{self._stored:,} messages stored beforehand in {took:.0f} s")

    def _measure(self, pace: str) -> Measured:
        """Load one start: as much as it takes, then half of that."""
        cores, folder = Cores(None, None), self._folder / "loaded"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self._folder / "seeded", folder)
        environment = {**RATES, "CHAT4ALL_AUDIT_RATE": pace}
        with servers.product(folder, cores, environment=environment) as server:
            host, port = server.address
            job = Job(
                host=host,
                port=port,
                server_pid=server.pid,
                connections=CONNECTIONS,
                phases=phases(self._seconds),
                lanes=people.lanes(server.url),
                text_length=100,
                spin=False,
            )
            answer = servers.do(job, cores)
        return Measured(phases={one.name: one for one in answer.outcomes}, findings=answer.findings)


def main() -> int:
    """Measure, print, write; return 1 when a promise was broken and 2 when it could not."""
    parser = argparse.ArgumentParser(prog="python -m bench.auditor", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds, of which medians are told")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of each phase of load")
    parser.add_argument("--stored", type=int, default=1_000_000, help="messages stored beforehand")
    parser.add_argument("--json", type=Path, help="where to write the results")
    given, console = parser.parse_args(), Console(width=None if sys.stdout.isatty() else 110)
    about, code = machine(), commit()
    with tempfile.TemporaryDirectory(prefix="chat4all-bench-") as folder:
        try:
            bench = AuditorBench(Path(folder), given.stored, given.seconds, console.print)
            rounds = bench.run(given.rounds)
        except BenchFailed as error:
            console.print(f"bench: {error}", style="red")
            return 2
    broken = sum(m.findings.broken for one in rounds for m in one.values() if m.findings)
    report = Report(
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=code,
        machine=about,
        stored=given.stored,
        lines=lines_of([{name: m.phases for name, m in one.items()} for one in rounds]),
        broken=broken,
        rounds=rounds,
    )
    show_lines(report.lines, console)
    console.print(f"promises broken: {broken}")
    console.print(f"written to {keep(report, report.date, code, 'auditor', given.json)}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
