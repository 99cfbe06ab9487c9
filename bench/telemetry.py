"""`python -m bench.telemetry`: what following messages costs, on against off in the same run.

The product runs without a Collector, with one and the default share of traces, and with all
of them. The Collector is a receiver in this process that throws away what it gets.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from bench.on_off import OFF, Measured, Round, measure, report_on, rounds_of
from tests.servers.listener import Answer, listening

SHARES = {OFF: None, "a tenth of the traces": "0.1", "all traces": "1"}
"""What is measured in each round: `CHAT4ALL_TRACE_RATIO`, or no Collector at all."""


def telemetry_rounds(
    folder: Path, rounds: int, seconds: float, say: Callable[[str], None]
) -> list[Round]:
    """Measure every share in every round."""
    with listening(lambda _path, _headers, _body: Answer()) as collector:

        def measured(name: str, number: int) -> Measured:
            share = SHARES[name]
            told = {"CHAT4ALL_OTLP_ENDPOINT": collector, "CHAT4ALL_TRACE_RATIO": share or ""}
            return measure(folder / f"{number}-{share}", told if share else {}, seconds)

        return rounds_of(list(SHARES), measured, rounds, say)


def main() -> int:
    """Measure, print, write; return 1 when a promise was broken and 2 when it could not."""
    parser = argparse.ArgumentParser(prog="python -m bench.telemetry", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds, of which medians are told")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of each phase of load")
    parser.add_argument("--json", type=Path, help="where to write the results")
    given, console = parser.parse_args(), Console(width=None if sys.stdout.isatty() else 110)

    def run(folder: Path) -> list[Round]:
        return telemetry_rounds(folder, given.rounds, given.seconds, console.print)

    return report_on("telemetry", run, console=console, path=given.json)


if __name__ == "__main__":
    sys.exit(main())
