"""`python -m bench.start`: how long the product takes to be ready, and what it holds when idle.

Beside it, in each round, what the same takes without it: Python alone, and its HTTP server with
an empty application. Everything is started once before, so that files are read from memory.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from bench.auditor import fill
from bench.cpu import used_by
from bench.memory import resident
from bench.servers import ROOT, START_SECONDS, STOP_SECONDS, BenchFailed, product_command
from bench.stats import ratios, spread
from bench.told import Lines, Say, known, parser_of, tell
from tests.servers.process import free_port

PYTHON, ASGI, LITESTAR = "python -c pass", "empty ASGI", "empty Litestar"
FRESH, FILLED = "serve, fresh folder", "serve, with data"
OURS, OTHERS = (FRESH, FILLED), (PYTHON, ASGI, LITESTAR)
GOAL_SECONDS, GOAL_MIB = 1.5, 120
_LOOK = 0.002
_OK = 200


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """One start: seconds until it was ready, processor seconds until then, MiB when idle."""

    seconds: float
    processor: float
    memory: float


Round = dict[str, Started]


def start(command: Sequence[str], settings: Mapping[str, str], port: int, idle: float) -> Started:
    """Start a server, wait until it says on `port` that it is ready, let it idle, end it."""
    with _process(command, settings) as (process, began):
        await_ready(process, port)
        took, used = time.perf_counter() - began, used_by(process.pid)
        time.sleep(idle)
        return Started(seconds=took, processor=used, memory=resident(process.pid))


def await_ready(process: subprocess.Popen[bytes], port: int) -> None:
    """Return once a process says on `port` that it is ready."""
    limit = time.perf_counter() + START_SECONDS
    while not is_ready(port):
        if process.poll() is not None:
            raise BenchFailed(f"{process.args!r} ended at its start")
        if time.perf_counter() > limit:
            raise BenchFailed(f"{process.args!r} was not ready in {START_SECONDS:.0f} s")
        time.sleep(_LOOK)


def start_python(idle: float) -> Started:
    """Start Python to do nothing and end; its memory is that of one that waits for input."""
    before, began = os.times(), time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    took, after = time.perf_counter() - began, os.times()
    used = after.children_user - before.children_user
    used += after.children_system - before.children_system
    with _process([sys.executable, "-c", "input()"], {}) as (process, _):
        time.sleep(max(idle, took))
        return Started(seconds=took, processor=used, memory=resident(process.pid))


@contextlib.contextmanager
def _process(
    command: Sequence[str], settings: Mapping[str, str]
) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    """Run a command, by itself; yield it, and when it was started."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("CHAT4ALL_")}
    began = time.perf_counter()
    with subprocess.Popen(  # noqa: S603 - our own commands
        command,
        cwd=ROOT,
        env={**inherited, **settings},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield process, began
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def is_ready(port: int) -> bool:
    """Ask once; what listens already and does not answer yet is waited for."""
    asking = http.client.HTTPConnection("127.0.0.1", port, timeout=START_SECONDS)
    try:
        asking.request("GET", "/readyz")
        return asking.getresponse().status == _OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        asking.close()


def starts(folder: Path, idle: float) -> dict[str, Callable[[int], Started]]:
    """Return how each target is started; they get a number that no start had before."""

    def bare(name: str) -> Callable[[int], Started]:
        def started(_: int) -> Started:
            port = free_port()
            command = [sys.executable, "-m", "bench.bare_server", name, str(port)]
            return start(command, {}, port, idle)

        return started

    def served(data: Path) -> Started:
        port = free_port()
        settings = {"CHAT4ALL_DATA_DIR": str(data), "CHAT4ALL_PORT": str(port)}
        return start(product_command(), settings, port, idle)

    return {
        PYTHON: lambda _: start_python(idle),
        ASGI: bare("asgi"),
        LITESTAR: bare("litestar"),
        FRESH: lambda number: served(folder / f"fresh-{number}"),
        FILLED: lambda _: served(folder / "filled"),
    }


def measure(folder: Path, rounds: int, idle: float, stored: int, say: Say) -> list[Round]:
    """Start every target in every round, every other round backwards."""
    fill(folder / "filled", stored, say)
    for started in starts(folder, 0.0).values():
        started(0)
    found: list[Round] = []
    targets = starts(folder, idle)
    for number in range(1, rounds + 1):
        names = list(targets) if number % 2 else list(reversed(targets))
        one = {name: targets[name](number) for name in names}
        found.append(one)
        told = ", ".join(f"{name} {one[name].seconds:.2f} s" for name in targets)
        say(f"round {number} of {rounds}: {told}")
    return found


def lines_of(rounds: Sequence[Round]) -> Lines:
    """Return what is told: the product first, then what it is compared with."""
    each = {name: [one[name] for one in rounds] for name in (*OURS, *OTHERS)}
    seconds = {name: [one.seconds for one in many] for name, many in each.items()}
    memory = {name: [one.memory for one in many] for name, many in each.items()}
    lines = [
        (f"{name}: ready after, s, goal < {GOAL_SECONDS}", spread(seconds[name])) for name in OURS
    ]
    lines += [
        (f"{name}: resident when idle, MiB, goal < {GOAL_MIB}", spread(memory[name]))
        for name in OURS
    ]
    for base in (LITESTAR, ASGI):
        lines.append(
            (f"{FRESH} / {base}: ready after", spread(ratios(seconds[FRESH], seconds[base])))
        )
        lines.append((f"{FRESH} / {base}: resident", spread(ratios(memory[FRESH], memory[base]))))
    lines += [(f"{name}: ready after, s", spread(seconds[name])) for name in OTHERS]
    lines += [(f"{name}: resident when idle, MiB", spread(memory[name])) for name in OTHERS]
    lines += [
        (f"{name}: processor until then, s", spread([one.processor for one in many]))
        for name, many in each.items()
    ]
    return known(lines)


def main() -> int:
    """Measure, print, write; return 2 when it could not be measured."""
    parser = parser_of("start", __doc__, rounds=5)
    parser.add_argument("--idle", type=float, default=10.0, help="seconds before memory is read")
    parser.add_argument(
        "--stored", type=int, default=100_000, help="messages in the folder with data"
    )
    given = parser.parse_args()

    def run(folder: Path, say: Say) -> list[Round]:
        return measure(folder, given.rounds, given.idle, given.stored, say)

    return tell("start", given, run, lines=lines_of)


if __name__ == "__main__":
    sys.exit(main())
