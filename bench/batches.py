"""`python -m bench.batches`: batches of 100 messages, beside a bare group commit of their rows.

16 people send, each in a private conversation, a batch as soon as the last one is answered.
Beside them, in each round, SQLite alone commits as many rows of the same table at a time.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench import people, servers
from bench.bare_commits import committed
from bench.contents import BATCH
from bench.groups import await_idle
from bench.job import Job, Lane, Outcome, Phase
from bench.load import CAPACITY
from bench.on_off import Measured, done
from bench.report import doubts_about
from bench.sends import cost
from bench.servers import RATES, Cores, Server
from bench.stats import Spread, ratios, spread
from bench.told import Lines, Say, known, parser_of, tell

SENDERS = [f"sender{number:02}" for number in range(16)]
GOAL, GOAL_STORED, MOST_WAITING = 0.6, 0.3, 50_000
"""The last is what the product lets wait by default, `CHAT4ALL_BACKLOG`."""


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """What the product did, and how many rows a second SQLite alone committed."""

    product: Measured
    bare: float

    @property
    def full(self) -> Outcome:
        """Return the phase that counts."""
        return self.product.phases[CAPACITY]


def job_of(server: Server, folder: Path, lanes: list[Lane], seconds: float) -> Job:
    """Return the load: as many batches as the server takes."""
    host, port = server.address
    return Job(
        host=host,
        port=port,
        server_pid=server.pid,
        connections=len(lanes),
        phases=[
            Phase(name="warm", kind="closed", seconds=1.0),
            Phase(name=CAPACITY, kind="closed", seconds=seconds),
        ],
        lanes=lanes,
        text_length=100,
        spin=False,
        way="rest batch",
        stored_in=str(folder / "messages.sqlite3"),
    )


def measure(folder: Path, rounds: int, seconds: float, say: Say) -> list[Round]:
    """Measure both in every round, every other round backwards, on one start of the product."""
    data, cores, found = folder / "product", Cores(None, None), list[Round]()
    with servers.product(data, cores, environment=RATES) as server:

        def ours() -> Measured:
            lanes = people.lanes(server.url, SENDERS, each=1)
            return done(job_of(server, data, lanes, seconds), cores)

        def bare(number: int) -> float:
            await_idle(server.pid)
            place = folder / f"bare-{number}"
            place.mkdir()
            text = job_of(server, data, [], seconds).text
            rate = committed(place / "messages.sqlite3", seconds, len(SENDERS), text)
            shutil.rmtree(place)
            return rate

        for number in range(1, rounds + 1):
            first = None if number % 2 else bare(number)
            product = ours()
            one = Round(product=product, bare=bare(number) if first is None else first)
            found.append(one)
            rate, least = one.full.accepted, one.bare
            say(f"round {number} of {rounds}: {rate:,.0f}/s accepted, {least:,.0f}/s bare rows")
    return found


def stored_rate(one: Outcome) -> float | None:
    """Return messages a second until the last one that was answered is stored."""
    if one.answered is None or one.stored_after is None:
        return None
    return one.answered.count / (one.seconds + one.ended_after + one.stored_after)


def told_rate(one: Outcome) -> float:
    """Return what was both acknowledged and pushed a second, within the phase."""
    return min(one.accepted, one.pushed)


def lines_of(rounds: Sequence[Round]) -> Lines:
    """Return what is told: the ratios first."""
    full, bare = [one.full for one in rounds], [one.bare for one in rounds]
    stored, told = [stored_rate(one) for one in full], [told_rate(one) for one in full]
    waiting = [None if one.backlog is None else float(one.backlog) for one in full]
    refused = [float(sum(one.refused.values())) for one in full]
    return known(
        [
            (f"acknowledged and pushed / bare rows, goal {GOAL}", spread(ratios(told, bare))),
            (f"stored / bare rows, goal {GOAL_STORED}", spread(ratios(stored, bare))),
            (f"most that waited to be stored, goal <= {MOST_WAITING}", spread(waiting)),
            ("accepted/s", spread([one.accepted for one in full])),
            ("pushed/s meanwhile", spread([one.pushed for one in full])),
            ("stored/s until the last is", spread(stored)),
            ("bare rows/s", spread(bare)),
            (f"a batch of {BATCH} answered, p50, ms", _answered(full, "p50")),
            (f"a batch of {BATCH} answered, p99, ms", _answered(full, "p99")),
            ("last row stored after the load, s", spread([one.stored_after for one in full])),
            ("ms of the server's processor a message", spread([cost(one) for one in full])),
            ("cores of the load generator", spread([one.generator_cpu for one in full])),
            ("refused", spread(refused)),
            ("lost, repeated, gaps", spread([float(broken_of([one])) for one in rounds])),
        ]
    )


def _answered(full: Sequence[Outcome], rank: str) -> Spread | None:
    return spread([getattr(one.answered, rank, None) for one in full])


def broken_of(rounds: Sequence[Round]) -> int:
    """Return how many promises were broken."""
    return sum(one.product.findings.broken for one in rounds if one.product.findings)


def doubts_of(rounds: Sequence[Round]) -> list[str]:
    """Return why the numbers may not mean what they seem to."""
    return doubts_about([phase for one in rounds for phase in one.product.phases.values()])


def main() -> int:
    """Measure, print, write; return 1 when a promise was broken and 2 when it could not."""
    parser = parser_of("batches", __doc__, rounds=5)
    parser.add_argument("--seconds", type=float, default=5.0, help="length of each phase of load")
    given = parser.parse_args()

    def run(folder: Path, say: Say) -> list[Round]:
        return measure(folder, given.rounds, given.seconds, say)

    return tell("batches", given, run, lines=lines_of, broken=broken_of, doubts=doubts_of)


if __name__ == "__main__":
    sys.exit(main())
