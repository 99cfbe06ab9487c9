"""`python -m bench.table`: every scenario that has a goal, one after the other, and the page.

The page is made of the newest result file of each scenario; `--draw` makes it without
measuring anything.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from bench.goals import ROWS, Figure, Result, Row, figures_of, newest, shown
from bench.kept import RESULTS
from bench.plots import goals_plot, latency_plot, rates_plot
from bench.servers import ROOT

PAGE = ROOT / "docs" / "explanation" / "performance.md"
IMAGES = ROOT / "docs" / "images"
WHOLE: Mapping[str, Sequence[str]] = {"files": ("--size", "2048")}
"""Options of a whole run, beside the defaults."""
QUICK: Mapping[str, Sequence[str]] = {
    "peers": ("--rounds", "1", "--seconds", "2"),
    "batches": ("--rounds", "1", "--seconds", "2"),
    "sends": ("--rounds", "1", "--seconds", "2"),
    "routers": ("--rounds", "1", "--messages", "5000"),
    "groups": ("--rounds", "1", "--seconds", "2", "--members", "100"),
    "sockets": ("--rounds", "1", "--seconds", "2", "--sockets", "1000", "--active", "100"),
    "full": ("--rounds", "1", "--seconds", "2", "--stored", "20000", "--conversations", "1000"),
    "files": ("--rounds", "1", "--size", "64"),
    "search": ("--rounds", "1", "--stored", "20000", "--repeats", "5"),
    "soak": ("--minutes", "1"),
    "start": ("--rounds", "1", "--idle", "1", "--stored", "1000"),
    "overload": ("--rounds", "1", "--seconds", "5", "--connections", "500"),
}
"""Options of a look; a scenario that is not here takes too long for one."""
SCENARIOS = tuple(dict.fromkeys(row.scenario for row in ROWS))
_INTRODUCTION = """# Performance

How fast the product is, as ratios to a limit or to a peer measured in the same run on the same
machine: such a ratio can be compared between machines, a rate cannot. `scripts/bench table`
measures all of it and writes this page; `scripts/bench table --draw` writes it anew from the
[result files](../../bench/results). [How each scenario measures](../reference/bench.md).

Told is the median of the rounds, with the least and the most of them. A goal is met when the
median is, so one that is met may be missed in a round. Each row names the commit that was
measured: rows of different commits, or with different loads beside them, do not belong together.
"""


def measure(names: Sequence[str], into: Path | None, *, quick: bool, console: Console) -> list[str]:
    """Run these scenarios; return those that could not be measured or broke a promise."""
    failed = []
    for name in names:
        if not (ROOT / "bench" / f"{name}.py").exists():
            console.print(f"{name}: there is no such scenario")
            continue
        if quick and name not in QUICK:
            console.print(f"{name}: left out of a quick run")
            continue
        console.rule(name)
        command = command_of(name, into, quick=quick)
        ended = subprocess.run(command, cwd=ROOT, check=False)  # noqa: S603 - our own command
        if ended.returncode:
            failed.append(f"{name} ended with {ended.returncode}")
    return failed


def command_of(name: str, into: Path | None, *, quick: bool) -> list[str]:
    """Return how a scenario is run, and where it writes."""
    options = QUICK[name] if quick else WHOLE.get(name, ())
    where = [] if into is None else ["--json", str(into / f"{name}.json")]
    return [str(ROOT / "scripts" / "bench"), name, *options, *where]


def write(results: Path, page: Path, images: Path) -> None:
    """Write the page and its pictures from the newest files."""
    found = {name: newest(name, results) for name in SCENARIOS}
    there = {name: one for name, one in found.items() if one is not None}
    reached = {
        row.what: figures_of(row, there[row.scenario]) for row in ROWS if row.scenario in there
    }
    pictures = []
    images.mkdir(parents=True, exist_ok=True)
    if reached:
        pictures.append(
            (
                "How far the goal of each row that is furthest away is reached",
                goals_plot(reached, images),
            )
        )
    if "peers" in there:
        pictures.append(("Latency against load", latency_plot(there["peers"], images)))
    if {"groups", "peers", "batches"} & set(there):
        pictures.append(("Messages delivered per second", rates_plot(there, images)))
    place = images.name if page.parent == images.parent else f"../{images.name}"
    page.write_text(page_of(found, [(told, f"{place}/{name}") for told, name in pictures]))


def page_of(found: Mapping[str, Result | None], pictures: Sequence[tuple[str, str]] = ()) -> str:
    """Return the page: the table, pictures, what each row means, and where it was measured."""
    parts = [_INTRODUCTION, _table(found)]
    parts += [f"![{told}]({path})\n" for told, path in pictures]
    parts.append("## What the figures mean\n")
    parts += [_section(row, found.get(row.scenario)) for row in ROWS]
    return "\n".join(parts)


def _table(found: Mapping[str, Result | None]) -> str:
    lines = [
        "| scenario | in the same run | goal | measured | | commit |",
        "|---|---|---|---|---|---|",
    ]
    for row in ROWS:
        result = found.get(row.scenario)
        figures = [] if result is None else figures_of(row, result)
        if result is None or not figures:
            lines.append(f"| {row.what} | {row.beside} | | not measured | | |")
        for number, figure in enumerate(figures):
            what, beside = ("", "") if number else (row.what, row.beside)
            commit = "" if number or result is None else result.commit
            lines.append(f"| {what} | {beside} | {_measured(figure)} | {commit} |")
    return "\n".join([*lines, ""])


def _measured(figure: Figure) -> str:
    ends = ""
    if figure.spread is not None:
        ends = f" ({shown(figure.spread[0])} to {shown(figure.spread[1])})"
    way = {">=": ": at least", "<=": ": at most", "<": ": less than", "": ""}[figure.way]
    limit = f" {shown(figure.limit)}" if way else ""
    verdict = {True: "met", False: "**missed**", None: ""}[figure.met]
    return f"{figure.what}{way}{limit} | {shown(figure.value)}{ends} | {verdict}"


def _section(row: Row, result: Result | None) -> str:
    """Return what a row means, why it is missed where it is, and what was measured where."""
    told = f"**{row.what}** (`scripts/bench {row.scenario}`): {row.means}"
    if result is None:
        return f"{told} Not measured.\n"
    missed = [one for one in figures_of(row, result) if one.met is False]
    if missed:
        told += f" {len(missed)} missed: {row.known or 'why is not known yet.'}"
    settings = ", ".join(f"{name} {shown(value)}" for name, value in result.settings.items())
    told += (
        f" Measured on {result.date[:10]} at {result.commit} with {settings}, on {result.machine}, "
        f"load average before {shown(result.load_average)} (`{result.name}`)."
    )
    return " ".join([told, *(f"A doubt: {one}." for one in result.warnings)]) + "\n"


def main() -> int:
    """Measure what is asked for, write the page; return 1 when a scenario failed."""
    parser = argparse.ArgumentParser(prog="python -m bench.table", description=__doc__)
    add = parser.add_argument
    add("--quick", action="store_true", help="a look of some minutes; says nothing of the goals")
    add("--draw", action="store_true", help="only write the page from the files that are there")
    add("--only", nargs="+", choices=SCENARIOS, default=SCENARIOS, help="measure these alone")
    add("--into", type=Path, help="where files, page and pictures go instead; needed by --quick")
    given, console = parser.parse_args(), Console(width=None if sys.stdout.isatty() else 110)
    into: Path | None = None if given.into is None else given.into.absolute()
    if given.quick and into is None:
        parser.error("--quick needs --into: the page is not made of looks")
    if into is not None:
        into.mkdir(parents=True, exist_ok=True)
    failed = [] if given.draw else measure(given.only, into, quick=given.quick, console=console)
    page, images = (PAGE, IMAGES) if into is None else (into / PAGE.name, into / "images")
    write(RESULTS if into is None else into, page, images)
    console.print(f"written to {page}")
    for one in failed:
        console.print(one, style="red")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
