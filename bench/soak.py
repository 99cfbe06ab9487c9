"""`python -m bench.soak`: half an hour of half of what the product takes, looked at every 10 s.

The load comes in pieces of ten minutes, as an access token lives for fifteen; each piece is
compared with what is stored and what came to the recipients, as in all loads.
"""

from __future__ import annotations

import statistics
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

import msgspec

from bench import people, servers
from bench.job import Answer, Findings, Job, Outcome, Phase
from bench.load import CAPACITY
from bench.memory import anonymous, resident
from bench.on_off import CONNECTIONS
from bench.report import MOST_GENERATOR_CPU
from bench.servers import RATES, BenchFailed, Cores, Server
from bench.stats import Spread, spread
from bench.told import Lines, Say, known, parser_of, tell

EVERY = 10.0
PIECE = 60
"""Windows of a piece of the load."""
GOAL = 1.03
WARM, END = 0.2, 0.2
"""Shares of the windows that are not looked at, as caches fill, and that are the end; as many as
the end has, the first after the warm ones, are the beginning."""
LEAST_WINDOWS = 5


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """The server at a moment, in seconds of the monotonic clock; memory and files in MiB."""

    at: float
    resident: float
    anonymous: float
    files: int
    threads: int
    data: dict[str, float]


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One start of the product."""

    capacity: float
    windows: list[Outcome]
    sights: list[Sight]
    findings: list[Findings]


def look(server: Server, folder: Path) -> Sight:
    """Look at a server and its data."""
    process = Path(f"/proc/{server.pid}")
    return Sight(
        at=perf_counter(),
        resident=resident(server.pid),
        anonymous=anonymous(server.pid),
        files=sum(1 for _ in (process / "fd").iterdir()),
        threads=sum(1 for _ in (process / "task").iterdir()),
        data={one.name: one.stat().st_size / 2**20 for one in sorted(folder.glob("*.sqlite3*"))},
    )


@contextmanager
def looking(server: Server, folder: Path) -> Iterator[list[Sight]]:
    """Look every 10 s meanwhile."""
    found: list[Sight] = []
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(EVERY):
            found.append(look(server, folder))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()


def measure(folder: Path, minutes: float, share: float) -> Round:
    """Load a fresh start of the product."""
    cores = Cores(None, None)
    with servers.product(folder, cores, environment=RATES) as server:
        host, port = server.address

        def load(phases: list[Phase]) -> Answer:
            job = Job(
                host=host,
                port=port,
                server_pid=server.pid,
                connections=CONNECTIONS,
                phases=phases,
                lanes=people.lanes(server.url),
                text_length=100,
                spin=False,
            )
            return servers.do(job, cores)

        first = load(
            [
                Phase(name="warm", kind="closed", seconds=1.0),
                Phase(name=CAPACITY, kind="closed", seconds=5.0),
            ]
        )
        capacity = first.outcomes[-1].accepted
        if not capacity:
            raise BenchFailed("the product accepted nothing")
        with looking(server, folder) as sights:
            answers = [load(one) for one in pieces_of(minutes, share * capacity)]
        return Round(
            capacity=capacity,
            windows=[one for answer in answers for one in answer.outcomes],
            sights=sights,
            findings=[one.findings for one in (first, *answers) if one.findings],
        )


def pieces_of(minutes: float, rate: float) -> list[list[Phase]]:
    """Return the load: windows of 10 s of messages due at random, in pieces."""
    count = max(LEAST_WINDOWS, round(minutes * 60 / EVERY))
    windows = [
        Phase(name=f"window {number}", kind="open", seconds=EVERY, rate=rate)
        for number in range(1, count + 1)
    ]
    return [windows[at : at + PIECE] for at in range(0, count, PIECE)]


def drift(values: Sequence[float]) -> float | None:
    """Return the median of the end to that of the beginning, after what is warm."""
    if len(values) < LEAST_WINDOWS:
        return None
    warm, many = int(len(values) * WARM), max(1, int(len(values) * END))
    first = statistics.median(values[warm : warm + many])
    return statistics.median(values[-many:]) / first if first else None


def slope(sights: Sequence[Sight]) -> float | None:
    """Return how many MiB of anonymous memory an hour adds, by a linear fit after what is warm."""
    rest = sights[int(len(sights) * WARM) :]
    if len(rest) < 2:  # noqa: PLR2004 - a line has two ends
        return None
    fit = statistics.linear_regression([one.at for one in rest], [one.anonymous for one in rest])
    return fit.slope * 3600


def broken_of(rounds: Sequence[Round]) -> int:
    """Return how many promises were broken."""
    return sum(found.broken for one in rounds for found in one.findings)


def lines_of(rounds: Sequence[Round]) -> Lines:
    """Return what is told: the drifts first."""
    goal = f"end / beginning, goal <= {GOAL}"
    lines: list[tuple[str, Spread | None]] = [
        (f"anonymous memory, {goal}", _drift(rounds, "anonymous")),
        (f"p50, {goal}", spread([drift(ranked(one, "p50")) for one in rounds])),
        (f"p99, {goal}", spread([drift(ranked(one, "p99")) for one in rounds])),
        ("anonymous memory, MiB an hour", spread([slope(one.sights) for one in rounds])),
    ]
    lines += [
        (f"{what}, end / beginning", _drift(rounds, what))
        for what in ("resident", "files", "threads")
    ]
    for rank in ("p50", "p99"):
        median = [statistics.median(ranked(one, rank)) for one in rounds if ranked(one, rank)]
        lines.append((f"{rank} of a window, ms", spread(median)))
    for what in ("resident", "anonymous"):
        last = [getattr(one.sights[-1], what) for one in rounds if one.sights]
        lines.append((f"{what} memory at the end, MiB", spread(last)))
    data = [sum(one.sights[-1].data.values()) for one in rounds if one.sights]
    lines += [
        ("data at the end, MiB", spread(data)),
        ("accepted/s before, as much as it takes", spread([one.capacity for one in rounds])),
        ("accepted/s", spread([w.accepted for one in rounds for w in one.windows])),
        ("lost, repeated, out of order", spread([float(broken_of([one])) for one in rounds])),
    ]
    return known(lines)


def _drift(rounds: Sequence[Round], field: str) -> Spread | None:
    return spread([drift([getattr(s, field) for s in one.sights]) for one in rounds])


def ranked(one: Round, rank: str) -> list[float]:
    """Return a rank of the answers of each window, in milliseconds."""
    return [getattr(w.answered, rank) for w in one.windows if w.answered]


def doubts_of(rounds: Sequence[Round]) -> list[str]:
    """Return why the numbers may not mean what they seem to."""
    most = max(w.generator_cpu for one in rounds for w in one.windows)
    if most <= MOST_GENERATOR_CPU:
        return []
    return [f"the load generator used {most:.2f} cores: its own delay is in the latencies"]


def main() -> int:
    """Measure, print, write; return 1 when a promise was broken and 2 when it could not."""
    parser = parser_of("soak", __doc__, rounds=1)
    add = parser.add_argument
    add("--minutes", type=float, default=30.0, help="how long it is loaded")
    add("--share", type=float, default=0.5, help="how much of what it takes")
    given = parser.parse_args()

    def run(folder: Path, say: Say) -> list[Round]:
        found = []
        for number in range(1, given.rounds + 1):
            found.append(measure(folder / f"round-{number}", given.minutes, given.share))
            say(f"round {number} of {given.rounds}: {found[-1].capacity:,.0f}/s before")
        return found

    return tell("soak", given, run, lines=lines_of, broken=broken_of, doubts=doubts_of)


if __name__ == "__main__":
    sys.exit(main())
