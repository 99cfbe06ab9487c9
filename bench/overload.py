"""`python -m bench.overload`: three times as many messages as the product takes, for a minute.

The product has its default settings. How much it takes is measured just before, in the same
run; a probe in a process of its own tells when it is as quick again as before.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench import people, servers
from bench.drive import NOT_SENT
from bench.job import Answer, Findings, Job, Lane, Outcome, Phase
from bench.load import CAPACITY
from bench.memory import highest, resident
from bench.on_off import CONNECTIONS
from bench.probe import EVERY, Sighting, probing
from bench.report import MOST_GENERATOR_CPU
from bench.sends import SENDERS
from bench.servers import BenchFailed, Cores
from bench.stats import percentile, ratios, spread
from bench.told import Lines, Say, known, parser_of, tell

OVERLOAD = "overload"
HONEST = {"429", "503", NOT_SENT}
"""What a message may be refused by: 429 and 503 with Retry-After, and the load itself."""
GOAL_RECOVERY = 5.0
REST, QUIET = 6.0, 3.0
"""Seconds between capacity and overload, and how many of them, the last, are "before"."""
AFTERWARDS = 20.0
"""Seconds that are looked at after the overload."""
RUN = round(1 / EVERY)
"""So many probes in a row, those of a second, have to be as quick as before."""
SLACK = 1.5


class Recovery(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds of a probe before, and seconds until it was as quick after; None: never."""

    before: float
    after: float | None


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One start of the product, loaded with what it takes and then with `times` that."""

    phases: dict[str, Outcome]
    findings: Findings
    answered: Recovery
    """From due to the 202."""
    screen: Recovery
    """From due to the recipient's socket."""
    unseen: int
    """Messages of the probe that were accepted and came to no screen."""
    idle_memory: float
    highest_memory: float


def measure(folder: Path, times: float, seconds: float, connections: int) -> Round:
    """Load a fresh start of the product."""
    cores = Cores(None, None)
    with servers.product(folder, cores, environment={}) as server:
        lanes = people.lanes(server.url, SENDERS, each=1)
        [probed] = people.lanes(server.url, ["probe"], each=1, recipients=["probed"])
        host, port = server.address

        def job(lanes: list[Lane], connections: int, phases: list[Phase]) -> Job:
            return Job(
                host=host,
                port=port,
                server_pid=server.pid,
                connections=connections,
                phases=phases,
                lanes=lanes,
                text_length=100,
                spin=False,
            )

        idle = resident(server.pid)
        with probing(job([probed], 1, [])) as sightings:
            answer = servers.do(job(lanes, connections, phases_of(times, seconds)), cores)
        return round_of(answer, sightings, (idle, highest(server.pid)))


def phases_of(times: float, seconds: float) -> list[Phase]:
    """Return the load: what the product takes, a rest, and `times` that."""
    few = min(5.0, seconds)
    return [
        Phase(name="warm", kind="closed", seconds=1.0, connections=CONNECTIONS),
        Phase(name=CAPACITY, kind="closed", seconds=few, connections=CONNECTIONS, rest=REST),
        Phase(
            name=OVERLOAD, kind="open", seconds=seconds, share=times, drops=True, rest=AFTERWARDS
        ),
    ]


def round_of(answer: Answer, sightings: Sequence[Sighting], memory: tuple[float, float]) -> Round:
    """Put together what the load, the probe and the system say."""
    phases = {one.name: one for one in answer.outcomes}
    if answer.findings is None:
        raise BenchFailed("the load did not look what became of the messages")
    rested = end_of(phases[CAPACITY]) + REST
    ended = end_of(phases[OVERLOAD])
    before = [one for one in sightings if rested - QUIET <= one.due < rested]
    after = [one for one in sightings if ended <= one.due < ended + AFTERWARDS]

    def recovery(field: str) -> Recovery:
        took = [_took(one, field) for one in before]
        if not took or statistics.median(took) == float("inf"):
            raise BenchFailed("the probe was not answered before the overload")
        since = [(one.due - ended, _took(one, field)) for one in after]
        return Recovery(
            before=round(statistics.median(took) * 1e3, 2), after=recovered(took, since)
        )

    return Round(
        phases=phases,
        findings=answer.findings,
        answered=recovery("answered"),
        screen=recovery("screen"),
        unseen=sum(one.answered is not None and one.screen is None for one in sightings),
        idle_memory=memory[0],
        highest_memory=memory[1],
    )


def _took(one: Sighting, field: str) -> float:
    at: float | None = getattr(one, field)
    return float("inf") if at is None else at - one.due


def end_of(outcome: Outcome) -> float:
    """Return when the time of a phase was over, answered or not."""
    return outcome.began + outcome.seconds


def recovered(before: Sequence[float], since: Sequence[tuple[float, float]]) -> float | None:
    """Return the first moment of `since` (when, how long) from which probes are as before.

    Those of a second are: their median and their 95th percentile are at most `SLACK` times
    those of `before`.
    """
    for at in range(len(since) - RUN + 1):
        run = [took for _, took in since[at : at + RUN]]
        if all(_at(run, share) <= SLACK * _at(before, share) for share in (0.5, 0.95)):
            return round(since[at][0], 2)
    return None


def _at(took: Sequence[float], share: float) -> float:
    return percentile(sorted(took), share)


def broken_of(rounds: Sequence[Round]) -> int:
    """Return how many promises were broken: by what was lost, and by how others were refused."""
    return sum(
        lost_of(one)
        + sum(
            count
            for phase in one.phases.values()
            for why, count in phase.refused.items()
            if why not in HONEST
        )
        for one in rounds
    )


def lost_of(one: Round) -> int:
    """Return how many messages were lost, repeated or out of order."""
    return one.findings.broken + one.unseen


def lines_of(rounds: Sequence[Round]) -> Lines:
    """Return what is told."""
    full = [one.phases[CAPACITY] for one in rounds]
    over = [one.phases[OVERLOAD] for one in rounds]
    taken, able = [one.accepted for one in over], [one.accepted for one in full]
    lines = [
        ("accepted/s before, as much as it takes", spread(able)),
        ("offered/s", spread([one.offered for one in over])),
        ("accepted/s", spread(taken)),
        ("accepted / accepted before", spread(ratios(taken, able))),
    ]
    for why in sorted({why for one in over for why in one.refused} | HONEST):
        rate = spread([one.refused.get(why, 0) / one.seconds for one in over])
        lines.append((f"not accepted/s: {why}", rate))
    lines += [
        (f"accepted: from due, {rank}, ms", spread([_ranked(one, rank) for one in over]))
        for rank in ("p50", "p99", "most")
    ]
    for what, of in (
        ("answered", [one.answered for one in rounds]),
        ("on screen", [one.screen for one in rounds]),
    ):
        missed = sum(one.after is None for one in of)
        lines += [
            (f"a probe before: {what}, p50, ms", spread([one.before for one in of])),
            (
                f"as quick again after: {what}, s, goal <= {GOAL_RECOVERY:g}",
                spread([one.after for one in of]),
            ),
            (f"not within {AFTERWARDS:g} s: {what}, rounds", spread([float(missed)])),
        ]
    lines += [
        ("lost, repeated, out of order", spread([float(lost_of(one)) for one in rounds])),
        ("recipients cut off", spread([float(one.findings.reconnects) for one in rounds])),
        ("memory before, MiB", spread([one.idle_memory for one in rounds])),
        ("memory at its highest, MiB", spread([one.highest_memory for one in rounds])),
        ("cores of the load generator", spread([one.generator_cpu for one in over])),
        ("cores of the server", spread([_cores(one) for one in over])),
    ]
    return known(lines)


def _ranked(outcome: Outcome, rank: str) -> float | None:
    found: float | None = getattr(outcome.answered, rank, None)
    return found


def _cores(outcome: Outcome) -> float:
    return outcome.server_loop_cpu + outcome.server_threads_cpu


def doubts_of(rounds: Sequence[Round]) -> list[str]:
    """Return why the numbers may not mean what they seem to."""
    most = max(one.phases[OVERLOAD].generator_cpu for one in rounds)
    if most <= MOST_GENERATOR_CPU:
        return []
    return [f"the load generator used {most:.2f} cores: its own delay is in the latencies"]


def main() -> int:
    """Measure, print, write; return 1 when a promise was broken and 2 when it could not."""
    parser = parser_of("overload", __doc__, rounds=3)
    add = parser.add_argument
    add("--seconds", type=float, default=60.0, help="how long it is too much")
    add("--times", type=float, default=3.0, help="how much of what the product takes is offered")
    add("--connections", type=int, default=2000, help="connections that the load sends over")
    given = parser.parse_args()

    def run(folder: Path, say: Say) -> list[Round]:
        found = []
        for number in range(1, given.rounds + 1):
            place = folder / f"round-{number}"
            found.append(measure(place, given.times, given.seconds, given.connections))
            told = {name: round(one.accepted) for name, one in found[-1].phases.items()}
            say(f"round {number} of {given.rounds}, accepted/s: {told}")
        return found

    return tell(OVERLOAD, given, run, lines=lines_of, broken=broken_of, doubts=doubts_of)


if __name__ == "__main__":
    sys.exit(main())
