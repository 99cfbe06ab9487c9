"""`python -m bench.peers`: messages sent and delivered, beside Prosody and the empty POST.

The product has its metrics, limits and tracing on; Prosody archives every message for both.
What a message takes to its recipient's screen at shares of what the product accepts is beside
what the empty POST takes to be answered at the same rates.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import uvloop

from bench import people, servers
from bench.groups import await_idle
from bench.job import Job, Latency, Outcome, Phase
from bench.load import CAPACITY
from bench.on_off import Measured, done
from bench.people import RECIPIENTS
from bench.prosody import DOMAIN, PASSWORD, archived, prosody
from bench.report import MOST_GENERATOR_CPU, doubts_about
from bench.sends import SENDERS, cost, job
from bench.servers import RATES, Cores, Server
from bench.stats import Spread, ratios, spread
from bench.told import Lines, Say, known, parser_of, tell
from bench.xmpp_chat import Delivered, chat
from tests.servers.listener import Answer, listening

GOAL_EMPTY, GOAL_PROSODY = 0.3, 4.0
SHARES = {0.15: (1.0, 3.0), 0.3: (1.2, 5.0), 0.6: (3.0, 12.0)}
"""Of what is accepted at most; what the 202 to the screen takes there at most: p50, p99, ms."""
_FREE = Cores(None, None)


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """What each of them did."""

    product: Measured
    empty: dict[str, Outcome]
    prosody: Delivered


def loaded(product: Job, seconds: float) -> Job:
    """Return the job with a phase for every share."""
    opened = [
        Phase(name=label(share), kind="open", seconds=seconds, share=share) for share in SHARES
    ]
    return msgspec.structs.replace(product, phases=[*product.phases, *opened])


def beside(empty: Job, product: Mapping[str, Outcome], seconds: float) -> Job:
    """Return the empty POST's job, with phases at the rates that the product was offered."""
    opened = [
        Phase(name=name, kind="open", seconds=seconds, rate=offered)
        for name, offered in ((one, product[one].offered) for one in map(label, SHARES))
        if offered
    ]
    return msgspec.structs.replace(empty, phases=[*empty.phases, *opened])


def label(share: float) -> str:
    """Return what a load is called."""
    return f"at {share:.0%}"


@contextmanager
def followed(folder: Path) -> Iterator[Server]:
    """Run the product with a Collector that throws away what it gets, and a tenth of traces."""
    with listening(lambda _path, _headers, _body: Answer()) as collector:
        settings = {**RATES, "CHAT4ALL_OTLP_ENDPOINT": collector}
        with servers.product(folder, _FREE, environment=settings) as server:
            yield server


def delivered(folder: Path, seconds: float, ahead: int, text: str) -> Delivered:
    """Have as many pairs chat on a new Prosody, and look into its archive."""
    with prosody(folder, [*SENDERS, *RECIPIENTS]) as server:
        came = uvloop.run(
            chat(
                server,
                SENDERS,
                RECIPIENTS,
                domain=DOMAIN,
                password=PASSWORD,
                text=text,
                seconds=seconds,
                ahead=ahead,
            )
        )
    return msgspec.structs.replace(came, archived=archived(folder))


def measure(folder: Path, rounds: int, seconds: float, ahead: int, say: Say) -> list[Round]:
    """Measure all in every round; Prosody comes first in every other one."""
    found: list[Round] = []
    with followed(folder / "product") as server:

        def ours() -> tuple[Measured, dict[str, Outcome]]:
            lanes = people.lanes(server.url, SENDERS, each=1)
            product = done(loaded(job(server, lanes, seconds), seconds), _FREE)
            await_idle(server.pid)
            with servers.ceiling("asgi", folder / "asgi", _FREE) as empty:
                asked = beside(job(empty, [], seconds), product.phases, seconds)
                return product, done(asked, _FREE).phases

        def theirs(number: int) -> Delivered:
            await_idle(server.pid)
            text = job(server, [], seconds).text
            return delivered(folder / f"prosody-{number}", seconds, ahead, text)

        for number in range(1, rounds + 1):
            first = None if number % 2 else theirs(number)
            product, empty = ours()
            last = first or theirs(number)
            found.append(Round(product=product, empty=empty, prosody=last))
            pushed = product.phases[CAPACITY].pushed
            say(
                f"round {number} of {rounds}: {pushed:,.0f}/s delivered, Prosody "
                f"{last.delivered:,.0f}/s, empty POST {empty[CAPACITY].accepted:,.0f}/s"
            )
    return found


def lines_of(rounds: Sequence[Round]) -> Lines:
    """Return what is told: ratios of the same round, latencies, rates, and what was broken."""
    full, empty = [one.product.phases[CAPACITY] for one in rounds], [one.empty for one in rounds]
    peer = [one.prosody for one in rounds]
    accepted, pushed = [one.accepted for one in full], [one.pushed for one in full]
    ceiling = [one[CAPACITY].accepted for one in empty]
    theirs = [one.delivered for one in peer]
    lines: list[tuple[str, Spread | None]] = [
        (f"REST accepted / empty POST, goal {GOAL_EMPTY}", spread(ratios(accepted, ceiling))),
        (f"REST delivered / Prosody, goal {GOAL_PROSODY:g}", spread(ratios(pushed, theirs))),
    ]
    for share in SHARES:
        lines += _latencies(rounds, share)
    lines += [
        ("REST: accepted/s", spread(accepted)),
        ("REST: delivered/s", spread(pushed)),
        ("Prosody: delivered/s", spread(theirs)),
        ("empty POST: accepted/s", spread(ceiling)),
        ("REST: ms of the server's processor a message", spread([cost(one) for one in full])),
        ("Prosody: ms of the server's processor a message", spread([_cost(one) for one in peer])),
        ("Prosody: until the recipient has it, p50, ms", spread([_p50(one) for one in peer])),
        ("Prosody: archived of a message", spread([_archived(one) for one in peer])),
        ("Prosody: missing, repeated, refused", spread([float(_wrong(one)) for one in peer])),
        ("lost, repeated, gaps", spread([float(broken_of([one])) for one in rounds])),
    ]
    return known(lines)


def _latencies(rounds: Sequence[Round], share: float) -> Lines:
    name, (p50, p99) = label(share), SHARES[share]
    ours = [one.product.phases[name] for one in rounds]
    base = [one.empty[name] for one in rounds if name in one.empty]

    def rank(of: Sequence[Latency | None], which: str) -> Spread | None:
        return spread([getattr(one, which, None) for one in of])

    screen = [one.accepted_to_screen for one in ours]
    return known(
        [
            (f"{name}: 202 to screen, p50, ms, goal <= {p50:g}", rank(screen, "p50")),
            (f"{name}: 202 to screen, p99, ms, goal <= {p99:g}", rank(screen, "p99")),
            (f"{name}: due to screen, p50, ms", rank([one.on_screen for one in ours], "p50")),
            (f"{name}: due to screen, p99, ms", rank([one.on_screen for one in ours], "p99")),
            (f"{name}: empty POST, p50, ms", rank([one.answered for one in base], "p50")),
            (f"{name}: empty POST, p99, ms", rank([one.answered for one in base], "p99")),
        ]
    )


def _cost(one: Delivered) -> float | None:
    return 1e3 * one.server_cpu / one.delivered if one.delivered else None


def _p50(one: Delivered) -> float | None:
    return None if one.took is None else one.took.p50


def _archived(one: Delivered) -> float | None:
    return one.archived / one.messages if one.messages else None


def _wrong(one: Delivered) -> int:
    return one.missing + one.disorder + one.refused


def broken_of(rounds: Sequence[Round]) -> int:
    """Return how many promises the product broke; what Prosody loses is told, and is its own."""
    return sum(one.product.findings.broken for one in rounds if one.product.findings)


def doubts_of(rounds: Sequence[Round]) -> list[str]:
    """Return why the numbers may not mean what they seem to."""
    every = [phase for one in rounds for phase in one.product.phases.values()]
    found = doubts_about(every + [phase for one in rounds for phase in one.empty.values()])
    most = max(one.prosody.generator_cpu for one in rounds)
    if most > MOST_GENERATOR_CPU:
        found.append(f"Prosody: who chats used {most:.2f} cores: they may be the limit")
    if any(one.prosody.archived < one.prosody.messages for one in rounds):
        found.append("Prosody did not archive all messages")
    return found


def main() -> int:
    """Measure, print, write; return 1 when a promise was broken and 2 when it could not."""
    parser = parser_of("peers", __doc__, rounds=5)
    add = parser.add_argument
    add("--seconds", type=float, default=5.0, help="length of each phase of load")
    add("--ahead", type=int, default=4, help="messages of a sender on their way at Prosody")
    given = parser.parse_args()

    def run(folder: Path, say: Say) -> list[Round]:
        return measure(folder, given.rounds, given.seconds, given.ahead, say)

    return tell("peers", given, run, lines=lines_of, broken=broken_of, doubts=doubts_of)


if __name__ == "__main__":
    sys.exit(main())
