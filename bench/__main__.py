"""`python -m bench`: measures the product against its ceilings; see docs/reference/bench.md."""

from __future__ import annotations

import argparse
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from bench import pacing
from bench.kept import keep
from bench.machine import commit, machine
from bench.report import Report, broken_of, lines_of, show, warnings_of
from bench.scenarios import Bench, Round, Settings
from bench.servers import RATES, BenchFailed, Cores, product_command, two_cores


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    add = parser.add_argument
    add("--rounds", type=int, default=5, help="rounds, of which medians are told")
    add("--seconds", type=float, default=5.0, help="length of each phase of load")
    add("--connections", type=int, default=64, help="kept HTTP connections that send")
    add("--text-length", type=int, default=100, help="characters of a message")
    add("--stored", type=int, default=1_000_000, help="messages stored beforehand; 0 leaves it out")
    add("--quick", action="store_true", help="1 round of 2 s without stored messages")
    add("--json", type=Path, help="where to write the results (default: bench/results/)")
    add("--pinned", action="store_true", help="keep the server on one core, the load on another")
    add("--folder", type=Path, help="where the data lies meanwhile (default: a temporary folder)")
    add("--pacing", action="store_true", help="only measure what a flooded account costs another")
    add("--profile", type=Path, metavar="FILE", help="only profile the server, into FILE")
    return parser.parse_args()


def _settings(given: argparse.Namespace) -> Settings:
    quick = given.quick
    return Settings(
        rounds=1 if quick else given.rounds,
        seconds=2.0 if quick else given.seconds,
        warm_seconds=1.0,
        connections=given.connections,
        text_length=given.text_length,
        stored=0 if quick else given.stored,
        environment=dict(RATES),
    )


def _report(settings: Settings, cores: Cores, folder: Path, console: Console) -> Report:
    about, code = machine(), commit()
    rounds: list[Round] = Bench(settings, cores, folder, console.print).run()
    return Report(
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=code,
        machine=about,
        pinning=str(cores),
        program=" ".join(Path(one).name for one in product_command()),
        settings=settings,
        lines=lines_of(rounds),
        broken=broken_of(rounds),
        warnings=warnings_of(rounds),
        rounds=rounds,
    )


def _pacing(settings: Settings, cores: Cores, folder: Path, console: Console) -> int:
    seconds = max(settings.seconds * 4, 10.0)
    rounds = pacing.PacingBench(settings.rounds, seconds, cores, folder, console.print).run()
    for what, value in pacing.lines(rounds):
        if value is not None:
            console.print(
                f"{what:<42}{value.median:>9.2f}  ({value.least:.2f} to {value.most:.2f})"
            )
    return 1 if any(one.lost or one.refused for one in rounds) else 0


def main() -> int:
    """Measure, print, write; return 1 when a promise was broken and 2 when it could not."""
    given, console = _arguments(), Console(width=None if sys.stdout.isatty() else 110)
    cores = two_cores() if given.pinned else Cores(None, None)
    with tempfile.TemporaryDirectory(prefix="chat4all-bench-", dir=given.folder) as name:
        try:
            settings = _settings(given)
            if given.profile is not None:
                bench = Bench(settings, cores, Path(name), console.print)
                bench.profile(given.profile.resolve())
                return 0
            if given.pacing:
                return _pacing(settings, cores, Path(name), console)
            report = _report(settings, cores, Path(name), console)
        except BenchFailed as error:
            console.print(f"bench: {error}", style="red")
            return 2
    show(report, console)
    console.print(f"written to {keep(report, report.date, report.commit, '', given.json)}")
    return 1 if report.broken else 0


if __name__ == "__main__":
    sys.exit(main())
