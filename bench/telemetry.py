"""`python -m bench.telemetry`: what following messages costs, on against off in the same run.

The product runs without a Collector, with one and the default share of traces, and with all
of them. The Collector is a receiver in this process that throws away what it gets.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from bench import people, servers
from bench.job import Job, Outcome
from bench.kept import keep, show_lines
from bench.load import CAPACITY
from bench.machine import Commit, Machine, commit, machine
from bench.on_off import CONNECTIONS, OFF, lines_of, phases
from bench.servers import RATES, BenchFailed, Cores
from bench.stats import Spread

SHARES = {OFF: None, "a tenth of the traces": "0.1", "all traces": "1"}
"""What is measured in each round: `CHAT4ALL_TRACE_RATIO`, or no Collector at all."""

Round = dict[str, dict[str, Outcome]]
"""The phases of each start."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All that the file holds."""

    date: str
    commit: Commit
    machine: Machine
    lines: list[tuple[str, Spread]]
    rounds: list[Round]


@contextmanager
def sink() -> Iterator[str]:
    """Take whatever is sent and keep nothing; yield the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - of the base class
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def measure(folder: Path, settings: dict[str, str], seconds: float) -> dict[str, Outcome]:
    """Load one start of the product: as much as it takes, then half of that."""
    cores = Cores(None, None)
    with servers.product(folder, cores, environment={**RATES, **settings}) as server:
        host, port = server.address
        job = Job(
            host=host,
            port=port,
            server_pid=server.pid,
            connections=CONNECTIONS,
            phases=phases(seconds),
            lanes=people.lanes(server.url),
            text_length=100,
            spin=False,
        )
        return {one.name: one for one in servers.do(job, cores).outcomes}


def rounds_of(folder: Path, rounds: int, seconds: float, say: Callable[[str], None]) -> list[Round]:
    """Measure every share in every round, every other round backwards."""
    found: list[Round] = []
    with sink() as url:
        for number in range(rounds):
            one: Round = {}
            order = list(SHARES.items())
            for name, share in order if number % 2 == 0 else reversed(order):
                collector = {"CHAT4ALL_OTLP_ENDPOINT": url, "CHAT4ALL_TRACE_RATIO": share or ""}
                settings = {} if share is None else collector
                one[name] = measure(folder / f"{number}-{share}", settings, seconds)
                say(
                    f"round {number + 1} of {rounds}, {name}: {one[name][CAPACITY].accepted:,.0f}/s"
                )
            found.append(one)
    return found


def main() -> int:
    """Measure, print, write; return 2 when it could not."""
    parser = argparse.ArgumentParser(prog="python -m bench.telemetry", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds, of which medians are told")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of each phase of load")
    parser.add_argument("--json", type=Path, help="where to write the results")
    given, console = parser.parse_args(), Console(width=None if sys.stdout.isatty() else 110)
    about, code = machine(), commit()
    with tempfile.TemporaryDirectory(prefix="chat4all-bench-") as folder:
        try:
            rounds = rounds_of(Path(folder), given.rounds, given.seconds, console.print)
        except BenchFailed as error:
            console.print(f"bench: {error}", style="red")
            return 2
    report = Report(
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=code,
        machine=about,
        lines=lines_of(rounds),
        rounds=rounds,
    )
    show_lines(report.lines, console)
    console.print(f"written to {keep(report, report.date, code, 'telemetry', given.json)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
