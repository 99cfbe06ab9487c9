"""`python -m bench.sockets`: ten thousand WebSockets, of which a thousand are sent messages.

The thousand are the members of a group, as in `bench.groups`. Beside it, in each round, as many
connections to the same HTTP server, which writes a frame that is ready to as many of them.
Both are started anew for each round: memory that a process has had once does not grow again.
"""

from __future__ import annotations

import asyncio
import resource
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench import groups, servers
from bench.crowd import CrowdJob, Delivered, gather
from bench.groups import BARE, OURS, Round, await_idle, broadcasting, broken_of, told_by
from bench.members import Group, add_group
from bench.servers import RATES, BenchFailed, Cores, Server
from bench.stats import Spread, spread
from bench.told import Lines, Say, known, parser_of, tell
from chat4all.domain.directory import MAX_MEMBERS
from tests.servers.process import free_port

GOAL, GOAL_KIB = 0.7, 30
AT_A_TIME = 50
SPARE = 1_000
"""Descriptors beside those of the connections, such as of files."""


def allow_files(sockets: int) -> None:
    """Let this process and those that it starts have so many connections open, each of them."""
    needed = sockets + SPARE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise BenchFailed(
            f"{sockets:,} connections need {needed:,} descriptors, and the hard limit (ulimit -Hn) "
            f"is {hard:,}: raise it, or ask for fewer --sockets"
        )
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def job_of(server: Server, group: Group, seconds: float, ahead: int) -> CrowdJob:
    """Return what the crowd does, with everybody connected who is in no group."""
    job = groups.job_of(server, group, seconds, ahead)
    return msgspec.structs.replace(job, idle_tokens=group.other_tokens(), at_a_time=AT_A_TIME)


def bare_job_of(server: Server, job: CrowdJob, frame: str) -> CrowdJob:
    """Return the same for the bare server, which is to tell the idle ones from the others."""
    job = told_by(server, job, frame)
    return msgspec.structs.replace(job, idle_tokens=["idle"] * len(job.idle_tokens))


def measure(folder: Path, given: tuple[int, int, int, float, int], say: Say) -> list[Round]:
    """Measure both in every round, every other round backwards, with a frame of the same size."""
    sockets, active, rounds, seconds, ahead = given
    allow_files(sockets)
    port, data = free_port(), folder / "product"
    data.mkdir()
    issuer = f"http://127.0.0.1:{port}"
    # The owner of the group sends, and has no WebSocket.
    group = asyncio.run(add_group(data, active, issuer=issuer, others=sockets - active + 1))
    settings = {**RATES, "CHAT4ALL_PORT": str(port)}

    def ours() -> Delivered:
        with servers.product(data, Cores(None, None), environment=settings) as server:
            await_idle(server.pid)
            return gather(job_of(server, group, seconds, ahead))

    def bare(frame: str) -> Delivered:
        with broadcasting() as server:
            return gather(bare_job_of(server, job_of(server, group, seconds, ahead), frame))

    with servers.product(data, Cores(None, None), environment=settings) as server:
        sample = gather(groups.job_of(server, group, 0.5, ahead)).frame
    say(f"{sockets:,} people are there, {active:,} in a group; a frame has {len(sample)} bytes")
    found: list[Round] = []
    for number in range(1, rounds + 1):
        one: Round = {}
        for name in (OURS, BARE) if number % 2 else (BARE, OURS):
            one[name] = ours() if name == OURS else bare(sample)
        found.append(one)
        told = ", ".join(f"{name} {one[name].deliveries:,.0f}/s" for name in (OURS, BARE))
        say(f"round {number} of {rounds}: {told}")
    return found


def lines_of(rounds: Sequence[Round]) -> Lines:
    """Return what is told: what a connection costs first, then what `bench.groups` tells."""
    lines: list[tuple[str, Spread | None]] = [
        (
            f"resident memory of a connection, KiB, goal <= {GOAL_KIB}",
            _each(rounds, OURS, "resident_kib"),
        ),
        ("anonymous memory of a connection, KiB", _each(rounds, OURS, "anonymous_kib")),
        (f"{BARE}: resident memory of a connection, KiB", _each(rounds, BARE, "resident_kib")),
        ("to connect, ms of the server's processor", _each(rounds, OURS, "cpu_ms")),
        (f"{BARE}: to connect, ms of the server's processor", _each(rounds, BARE, "cpu_ms")),
    ]
    of_groups = [
        (what.replace(f"goal {groups.GOAL}", f"goal {GOAL}"), value)
        for what, value in groups.lines_of(rounds)
    ]
    return [*known(lines), *of_groups]


def _each(rounds: Sequence[Round], name: str, field: str) -> Spread | None:
    return spread([getattr(one[name].connected, field, None) for one in rounds])


def main() -> int:
    """Measure, print, write; return 1 when a promise was broken and 2 when it could not."""
    parser = parser_of("sockets", __doc__, rounds=3)
    add = parser.add_argument
    add("--seconds", type=float, default=5.0, help="how long messages are sent")
    add("--sockets", type=int, default=10_000, help="WebSockets that are connected")
    add(
        "--active",
        type=int,
        default=1_000,
        help="members of the group; one sends, the others are told",
    )
    add("--ahead", type=int, default=4, help="messages that are on their way at a time")
    given = parser.parse_args()
    if not 1 < given.active <= min(given.sockets, MAX_MEMBERS):
        parser.error(f"--active is from 2 to --sockets, and at most {MAX_MEMBERS}: a group")
    options = (given.sockets, given.active, given.rounds, given.seconds, given.ahead)

    def run(folder: Path, say: Say) -> list[Round]:
        return measure(folder, options, say)

    return tell("sockets", given, run, lines=lines_of, broken=broken_of, doubts=groups.doubts_of)


if __name__ == "__main__":
    sys.exit(main())
