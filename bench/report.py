"""From the rounds to what is told: the table, the goals, the file."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from rich.console import Console
from rich.table import Table

from bench.job import Latency, Outcome
from bench.load import CAPACITY
from bench.machine import Commit, Machine
from bench.scenarios import Round, Settings
from bench.stats import Spread, ratios, spread

MOST_GENERATOR_CPU = 0.9
"""Cores: above it the generator may be what was measured."""
MOST_LATE = 2.0
"""Milliseconds at p99: above it the generator shows in the latencies."""
GOAL_RATIO = 0.4
GOAL_P99 = 50.0

Rates = list[float | None]
Measure = Callable[[Outcome], float | None]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table, in its group."""

    group: str
    what: str
    unit: str
    value: Spread | None
    goal: str = ""
    met: bool | None = None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All that the file holds."""

    date: str
    commit: Commit
    machine: Machine
    pinning: str
    program: str
    settings: Settings
    lines: list[Line]
    broken: int
    warnings: list[str]
    rounds: list[Round]


def lines_of(rounds: Sequence[Round]) -> list[Line]:
    """Return the table: what was measured in each round, as medians with their range."""
    return [
        *_rates(rounds),
        *_ratios(rounds),
        *_latencies(rounds, "empty"),
        *_latencies(rounds, "stored"),
        _promises(rounds),
    ]


def broken_of(rounds: Sequence[Round]) -> int:
    """Return how many promises were broken in all rounds, also by the product's own audit."""
    found = sum(one.broken for each in rounds for one in each.findings.values())
    return found + sum(sum(each.audit.values()) for each in rounds)


def warnings_of(rounds: Sequence[Round]) -> list[str]:
    """Return why the numbers may not mean what they seem to."""
    return doubts_about(
        [one for each in rounds for of in each.outcomes.values() for one in of.values()]
    )


def doubts_about(outcomes: Sequence[Outcome]) -> list[str]:
    """Return why what was measured in these phases may not mean what it seems to."""
    full = [one for one in outcomes if one.name == CAPACITY]
    found = []
    own = max((one.generator_cpu for one in full), default=0.0)
    if own > MOST_GENERATOR_CPU:
        found.append(f"the load generator used {own:.2f} cores: it may be the limit")
    used = min((one.server_loop_cpu + one.server_threads_cpu for one in full), default=1.0)
    if used < MOST_GENERATOR_CPU:
        found.append(
            f"a server under full load got only {used:.2f} cores: something else was running, "
            "or the disk was waited for; compare the lines per core"
        )
    late = max((one.late.p99 for one in outcomes if one.late is not None), default=0.0)
    if late > MOST_LATE:
        found.append(
            f"the load generator was up to {late:.0f} ms late itself (p99): that is part of the "
            "latencies from due"
        )
    refused = sum(sum(one.refused.values()) for one in outcomes)
    if refused:
        found.append(f"{refused} requests were refused or not answered; see the file")
    return found


def show(report: Report, console: Console) -> None:
    """Print the table and what is to be known beside it."""
    rounds, seconds = report.settings.rounds, report.settings.seconds
    table = Table(title=f"rounds: {rounds}, each phase {seconds:g} s")
    table.add_column("measured", no_wrap=True)
    table.add_column("unit")
    table.add_column("median", justify="right")
    table.add_column("range", justify="right", no_wrap=True)
    table.add_column("goal", no_wrap=True)
    group = ""
    for line in report.lines:
        if line.value is None:
            continue
        if line.group != group:
            group = line.group
            table.add_section()
            table.add_row(group, style="bold")
        style = {True: "green", False: "red", None: ""}[line.met]
        verdict = {True: " met", False: " missed", None: ""}[line.met]
        table.add_row(
            f"  {line.what}",
            line.unit,
            _shown(line.value.median),
            _range(line.value),
            f"{line.goal}{verdict}",
            style=style,
        )
    console.print(table)
    machine, dirty = report.machine, " with changes" if report.commit.dirty else ""
    console.print(
        f"{machine.cpu}, {machine.cores} cores, {machine.kernel}, {machine.python}; "
        f"{report.pinning}; commit {report.commit.id}{dirty}"
    )
    console.print(
        f"server: `{report.program}` with {_assignments(report.settings.environment)}; "
        f"load average before: {machine.load_average[0]}"
    )
    for warning in report.warnings:
        console.print(f"warning: {warning}", style="yellow")


def _rates(rounds: Sequence[Round]) -> list[Line]:
    def per_second(what: str, target: str, phase: str, of: Measure) -> Line:
        value = spread(_each(rounds, target, phase, of))
        return Line(group=_THROUGHPUT, what=what, unit="/s", value=value)

    lines = [
        per_second("empty POST on Litestar", "litestar", CAPACITY, _accepted),
        per_second("empty POST on plain ASGI", "asgi", CAPACITY, _accepted),
        per_second("POST /v1/messages accepted", "empty", CAPACITY, _accepted),
        per_second("... of one server core", "empty", CAPACITY, _per_core),
        per_second("... pushed to recipients meanwhile", "empty", CAPACITY, lambda one: one.pushed),
        per_second("accepted, ids by the client", "empty", "named", _accepted),
        per_second("accepted, with stored messages", "stored", CAPACITY, _accepted),
    ]
    for what, of in (
        ("last frame after the load", lambda one: one.drained_after),
        ("last row stored after the load", lambda one: one.stored_after),
    ):
        value = spread(_each(rounds, "empty", CAPACITY, of))
        lines.append(Line(group=_THROUGHPUT, what=what, unit="s", value=value))
    own = spread(_each(rounds, "asgi", CAPACITY, lambda one: one.generator_cpu))
    lines.append(
        Line(group=_THROUGHPUT, what="load generator at its busiest", unit="cores", value=own)
    )
    return lines


def _ratios(rounds: Sequence[Round]) -> list[Line]:
    litestar = _each(rounds, "litestar", CAPACITY, _accepted)
    per_core = _each(rounds, "litestar", CAPACITY, _per_core)
    empty = _each(rounds, "empty", CAPACITY, _accepted)
    main = spread(ratios(empty, litestar))
    named = _each(rounds, "empty", "named", _accepted)
    stored = _each(rounds, "stored", CAPACITY, _accepted)
    return [
        Line(
            group=_RATIOS,
            what="accepted / empty Litestar POST",
            unit="ratio",
            value=main,
            goal=f">= {GOAL_RATIO}",
            met=None if main is None else main.median >= GOAL_RATIO,
        ),
        Line(
            group=_RATIOS,
            what="... by processor time used",
            unit="ratio",
            value=spread(ratios(_each(rounds, "empty", CAPACITY, _per_core), per_core)),
        ),
        Line(
            group=_RATIOS,
            what="... ids by the client",
            unit="ratio",
            value=spread(ratios(named, litestar)),
        ),
        Line(
            group=_RATIOS,
            what="with stored messages / without",
            unit="ratio",
            value=spread(ratios(stored, empty)),
        ),
    ]


def _latencies(rounds: Sequence[Round], target: str) -> list[Line]:
    lines: list[Line] = []
    names = dict.fromkeys(
        outcome.name
        for each in rounds
        for outcome in each.outcomes.get(target, {}).values()
        if outcome.kind == "open"
    )
    for name in names:
        group = name if target == "empty" else f"{name}, with stored messages"

        def line(
            what: str, unit: str, of: Measure, *, name: str = name, group: str = group
        ) -> Line:
            value = spread(_each(rounds, target, name, of))
            return Line(group=group, what=what, unit=unit, value=value)

        lines += [
            line("offered", "/s", lambda one: one.offered),
            line("achieved", "/s", _accepted),
            *(line(f"{kind} {rank}", "ms", _ranked(of, rank)) for kind, rank, of in _LATENCIES),
        ]
    return [_judged(one) for one in lines]


def _judged(line: Line) -> Line:
    """Put the goal beside the latency it is set for: p99 to the screen at half load."""
    if line.value is None or not line.group.startswith("load 50%"):
        return line
    if line.what != "due to screen p99":
        return line
    met = line.value.median < GOAL_P99
    return msgspec.structs.replace(line, goal=f"< {GOAL_P99:g}", met=met)


_THROUGHPUT, _RATIOS, _PROMISES = "throughput", "ratios of the same round", "promises"
_LATENCIES: tuple[tuple[str, str, Callable[[Outcome], Latency | None]], ...] = (
    ("due to screen", "p50", lambda one: one.on_screen),
    ("due to screen", "p95", lambda one: one.on_screen),
    ("due to screen", "p99", lambda one: one.on_screen),
    ("202 to screen", "p50", lambda one: one.accepted_to_screen),
    ("202 to screen", "p95", lambda one: one.accepted_to_screen),
    ("202 to screen", "p99", lambda one: one.accepted_to_screen),
    ("generator late", "p99", lambda one: one.late),
)


def _promises(rounds: Sequence[Round]) -> Line:
    broken = [
        float(sum(one.broken for one in each.findings.values()) + sum(each.audit.values()))
        for each in rounds
    ]
    return Line(
        group=_PROMISES,
        what="lost, repeated, gaps, disorder",
        unit="messages",
        value=spread(broken),
        goal="0",
        met=not any(broken),
    )


def _accepted(one: Outcome) -> float:
    return one.accepted


def _per_core(one: Outcome) -> float | None:
    used = one.server_loop_cpu + one.server_threads_cpu
    return one.accepted / used if used else None


def _ranked(
    of: Callable[[Outcome], Latency | None], rank: str
) -> Callable[[Outcome], float | None]:
    def value(one: Outcome) -> float | None:
        measured = of(one)
        found: float | None = getattr(measured, rank) if measured is not None else None
        return found

    return value


def _each(rounds: Sequence[Round], target: str, phase: str, of: Measure) -> Rates:
    found = [each.outcomes.get(target, {}).get(phase) for each in rounds]
    return [None if outcome is None else of(outcome) for outcome in found]


def _shown(value: float) -> str:
    if abs(value) >= 100 or value == int(value):  # noqa: PLR2004 - fractions say nothing there
        return f"{value:,.0f}"
    return f"{value:.2f}"


def _range(value: Spread) -> str:
    return f"{_shown(value.least)} to {_shown(value.most)}" if value.rounds > 1 else ""


def _assignments(environment: dict[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in environment.items()) or "its defaults"
