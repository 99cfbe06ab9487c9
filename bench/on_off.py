"""Loads the product with something on and with it off, and compares the two in each round."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from rich.console import Console

from bench import people, servers
from bench.job import Findings, Job, Lane, Outcome, Phase
from bench.kept import keep, show_lines
from bench.load import CAPACITY
from bench.machine import Commit, Machine, commit, machine
from bench.report import doubts_about
from bench.servers import RATES, BenchFailed, Cores, Server
from bench.stats import Spread, ratios, spread

OFF = "off"
HALF = "half"
CONNECTIONS = 64


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """One start of the product."""

    phases: dict[str, Outcome]
    findings: Findings | None


Round = dict[str, Measured]
Lines = list[tuple[str, Spread]]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All that the file holds."""

    date: str
    commit: Commit
    machine: Machine
    stored: int
    lines: Lines
    broken: int
    warnings: list[str]
    rounds: list[Round]


def measure(folder: Path, settings: Mapping[str, str], seconds: float) -> Measured:
    """Load one start of the product: as much as it takes, then half of that."""
    cores = Cores(None, None)
    with servers.product(folder, cores, environment={**RATES, **settings}) as server:
        return done(job_of(server, people.lanes(server.url), seconds), cores)


def job_of(server: Server, lanes: list[Lane], seconds: float) -> Job:
    """Return the load: as much as the server takes, then half of that."""
    host, port = server.address
    return Job(
        host=host,
        port=port,
        server_pid=server.pid,
        connections=CONNECTIONS,
        phases=[
            Phase(name="warm", kind="closed", seconds=1.0),
            Phase(name=CAPACITY, kind="closed", seconds=seconds),
            Phase(name=HALF, kind="open", seconds=seconds, share=0.5),
        ],
        lanes=lanes,
        text_length=100,
        spin=False,
    )


def side_by_side(
    folders: Mapping[str, tuple[Path, Mapping[str, str]]],
    rounds: int,
    seconds: float,
    say: Callable[[str], None],
) -> list[Round]:
    """Load servers that run side by side by turns, each for a short while, in every round.

    `folders` has the data and the settings of each name. What a slow minute takes it takes from
    all of them, so smaller differences can be told than between starts one after the other. Who
    is not loaded idles beside who is.
    """
    cores = Cores(None, None)
    with contextlib.ExitStack() as running:
        started = {
            name: running.enter_context(
                servers.product(folder, cores, environment={**RATES, **settings})
            )
            for name, (folder, settings) in folders.items()
        }
        lanes = {name: people.lanes(server.url) for name, server in started.items()}

        def measured(name: str, _: int) -> Measured:
            return done(job_of(started[name], lanes[name], seconds), cores)

        return rounds_of(list(folders), measured, rounds, say)


def done(job: Job, cores: Cores) -> Measured:
    """Have the load generator do a job; return what came of it."""
    answer = servers.do(job, cores)
    return Measured(phases={one.name: one for one in answer.outcomes}, findings=answer.findings)


def rounds_of(
    names: Sequence[str],
    measured: Callable[[str, int], Measured],
    rounds: int,
    say: Callable[[str], None],
) -> list[Round]:
    """Measure every name in every round, every other round backwards.

    `measured` gets the name and how many rounds were before; `say` gets a line for each.
    """
    found: list[Round] = []
    for number in range(rounds):
        one: Round = {}
        for name in names if number % 2 == 0 else reversed(names):
            one[name] = measured(name, number)
            rate = one[name].phases[CAPACITY].accepted
            say(f"round {number + 1} of {rounds}, {name}: {rate:,.0f}/s")
        found.append(one)
    return found


def lines_of(rounds: Sequence[Round]) -> Lines:
    """Return what is told of rounds that measured the same names: ratios to `OFF` first."""
    names = list(rounds[0])
    rates = {name: [one[name].phases[CAPACITY].accepted for one in rounds] for name in names}
    work = {name: [_work(one[name].phases[CAPACITY]) for one in rounds] for name in names}
    late = {name: [_p99(one[name].phases[HALF]) for one in rounds] for name in names}
    lines = [
        (f"{name} / {OFF}, accepted", spread(ratios(rates[name], rates[OFF])))
        for name in names
        if name != OFF
    ]
    lines += [
        (f"{name} / {OFF}, processor time a message", spread(ratios(work[name], work[OFF])))
        for name in names
        if name != OFF
    ]
    lines += [(f"{name}: accepted/s", spread(rates[name])) for name in names]
    lines += [(f"{name}: server's us of processor a message", spread(work[name])) for name in names]
    lines += [(f"{name}: p99 at half of that, ms", spread(late[name])) for name in names]
    return [(what, value) for what, value in lines if value is not None]


def _work(outcome: Outcome) -> float:
    """Return the microseconds that the server worked for a message it accepted.

    Others on the same cores add less to this than they take from what is accepted.
    """
    cores = outcome.server_loop_cpu + outcome.server_threads_cpu
    return 1e6 * cores / outcome.accepted if outcome.accepted else 0.0


def _p99(outcome: Outcome) -> float | None:
    return None if outcome.answered is None else outcome.answered.p99


def report_on(
    scenario: str,
    run: Callable[[Path], list[Round]],
    *,
    console: Console,
    path: Path | None,
    stored: int = 0,
    lines: Callable[[Sequence[Round]], Lines] = lines_of,
) -> int:
    """Print and write what `run` measures in a folder of its own, with `stored` messages there.

    `lines` says what is told of the rounds.
    Returns 1 when a promise was broken and 2 when it could not be measured.
    """
    about, code = machine(), commit()
    with tempfile.TemporaryDirectory(prefix="chat4all-bench-") as folder:
        try:
            rounds = run(Path(folder))
        except BenchFailed as error:
            console.print(f"bench: {error}", style="red")
            return 2
    report = Report(
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=code,
        machine=about,
        stored=stored,
        lines=lines(rounds),
        broken=sum(m.findings.broken for one in rounds for m in one.values() if m.findings),
        warnings=doubts_about(
            [p for one in rounds for m in one.values() for p in m.phases.values()]
        ),
        rounds=rounds,
    )
    show_lines(report.lines, console)
    for warning in report.warnings:
        console.print(f"warning: {warning}", style="yellow")
    console.print(f"promises broken: {report.broken}")
    console.print(f"written to {keep(report, report.date, code, scenario, path)}")
    return 1 if report.broken else 0
