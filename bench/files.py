"""`python -m bench.files`: how fast files go in and out, beside @tus/server, nginx and a copy."""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from bench.cpu import used_by
from bench.file_servers import FileServer, Ours, nginx, ours, reference, version_of_nginx
from bench.kept import keep
from bench.machine import Commit, Machine, commit, machine
from bench.servers import BenchFailed

PIECE = 16 << 20
SERVERS: dict[str, Callable[[Path], AbstractContextManager[FileServer]]] = {
    "ours": ours,
    "@tus/server": reference,
    "nginx": nginx,
}
COPY = "file copy"


class Times(msgspec.Struct, kw_only=True):
    """Seconds that one target took in one round, and processor seconds of its processes."""

    upload: float = 0.0
    verify: float = 0.0
    download: float = 0.0
    upload_cpu: float = 0.0
    download_cpu: float = 0.0


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All that the file holds."""

    date: str
    commit: Commit
    machine: Machine
    nginx: str
    size: int
    lines: list[tuple[str, str]]
    rounds: list[dict[str, Times]]


def measure(
    folder: Path, size: int, rounds: int, say: Callable[[str], None]
) -> list[dict[str, Times]]:
    """Measure every target in every round, every other round backwards."""
    file = folder / "file"
    with file.open("wb") as body:
        for _ in range(size // PIECE):
            body.write(os.urandom(PIECE))
    found = []
    for number in range(rounds):
        one: dict[str, Times] = {}
        names = [*SERVERS, COPY]
        for name in names if number % 2 == 0 else reversed(names):
            place = folder / "place"
            one[name] = _copied(file, place) if name == COPY else _served(name, file, place)
            shutil.rmtree(place)
        found.append(one)
        rates = ", ".join(
            f"{name} {size / t.upload / 2**20:.0f} up {size / t.download / 2**20:.0f} down"
            for name, t in one.items()
        )
        say(f"round {number + 1} of {rounds}, MiB/s: {rates}")
    return found


def _served(name: str, file: Path, place: Path) -> Times:
    times = Times()
    with SERVERS[name](place) as server:
        if isinstance(server, Ours):
            server.prepare(file)
        os.sync()
        times.upload, times.upload_cpu = _timed(server.pid, lambda: server.take(file))
        times.verify, _ = _timed(server.pid, server.finish)
        server.give()  # each once, so that all read from memory
        times.download, times.download_cpu = _timed(server.pid, server.give)
    return times


def _copied(file: Path, place: Path) -> Times:
    place.mkdir()
    os.sync()

    def copy() -> None:
        with file.open("rb") as source, (place / "copy").open("wb") as target:
            shutil.copyfileobj(source, target, PIECE)
            os.fsync(target.fileno())

    def read() -> None:
        with (place / "copy").open("rb", buffering=0) as source:
            room = bytearray(1 << 20)
            while source.readinto(room):
                pass

    upload, upload_cpu = _timed(os.getpid(), copy)
    download, download_cpu = _timed(os.getpid(), read)
    return Times(upload=upload, download=download, upload_cpu=upload_cpu, download_cpu=download_cpu)


def _timed(pid: int, work: Callable[[], object]) -> tuple[float, float]:
    before, began = used_by(pid), time.perf_counter()
    work()
    return time.perf_counter() - began, used_by(pid) - before


def lines_of(rounds: list[dict[str, Times]], size: int) -> list[tuple[str, str]]:
    """Return what is told: medians, and ratios of each round to the others."""
    mib, lines = size / 2**20, []

    def told(what: str, values: list[float], unit: str) -> None:
        middle = statistics.median(values)
        lines.append((what, f"{middle:,.2f}{unit} ({min(values):,.2f} to {max(values):,.2f})"))

    for way in ("upload", "download"):
        for name in (*SERVERS, COPY):
            told(f"{way}, {name}", [mib / getattr(one[name], way) for one in rounds], " MiB/s")
        for name in (*list(SERVERS)[1:], COPY):
            ratios = [getattr(one[name], way) / getattr(one["ours"], way) for one in rounds]
            told(f"{way}, ours / {name}", ratios, "")
        for name in SERVERS:
            cpu = [getattr(one[name], f"{way}_cpu") * 1024 / mib for one in rounds]
            told(f"{way}, processor of {name}", cpu, " s/GiB")
    told("verifying what was uploaded", [mib / one["ours"].verify for one in rounds], " MiB/s")
    return lines


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m bench.files", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds, of which medians are told")
    parser.add_argument("--size", type=int, default=512, help="MiB of the file")
    parser.add_argument("--json", type=Path, help="where to write the results")
    parser.add_argument("--folder", type=Path, help="where the data lies meanwhile")
    given, console = parser.parse_args(), Console(width=None if sys.stdout.isatty() else 110)
    size, about, code = given.size << 20, machine(), commit()
    with tempfile.TemporaryDirectory(prefix="chat4all-bench-", dir=given.folder) as name:
        try:
            rounds = measure(Path(name), size, given.rounds, console.print)
        except BenchFailed as error:
            console.print(f"bench: {error}", style="red")
            return 2
    date = datetime.now(UTC).isoformat(timespec="seconds")
    report = Report(
        date=date,
        commit=code,
        machine=about,
        nginx=version_of_nginx(),
        size=size,
        lines=lines_of(rounds, size),
        rounds=rounds,
    )
    table = Table("what", "median (least to most)")
    for line in report.lines:
        table.add_row(*line)
    console.print(table)
    console.print(f"written to {keep(report, date, code, 'files', given.json)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
