"""`python -m bench.groups`: a group of a thousand members, each connected, and messages to all.

Beside it, in each round, what the same HTTP server does at most: it writes one frame that is
ready to as many WebSockets.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from bench import servers
from bench.cpu import used_by
from bench.crowd import CrowdJob, Delivered, gather
from bench.members import Group, add_group
from bench.report import MOST_GENERATOR_CPU
from bench.servers import RATES, ROOT, BenchFailed, Cores, Server
from bench.start import await_ready
from bench.stats import Spread, ratios, spread
from bench.told import Lines, Say, known, parser_of, tell
from tests.servers.process import free_port

OURS, BARE = "group", "bare broadcast"
GOAL = 0.5
IDLE, PATIENCE = 0.1, 120.0
"""Cores that a server uses at most when it is idle, and how long that is waited for."""
TEXT = "Is anybody there? " * 5 + "Nobody."

Round = dict[str, Delivered]


def await_idle(pid: int) -> None:
    """Return once a server has little to do, such as telling who of a crowd has gone."""
    limit = time.monotonic() + PATIENCE
    while time.monotonic() < limit:
        before = used_by(pid)
        time.sleep(1.0)
        if used_by(pid) - before < IDLE:
            return
    raise BenchFailed(f"the server was not idle within {PATIENCE:.0f} s")


def job_of(server: Server, group: Group, seconds: float, ahead: int) -> CrowdJob:
    """Return what the crowd does with the product; tokens are new, as they do not live for long."""
    host, port = server.address
    sender, *others = group.tokens()
    return CrowdJob(
        host=host,
        port=port,
        server_pid=server.pid,
        seconds=seconds,
        ahead=ahead,
        sender_token=sender,
        tokens=others,
        conversation_id=group.conversation_id,
        text=TEXT,
    )


def told_by(server: Server, job: CrowdJob, frame: str) -> CrowdJob:
    """Return the same for the bare server, which is given the `frame` that it tells all."""
    host, port = server.address
    return msgspec.structs.replace(job, host=host, port=port, server_pid=server.pid, frame=frame)


@contextlib.contextmanager
def broadcasting() -> Iterator[Server]:
    """Run the bare server that tells all its WebSockets what is posted."""
    port = free_port()
    command = [sys.executable, "-m", "bench.bare_server", "broadcast", str(port)]
    with subprocess.Popen(command, cwd=ROOT) as process:  # noqa: S603 - our own command
        try:
            await_ready(process, port)
            yield Server(f"http://127.0.0.1:{port}", process.pid, "bare_server")
        finally:
            process.terminate()


def measure(
    folder: Path, members: int, rounds: int, seconds: float, ahead: int, say: Say
) -> list[Round]:
    """Measure both in every round, every other round backwards, with a frame of the same size."""
    port, data = free_port(), folder / "product"
    data.mkdir()
    group = asyncio.run(add_group(data, members, issuer=f"http://127.0.0.1:{port}"))
    settings = {**RATES, "CHAT4ALL_PORT": str(port)}
    found: list[Round] = []
    with servers.product(data, Cores(None, None), environment=settings) as server:

        def ours(seconds: float) -> Delivered:
            return gather(job_of(server, group, seconds, ahead))

        sample = ours(0.5).frame
        say(f"{members:,} members are there; a frame has {len(sample)} bytes")

        def bare() -> Delivered:
            with broadcasting() as other:
                return gather(told_by(other, job_of(server, group, seconds, ahead), sample))

        for number in range(1, rounds + 1):
            one: Round = {}
            for name in (OURS, BARE) if number % 2 else (BARE, OURS):
                await_idle(server.pid)
                one[name] = ours(seconds) if name == OURS else bare()
            found.append(one)
            told = ", ".join(f"{name} {one[name].deliveries:,.0f}/s" for name in (OURS, BARE))
            say(f"round {number} of {rounds}: {told}")
    return found


def lines_of(rounds: Sequence[Round]) -> Lines:
    """Return what is told: the ratio first, then both."""
    each = {name: [one[name] for one in rounds] for name in (OURS, BARE)}
    rates = {name: [one.deliveries for one in many] for name, many in each.items()}
    work = {name: [one.cost for one in many] for name, many in each.items()}
    lines: list[tuple[str, Spread | None]] = [
        (f"{OURS} / {BARE}, deliveries, goal {GOAL}", spread(ratios(rates[OURS], rates[BARE]))),
        (f"{BARE} / {OURS}, processor of a delivery", spread(ratios(work[BARE], work[OURS]))),
    ]
    for name, many in each.items():
        lines += [
            (f"{name}: deliveries/s", spread(rates[name])),
            (f"{name}: messages/s", spread([one.messages for one in many])),
            (f"{name}: us of the server's processor a delivery", spread(work[name])),
            (f"{name}: until the last has it, p50, ms", _to_all(many, "p50")),
            (f"{name}: until the last has it, p99, ms", _to_all(many, "p99")),
            (f"{name}: cores of the server's loop", spread([o.server_loop_cpu for o in many])),
            (f"{name}: cores of the crowd", spread([one.generator_cpu for one in many])),
        ]
    lines += [
        (
            "missing, repeated, out of order, astray",
            spread([float(broken_of([one])) for one in rounds]),
        ),
        ("members cut off", spread([float(one[OURS].reconnects) for one in rounds])),
    ]
    return known(lines)


def _to_all(many: Sequence[Delivered], rank: str) -> Spread | None:
    return spread([getattr(one.to_all, rank, None) for one in many])


def broken_of(rounds: Sequence[Round]) -> int:
    """Return how many frames of the product were missing, repeated, out of order or astray."""
    return sum(abs(one[OURS].missing) + one[OURS].disorder + one[OURS].astray for one in rounds)


def doubts_of(rounds: Sequence[Round]) -> list[str]:
    """Return why the numbers may not mean what they seem to."""
    found = []
    for name in (OURS, BARE):
        most = max(one[name].generator_cpu for one in rounds)
        if most > MOST_GENERATOR_CPU:
            found.append(f"{name}: the crowd used {most:.2f} cores: it may be the limit")
    return found


def main() -> int:
    """Measure, print, write; return 1 when a promise was broken and 2 when it could not."""
    parser = parser_of("groups", __doc__, rounds=5)
    add = parser.add_argument
    add("--seconds", type=float, default=5.0, help="how long messages are sent")
    add("--members", type=int, default=1000, help="of the group; all but who sends are connected")
    add("--ahead", type=int, default=4, help="messages that are on their way at a time")
    given = parser.parse_args()

    def run(folder: Path, say: Say) -> list[Round]:
        return measure(folder, given.members, given.rounds, given.seconds, given.ahead, say)

    return tell("groups", given, run, lines=lines_of, broken=broken_of, doubts=doubts_of)


if __name__ == "__main__":
    sys.exit(main())
