"""`python -m bench.search`: the first page of a search, beside the bare query on the same file.

There are many messages in private conversations of one person with a hundred others. That
person, who sees all of them, and one of the others search for words that are rare and common.
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import sqlite3
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote
from uuid import UUID

import msgspec
import uvloop

from bench import servers
from bench.http1 import Asker, request
from bench.job import Latency
from bench.members import Signer, add_person
from bench.seed import add_private, chatter, seed_places
from bench.servers import BenchFailed, Cores, Server
from bench.stats import Spread, latency, ratios, spread
from bench.told import Lines, Say, known, parser_of, tell
from chat4all.adapters.sql.directory import SqlDirectory
from chat4all.domain.directory import User
from chat4all.domain.ids import ConversationId
from tests.servers.process import free_port

OTHERS = 100
"""Private conversations, over which the messages are spread evenly."""
PAGE = 50
WARM = 3
BUDGET, LEAST = 10.0, 4
"""Seconds after which a search is not repeated any more, once it was that often."""
GOAL, GOAL_MS = 0.7, 100
RARE, MEDIUM = ("zeppelin", 99_991), ("invoice", 97)
"""Words, and in one of how many messages each is; primes, so that all conversations have them."""
WORDS = {"rare": RARE[0], "medium": MEDIUM[0], "common": "hello", "two common": "hello tomorrow"}
EVERYWHERE, SOMEWHERE = "in all conversations", f"in one of {OTHERS}"
_FOUND = """
SELECT m.id, m.words, m.created_at
FROM message_words w CROSS JOIN message m ON m.key = w.rowid
WHERE w.message_words MATCH ? ORDER BY w.rowid DESC LIMIT ?
"""
_OK = 200


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One search, repeated: through the API, and by the bare query."""

    api: Latency
    bare: Latency
    items: int
    """Messages of the page."""
    same: bool
    """Whether both found the same messages in the same order."""


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One start of the product; `plain` is an answer of the API that nothing is searched for."""

    plain: Latency
    found: dict[str, Found]


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Who searches, and what they see."""

    user: User
    conversations: Sequence[ConversationId]


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """A data folder with messages, and the address at which its product will run."""

    folder: Path
    port: int
    signer: Signer
    viewers: dict[str, Viewer]


def text_of(number: int, chance: random.Random) -> str:
    """Return chatter, with a rarer word in some messages."""
    extra = [word for word, every in (RARE, MEDIUM) if number % every == 0]
    return " ".join([chatter(number, chance), *extra])


async def fill(folder: Path, count: int) -> Data:
    """Add people, their conversations and so many messages to a folder of the product."""
    port = free_port()
    async with SqlDirectory(f"sqlite:///{folder / 'directory.sqlite3'}") as directory:
        people = [await add_person(directory, number) for number in range(OTHERS + 1)]
        viewer, *others = people
        places = [await add_private(directory, (viewer, other)) for other in others]
        signer = await Signer.of(directory, issuer=f"http://127.0.0.1:{port}")
    await seed_places(folder, places, count, text_of)
    everywhere = [place for place, _ in places]
    return Data(
        folder=folder,
        port=port,
        signer=signer,
        viewers={
            EVERYWHERE: Viewer(user=viewer, conversations=everywhere),
            SOMEWHERE: Viewer(user=others[0], conversations=everywhere[:1]),
        },
    )


class Bare:
    """The messages' file, opened as the product's readers do, and asked by FTS5 alone."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        self._db.execute("PRAGMA mmap_size = 268435456")

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def places(self, conversations: Sequence[ConversationId]) -> list[int]:
        """Return the keys of conversations; not measured."""
        query = "SELECT key FROM identity WHERE id IN (SELECT value FROM json_each(?))"
        return [key for (key,) in self._db.execute(query, (json.dumps(conversations),))]

    def page(self, words: str, places: Sequence[int]) -> list[str]:
        """Return the ids of the newest messages in these places that hold every word."""
        rows = self._db.execute(_FOUND, (match(words, places), PAGE)).fetchall()
        return [str(UUID(bytes=one)) for one, _, _ in rows]


def match(words: str, places: Sequence[int]) -> str:
    """Return the query of FTS5: every word, the last one as a prefix, in one of the places."""
    quoted = " AND ".join(f'"{word}"' for word in words.split())
    here = " OR ".join(f'"{place}"' for place in places)
    return f"place : ({here}) AND words : ({quoted} *)"


class Api:
    """The product, asked over one kept connection."""

    def __init__(self, server: Server) -> None:
        self._host, self._port = server.address
        self._asker = Asker(self._host, self._port)

    def close(self) -> None:
        """End the connection."""
        self._asker.close()

    async def plain(self, token: str) -> None:
        """Ask who one is."""
        await self.get("/v1/users/me", token)

    async def page(self, words: str, token: str) -> list[str]:
        """Return the ids of the first page of a search."""
        body = await self.get(f"/v1/messages/search?q={quote(words)}&limit={PAGE}", token)
        return [one["message_id"] for one in msgspec.json.decode(body)["items"]]

    async def get(self, path: str, token: str) -> bytes:
        """Return what is at a path."""
        host = f"{self._host}:{self._port}"
        status, body = await self._asker.ask(request("GET", path, host=host, token=token))
        if status != _OK:
            raise BenchFailed(f"GET {path} was answered {status}: {body[:300]!r}")
        return body


async def compared(
    api: Callable[[], Awaitable[list[str]]], bare: Callable[[], list[str]], repeats: int
) -> Found:
    """Ask both by turns, after some times that do not count; a slow one is asked less often."""
    api_took: list[float] = []
    bare_took: list[float] = []
    limit = time.perf_counter() + BUDGET
    for number in range(WARM + repeats):
        if number > WARM + LEAST and time.perf_counter() > limit:
            break
        began = time.perf_counter()
        ours = await api()
        between = time.perf_counter()
        theirs = bare()
        if number >= WARM:
            api_took.append(between - began)
            bare_took.append(time.perf_counter() - between)
    return Found(
        api=latency_of(api_took), bare=latency_of(bare_took), items=len(ours), same=ours == theirs
    )


async def asked(server: Server, data: Data, repeats: int) -> Round:
    """Ask for every word as every viewer."""
    api, found = Api(server), {}
    with closing(Bare(data.folder / "messages.sqlite3")) as bare, closing(api):
        for where, viewer in data.viewers.items():
            token = data.signer.token(viewer.user)
            places = bare.places(viewer.conversations)
            for kind, words in WORDS.items():
                found[label(kind, where)] = await compared(
                    partial(api.page, words, token), partial(bare.page, words, places), repeats
                )
        plain = []
        for _ in range(WARM + repeats):
            began = time.perf_counter()
            await api.plain(token)
            plain.append(time.perf_counter() - began)
    return Round(plain=latency_of(plain[WARM:]), found=found)


def label(kind: str, where: str) -> str:
    """Return what a search is called."""
    return f"{kind}, {where}"


def latency_of(seconds: Sequence[float]) -> Latency:
    """Return the distribution of what was asked; there has to be something."""
    found = latency(seconds)
    if found is None:
        raise BenchFailed("nothing was asked: --repeats is at least 1")
    return found


def measure(folder: Path, stored: int, rounds: int, repeats: int, say: Say) -> list[Round]:
    """Ask a fresh start of the product in each round, on the same data."""
    data_folder, began = folder / "product", time.monotonic()
    with servers.product(data_folder, Cores(None, None), environment={}):
        pass  # it makes its folder
    data = asyncio.run(fill(data_folder, stored))
    say(f"{stored:,} messages stored beforehand in {time.monotonic() - began:.0f} s")
    gc.freeze()
    found = []
    for number in range(1, rounds + 1):
        settings = {"CHAT4ALL_PORT": str(data.port)}
        with servers.product(data.folder, Cores(None, None), environment=settings) as server:
            found.append(uvloop.run(asked(server, data, repeats)))
        told = ", ".join(f"{name} {one.api.p50:.1f} ms" for name, one in found[-1].found.items())
        say(f"round {number} of {rounds}: {told}")
    return found


def lines_of(rounds: Sequence[Round]) -> Lines:
    """Return what is told: ratios first, then times."""
    names = list(rounds[0].found)
    api = {name: [one.found[name].api.p50 for one in rounds] for name in names}
    bare = {name: [one.found[name].bare.p50 for one in rounds] for name in names}
    lines: list[tuple[str, Spread | None]] = [
        (f"{name}: bare / API, goal {GOAL}", spread(ratios(bare[name], api[name])))
        for name in names
    ]
    lines += [(f"{name}: API p50, ms, goal < {GOAL_MS}", spread(api[name])) for name in names]
    lines += [
        (f"{name}: API p99, ms", spread([one.found[name].api.p99 for one in rounds]))
        for name in names
    ]
    lines += [(f"{name}: bare p50, ms", spread(bare[name])) for name in names]
    lines += [
        (f"{name}: messages on the page", spread([float(one.found[name].items) for one in rounds]))
        for name in names
    ]
    lines += [
        ("GET /v1/users/me: p50, ms", spread([one.plain.p50 for one in rounds])),
        ("pages that differ", spread([float(broken_of([one])) for one in rounds])),
    ]
    return known(lines)


def broken_of(rounds: Sequence[Round]) -> int:
    """Return how many pages were not those of the bare query."""
    return sum(not found.same for one in rounds for found in one.found.values())


def main() -> int:
    """Measure, print, write; return 1 when a page was wrong and 2 when it could not."""
    parser = parser_of("search", __doc__, rounds=5)
    add = parser.add_argument
    add("--stored", type=int, default=1_000_000, help="messages stored beforehand")
    add("--repeats", type=int, default=20, help="how often the same is searched for in a round")
    given = parser.parse_args()

    def run(folder: Path, say: Say) -> list[Round]:
        return measure(folder, given.stored, given.rounds, given.repeats, say)

    return tell("search", given, run, lines=lines_of, broken=broken_of)


if __name__ == "__main__":
    sys.exit(main())
