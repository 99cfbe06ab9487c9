"""`python -m bench.sends`: messages sent by every way there is, in the same run on one server.

Over REST, over WebSockets, and over gRPC as single calls and as streams, each by 64 senders at
a time; beside them the empty POST on plain ASGI, and an empty call of grpcio. Who sends over a
WebSocket is told of the message there, so REST is also measured with the senders' WebSockets
open.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path

from rich.console import Console

from bench import people, servers
from bench.job import Job, Lane, Outcome, Phase, Way
from bench.load import CAPACITY
from bench.on_off import CONNECTIONS, Lines, Measured, Round, done, report_on, rounds_of
from bench.report import GOAL_RATIO
from bench.servers import RATES, Cores, Server
from bench.stats import ratios, spread
from tests.servers.process import free_port

EMPTY, REST, TOLD = "empty POST", "REST", "REST, senders told"
EMPTY_CALL, CALL = "empty gRPC call", "gRPC"
WAYS: dict[str, Way] = {
    REST: "rest",
    TOLD: "rest",
    "WebSocket": "websocket",
    CALL: "grpc",
    "gRPC stream": "grpc stream",
}
"""What is measured in each round beside the empty POST, and how it sends."""
SENDERS = [f"sender{number:02}" for number in range(CONNECTIONS)]
"""Each has one conversation and one connection: 500 frames a second is what one user may send."""


def sends_rounds(
    folder: Path, rounds: int, seconds: float, say: Callable[[str], None]
) -> list[Round]:
    """Measure every way in every round, on one server that serves all of them."""
    port, cores = free_port(), Cores(None, None)
    settings = {**RATES, "CHAT4ALL_GRPC_PORT": str(port)}
    with servers.product(folder / "product", cores, environment=settings) as server:

        @cache
        def lanes(_: int) -> list[Lane]:
            """Sign in, anew in each round: tokens do not live for all of them."""
            return people.lanes(server.url, SENDERS, each=1)

        def measured(name: str, number: int) -> Measured:
            if name == EMPTY:
                with servers.ceiling("asgi", folder / "asgi", cores) as empty:
                    return done(job(empty, [], seconds), cores)
            if name == EMPTY_CALL:
                with servers.ceiling("grpc", folder / "grpc", cores) as empty:
                    asked = job(empty, [], seconds, way="grpc", grpc_port=empty.address[1])
                    return done(asked, cores)
            told = partial(job, way=WAYS[name], grpc_port=port, watched=name == TOLD)
            return done(told(server, lanes(number), seconds), cores)

        return rounds_of([EMPTY, *WAYS, EMPTY_CALL], measured, rounds, say)


def job(
    server: Server,
    lanes: list[Lane],
    seconds: float,
    *,
    way: Way = "rest",
    grpc_port: int = 0,
    watched: bool = False,
) -> Job:
    """Return the load of one way: as much as the server takes."""
    host, port = server.address
    return Job(
        host=host,
        port=port,
        server_pid=server.pid,
        connections=CONNECTIONS,
        phases=[
            Phase(name="warm", kind="closed", seconds=1.0),
            Phase(name=CAPACITY, kind="closed", seconds=seconds),
        ],
        lanes=lanes,
        text_length=100,
        spin=False,
        way=way,
        grpc_port=grpc_port,
        watched=watched,
    )


def lines_of(rounds: Sequence[Round]) -> Lines:
    """Return what is told: ratios of the same round, rates, costs, and what was broken."""
    full = {name: [one[name].phases[CAPACITY] for one in rounds] for name in rounds[0]}
    rates = {name: [one.accepted for one in full[name]] for name in full}
    lines = [
        (f"{name} / {base}{goal}", spread(ratios(rates[name], rates[base])))
        for base, goal in ((REST, ""), (EMPTY, f", goal {GOAL_RATIO}"))
        for name in WAYS
        if name != base
    ]
    lines.append((f"{CALL} / {EMPTY_CALL}", spread(ratios(rates[CALL], rates[EMPTY_CALL]))))
    lines += [(f"{name}: accepted/s", spread(rates[name])) for name in full]
    for what, of in (
        ("pushed/s meanwhile", lambda one: one.pushed),
        ("ms of the server's processor a message", cost),
        ("cores of the load generator", lambda one: one.generator_cpu),
    ):
        lines += [(f"{name}: {what}", spread([of(one) for one in full[name]])) for name in WAYS]
    lines += [
        (f"{name}: lost, repeated, gaps", spread([_broken(one[name]) for one in rounds]))
        for name in WAYS
    ]
    return [(what, value) for what, value in lines if value is not None]


def cost(outcome: Outcome) -> float | None:
    """Return the milliseconds of all the server's threads for each message it accepted."""
    used = outcome.server_loop_cpu + outcome.server_threads_cpu
    return 1e3 * used / outcome.accepted if outcome.accepted else None


def _broken(measured: Measured) -> float | None:
    return None if measured.findings is None else float(measured.findings.broken)


def main() -> int:
    """Measure, print, write; return 1 when a promise was broken and 2 when it could not."""
    parser = argparse.ArgumentParser(prog="python -m bench.sends", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds, of which medians are told")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of each phase of load")
    parser.add_argument("--json", type=Path, help="where to write the results")
    given, console = parser.parse_args(), Console(width=None if sys.stdout.isatty() else 110)

    def run(folder: Path) -> list[Round]:
        return sends_rounds(folder, given.rounds, given.seconds, console.print)

    return report_on("sends", run, console=console, path=given.json, lines=lines_of)


if __name__ == "__main__":
    sys.exit(main())
