"""`scripts/chaos --column distributed`: faults under load, and a table of what they broke."""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

from bench.kept import keep
from bench.machine import commit, machine
from tests.chaos.faults import ROWS, Row
from tests.chaos.rows import HEADS, Line, Report, run_rows
from tests.servers import leftovers


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/chaos", description=__doc__)
    add = parser.add_argument
    add("--column", choices=("distributed",), required=True, help="what the product runs on")
    add("--times", type=int, default=20, help="how often each fault is done")
    add("--only", action="append", metavar="ROW", help="rows that contain these words; repeatable")
    add("--json", type=Path, help="where to write the results (default: bench/results/)")
    add("--seed", type=int, default=random.SystemRandom().getrandbits(32), help="of what is chance")
    add("--list", action="store_true", help="only name the rows")
    return parser.parse_args()


async def _run(
    rows: Sequence[Row],
    given: argparse.Namespace,
    folder: Path,
    lines: list[Line],
    console: Console,
) -> None:
    def say(words: str) -> None:
        console.print(f"{datetime.now(UTC):%H:%M:%S} {words}", highlight=False, markup=False)

    async with aclosing(run_rows(rows, given.times, folder, given.seed, say)) as done:
        async for line in done:
            lines.append(line)
            say(" | ".join(line.cells()))
            for finding in line.findings:
                say(f"    {finding}")


def main() -> int:
    """Run, print, write; return 1 when a promise was broken and 2 when it could not."""
    given, console = _arguments(), Console(width=None if sys.stdout.isatty() else 150)
    wanted = given.only or [""]
    rows = [one for one in ROWS if any(words in one.name for words in wanted)]
    if given.list or not rows:
        console.print("\n".join(one.name for one in ROWS))
        return 0 if given.list else 2
    code, about, date = commit(), machine(), datetime.now(UTC).isoformat(timespec="seconds")
    leftovers.name_this_run()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # who is asked to end tidies up too
    lines: list[Line] = []
    status = 0
    with tempfile.TemporaryDirectory(prefix="chat4all-chaos-") as name:
        try:
            asyncio.run(_run(rows, given, Path(name), lines, console))
        except KeyboardInterrupt:
            console.print("chaos: broken off; what is done follows", style="red")
            status = 2
        except pytest.skip.Exception as missing:
            console.print(f"chaos: {missing}", style="red")
            return 2
        finally:
            leftovers.kill_what_is_left()
    table = Table(*HEADS)
    for line in lines:
        table.add_row(*line.cells(), style="red" if line.broken else None)
    console.print(table)
    report = Report(date=date, commit=code, machine=about, seed=given.seed, lines=lines)
    console.print(f"written to {keep(report, date, code, 'chaos', given.json)}")
    return 1 if any(line.broken for line in lines) else status


if __name__ == "__main__":
    sys.exit(main())
