"""`python -m bench.full`: what a full store costs, beside one that is as good as empty.

With many messages in many conversations, with as many in a single one, and with a person who
has many conversations: what is accepted, how long the longest answer takes at half load, and
how long pages of a history and of the list of conversations take.
"""

from __future__ import annotations

import asyncio
import gc
import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import msgspec
import uvloop

from bench import people, servers
from bench.job import Lane, Latency
from bench.load import CAPACITY
from bench.members import Signer, add_person, group_of
from bench.on_off import HALF, Measured, done, job_of
from bench.report import doubts_about
from bench.search import PAGE, WARM, Api, latency_of
from bench.seed import OTHERS, Place, add_conversation, seed_places
from bench.servers import RATES, Cores, Server
from bench.stats import Spread, ratios, spread
from bench.told import Lines, Say, known, parser_of, tell
from chat4all.adapters.sql.directory import SqlDirectory
from chat4all.domain.directory import User
from chat4all.domain.ids import ConversationId, UserId
from chat4all.ports.directory import Directory
from tests.servers.process import free_port

EMPTY, MANY, ONE, WIDE = "empty", "many messages", "one conversation", "many conversations"
FULL = (MANY, ONE, WIDE)
FEW = 1_000
"""Messages of the history that is read where it is not that of `ONE`."""
MINE = 2 * PAGE
"""Conversations of who reads where they are not those of `WIDE`."""
NEWEST, MIDDLE, LIST, LIST_MIDDLE = (
    "newest page of a history",
    "page amid a history",
    "first page of conversations",
    "page amid conversations",
)
GOAL, GOAL_PAGE, GOAL_STALL = 0.9, 1.2, 20


class Pages(msgspec.Struct, frozen=True, kw_only=True):
    """How long pages took, and how many were not what they have to be."""

    took: dict[str, Latency]
    wrong: int


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One start of the product on one store."""

    load: Measured
    pages: Pages


Round = dict[str, Seen]


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """A data folder, the address of its product, and who reads what in it."""

    folder: Path
    port: int
    signer: Signer
    reader: User
    mine: Sequence[ConversationId]
    """The reader's conversations; the first one is the history that is read."""
    messages: int
    """Those of that history."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How full a full store is, and how often each of its pages is asked for."""

    stored: int
    conversations: int
    repeats: int


def fill(folder: Path, name: str, sizes: Sizes) -> Store:
    """Make a data folder with as many messages or conversations as `name` says."""
    port = free_port()
    settings = {"CHAT4ALL_PORT": str(port)}
    with servers.product(folder, Cores(None, None), environment=settings) as server:
        lanes = people.lanes(server.url)
    return asyncio.run(fill_stopped(folder, name, sizes, port, lanes))


async def fill_stopped(
    folder: Path, name: str, sizes: Sizes, port: int, lanes: Sequence[Lane]
) -> Store:
    """Do so for a product that does not run, and will at `port`; others write in the `lanes`."""
    async with SqlDirectory(f"sqlite:///{folder / 'directory.sqlite3'}") as directory:
        reader, other = [await add_person(directory, number) for number in range(2)]
        mine = await _groups(
            directory, (reader, other), sizes.conversations if name == WIDE else MINE
        )
        places = [(ConversationId(one.conversation_id), UserId(one.sender_id)) for one in lanes]
        if name == MANY:
            places += [
                await add_conversation(directory) for _ in range(min(OTHERS, sizes.stored // 100))
            ]
        signer = await Signer.of(directory, issuer=f"http://127.0.0.1:{port}")
    messages = sizes.stored if name == ONE else FEW
    await seed_places(folder, mine[:1], messages)
    await seed_places(folder, mine[1:], len(mine) - 1)
    if name == MANY:
        await seed_places(folder, places, sizes.stored)
    return Store(
        folder=folder,
        port=port,
        signer=signer,
        reader=reader,
        mine=[place for place, _ in mine],
        messages=messages,
    )


async def _groups(directory: Directory, members: Sequence[User], count: int) -> list[Place]:
    made = [await directory.conversations.create(group_of(members)) for _ in range(count)]
    return [(one.id, members[0].id) for one in made]


def asked_of(store: Store) -> dict[str, tuple[str, list[object]]]:
    """Return the path of every page, and the numbers or ids that have to be on it."""
    history = f"/v1/conversations/{store.mine[0]}/messages?limit={PAGE}"
    amid, newest = store.messages // 2, list(reversed(store.mine))
    start = len(newest) // 2
    after = newest[start - 1]
    return {
        NEWEST: (history, _up_to(store.messages)),
        MIDDLE: (f"{history}&before_seq={amid + 1}", _up_to(amid)),
        LIST: (f"/v1/conversations?limit={PAGE}", [*newest[:PAGE]]),
        LIST_MIDDLE: (
            f"/v1/conversations?limit={PAGE}&cursor={after}",
            [*newest[start : start + PAGE]],
        ),
    }


def _up_to(seq: int) -> list[object]:
    return [*range(seq - PAGE + 1, seq + 1)]


def is_right(body: bytes, expected: Sequence[object]) -> bool:
    """Return whether a page holds these messages or conversations, in this order."""
    items = msgspec.json.decode(body)["items"]
    return [one.get("seq", one.get("id")) for one in items] == expected


async def read(server: Server, store: Store, repeats: int) -> Pages:
    """Ask for every page by turns, after some times that do not count."""
    took: dict[str, list[float]] = {}
    wrong, token, asked = 0, store.signer.token(store.reader), asked_of(store)
    with closing(Api(server)) as api:
        for number in range(WARM + repeats):
            for name, (path, expected) in asked.items():
                began = time.perf_counter()
                body = await api.get(path, token)
                if number >= WARM:
                    took.setdefault(name, []).append(time.perf_counter() - began)
                wrong += not is_right(body, expected)
    return Pages(took={name: latency_of(one) for name, one in took.items()}, wrong=wrong)


def seen_on(store: Store, folder: Path, seconds: float, repeats: int) -> Seen:
    """Start the product on a copy of a store; read, then load as much as it takes, and half."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(store.folder, folder)
    settings = {**RATES, "CHAT4ALL_PORT": str(store.port)}
    with servers.product(folder, Cores(None, None), environment=settings) as server:
        pages = uvloop.run(read(server, store, repeats))
        return Seen(
            load=done(job_of(server, people.lanes(server.url), seconds), _FREE), pages=pages
        )


_FREE = Cores(None, None)


def measure(folder: Path, sizes: Sizes, rounds: int, seconds: float, say: Say) -> list[Round]:
    """Measure every store in every round, every other round backwards."""
    stores: dict[str, Store] = {}
    for name in (EMPTY, *FULL):
        began = time.monotonic()
        stores[name] = fill(folder / name.replace(" ", "-"), name, sizes)
        say(f"{name}: made in {time.monotonic() - began:.0f} s")
    gc.freeze()
    found: list[Round] = []
    for number in range(1, rounds + 1):
        names = list(stores) if number % 2 else list(reversed(stores))
        copy = folder / "loaded"
        one = {name: seen_on(stores[name], copy, seconds, sizes.repeats) for name in names}
        found.append(one)
        told = ", ".join(f"{name} {rate_of(one[name]):,.0f}/s" for name in stores)
        say(f"round {number} of {rounds}: {told}")
    return found


def rate_of(seen: Seen) -> float:
    """Return what was accepted a second."""
    return seen.load.phases[CAPACITY].accepted


def stall_of(seen: Seen) -> float | None:
    """Return the longest answer at half load, in milliseconds from when it was due."""
    answered = seen.load.phases[HALF].answered
    return None if answered is None else answered.most


def lines_of(rounds: Sequence[Round]) -> Lines:
    """Return what is told: ratios to the empty store of the same round first."""
    names = (EMPTY, *FULL)
    rates = {name: [rate_of(one[name]) for one in rounds] for name in names}
    stalls = {name: [stall_of(one[name]) for one in rounds] for name in names}
    lines: list[tuple[str, Spread | None]] = [
        (f"{name} / {EMPTY}: accepted, goal {GOAL}", spread(ratios(rates[name], rates[EMPTY])))
        for name in FULL
    ]
    lines += [
        (f"{name}: longest answer at half load, ms, goal <= {GOAL_STALL}", spread(stalls[name]))
        for name in FULL
    ]
    lines.append((f"{EMPTY}: longest answer at half load, ms", spread(stalls[EMPTY])))
    lines += [_page_line(rounds, name, page) for name, page in _COMPARED]
    lines += [(f"{name}: accepted/s", spread(rates[name])) for name in names]
    lines += [
        (f"{name}: {page}, p50, ms", spread([one[name].pages.took[page].p50 for one in rounds]))
        for name in names
        for page in (NEWEST, MIDDLE, LIST, LIST_MIDDLE)
    ]
    lines.append(("promises broken", spread([float(broken_of([one])) for one in rounds])))
    return known(lines)


_COMPARED = (
    *((name, page) for name in (MANY, ONE) for page in (NEWEST, MIDDLE)),
    *((WIDE, page) for page in (LIST, LIST_MIDDLE)),
)


def _page_line(rounds: Sequence[Round], name: str, page: str) -> tuple[str, Spread | None]:
    here, base = ([one[of].pages.took[page].p50 for one in rounds] for of in (name, EMPTY))
    return f"{name} / {EMPTY}: {page}, goal <= {GOAL_PAGE}", spread(ratios(here, base))


def broken_of(rounds: Sequence[Round]) -> int:
    """Return how many promises were broken, and how many pages were wrong."""
    every = [seen for one in rounds for seen in one.values()]
    findings = [seen.load.findings for seen in every]
    return sum(one.broken for one in findings if one) + sum(seen.pages.wrong for seen in every)


def doubts_of(rounds: Sequence[Round]) -> list[str]:
    """Return why the numbers may not mean what they seem to."""
    every = [seen for one in rounds for seen in one.values()]
    return doubts_about([phase for seen in every for phase in seen.load.phases.values()])


def main() -> int:
    """Measure, print, write; return 1 when a promise was broken and 2 when it could not."""
    parser = parser_of("full", __doc__, rounds=3)
    add = parser.add_argument
    add("--seconds", type=float, default=10.0, help="length of each phase of load")
    add("--stored", type=int, default=1_000_000, help="messages, in many conversations or in one")
    add("--conversations", type=int, default=100_000, help="of the person who has many")
    add("--repeats", type=int, default=50, help="how often each page is asked for in a round")
    given = parser.parse_args()
    sizes = Sizes(stored=given.stored, conversations=given.conversations, repeats=given.repeats)

    def run(folder: Path, say: Say) -> list[Round]:
        return measure(folder, sizes, given.rounds, given.seconds, say)

    return tell("full", given, run, lines=lines_of, broken=broken_of, doubts=doubts_of)


if __name__ == "__main__":
    sys.exit(main())
