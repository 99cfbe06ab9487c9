"""Runs a bench in a folder of its own, then prints and writes what it measured."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Generic, TypeVar

import msgspec
from rich.console import Console

from bench.kept import keep, show_lines
from bench.machine import Commit, Machine, commit, machine
from bench.servers import BenchFailed
from bench.stats import Spread

Round = TypeVar("Round")
Lines = list[tuple[str, Spread]]
Say = Callable[[str], None]


class Report(msgspec.Struct, Generic[Round], frozen=True, kw_only=True):
    """All that the file holds."""

    date: str
    commit: Commit
    machine: Machine
    settings: dict[str, float]
    lines: Lines
    broken: int
    warnings: list[str]
    rounds: list[Round]


def no_doubts(rounds: Sequence[object]) -> list[str]:
    """Return that nothing is known against what was measured."""
    del rounds
    return []


def parser_of(scenario: str, about: str | None, *, rounds: int) -> argparse.ArgumentParser:
    """Return the options that every bench has."""
    parser = argparse.ArgumentParser(prog=f"python -m bench.{scenario}", description=about)
    parser.add_argument("--rounds", type=int, default=rounds, help="of which medians are told")
    parser.add_argument("--json", type=Path, help="where to write the results")
    parser.add_argument("--folder", type=Path, help="where the data lies meanwhile")
    return parser


def tell(
    scenario: str,
    given: argparse.Namespace,
    run: Callable[[Path, Say], list[Round]],
    *,
    lines: Callable[[Sequence[Round]], Lines],
    broken: Callable[[Sequence[Round]], int] = lambda _: 0,
    doubts: Callable[[Sequence[Round]], list[str]] = no_doubts,
) -> int:
    """Print and write what `run` measures; `given` are the options that `parser_of` has, and more.

    Returns 1 when a promise was broken and 2 when it could not be measured.
    """
    console = Console(width=None if sys.stdout.isatty() else 110)
    about, code = machine(), commit()
    with tempfile.TemporaryDirectory(prefix="chat4all-bench-", dir=given.folder) as name:
        try:
            rounds = run(Path(name), console.print)
        except BenchFailed as error:
            console.print(f"bench: {error}", style="red")
            return 2
    report = Report(
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=code,
        machine=about,
        settings=settings_of(given),
        lines=lines(rounds),
        broken=broken(rounds),
        warnings=doubts(rounds),
        rounds=rounds,
    )
    show_lines(report.lines, console)
    for warning in report.warnings:
        console.print(f"warning: {warning}", style="yellow")
    console.print(f"load average before: {about.load_average[0]}")
    console.print(f"promises broken: {report.broken}")
    console.print(f"written to {keep(report, report.date, code, scenario, given.json)}")
    return 1 if report.broken else 0


def settings_of(given: argparse.Namespace) -> dict[str, float]:
    """Return the options that are numbers."""
    return {name: value for name, value in vars(given).items() if isinstance(value, int | float)}


def known(lines: Sequence[tuple[str, Spread | None]]) -> Lines:
    """Return the lines of which something was measured."""
    return [(what, value) for what, value in lines if value is not None]
