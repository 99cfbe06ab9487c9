"""`python -m bench.auditor`: what the auditor costs, on against off in the same run.

Three servers run side by side, with many messages stored, and are loaded by turns: one with the
auditor at its default pace and two with it switched off, of which the second tells what two that
do the same differ by. Each has its own copy of the same data, on which a pass has not come to its
end, so that the auditor has work all the time.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from rich.console import Console

from bench import people, servers
from bench.on_off import OFF, Round, report_on, side_by_side
from bench.seed import seed
from bench.servers import Cores

PACES = {OFF: "0", "off again": "0", "at 1,000/s": "1000"}
"""What is measured in each round: `CHAT4ALL_AUDIT_RATE`."""


def fill(folder: Path, stored: int, say: Callable[[str], None]) -> None:
    """Make a data folder that holds so many messages."""
    started = time.monotonic()
    with servers.product(folder, Cores(None, None), environment={}) as server:
        lanes = people.lanes(server.url)
    asyncio.run(seed(folder, lanes, stored))
    say(f"{stored:,} messages stored beforehand in {time.monotonic() - started:.0f} s")


def auditor_rounds(
    folder: Path, stored: int, rounds: int, seconds: float, say: Callable[[str], None]
) -> list[Round]:
    """Measure every pace in every round."""
    seeded = folder / "seeded"
    fill(seeded, stored, say)
    ours: dict[str, tuple[Path, Mapping[str, str]]] = {}
    for name, pace in PACES.items():
        shutil.copytree(seeded, folder / name)
        ours[name] = folder / name, {"CHAT4ALL_AUDIT_RATE": pace}
    return side_by_side(ours, rounds, seconds, say)


def main() -> int:
    """Measure, print, write; return 1 when a promise was broken and 2 when it could not."""
    parser = argparse.ArgumentParser(prog="python -m bench.auditor", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="rounds, of which medians are told")
    parser.add_argument("--seconds", type=float, default=1.5, help="length of each phase of load")
    parser.add_argument("--stored", type=int, default=1_000_000, help="messages stored beforehand")
    parser.add_argument("--json", type=Path, help="where to write the results")
    given, console = parser.parse_args(), Console(width=None if sys.stdout.isatty() else 110)

    def run(folder: Path) -> list[Round]:
        return auditor_rounds(folder, given.stored, given.rounds, given.seconds, console.print)

    return report_on("auditor", run, console=console, path=given.json, stored=given.stored)


if __name__ == "__main__":
    sys.exit(main())
