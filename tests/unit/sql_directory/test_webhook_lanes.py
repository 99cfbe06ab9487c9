"""Whatever is kept, tried and replayed, in whatever order: a lane goes on with its first.

And that costs the same, however much waits behind it.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy.event import listen, remove

from chat4all.adapters.memory.directory import MemoryDirectory
from chat4all.adapters.sql.directory import SqlDirectory
from chat4all.domain.webhooks import DeliveryState
from chat4all.ports.directory import Directory
from chat4all.testing.directory_examples import minutes
from chat4all.testing.directory_webhooks import SHOP, delivered, endpoint, event

PLACES = st.integers(0, 11)
STEPS: st.SearchStrategy[tuple[str, list[int]]] = st.one_of(
    st.tuples(st.just("add"), st.lists(PLACES, min_size=1, max_size=4)),
    st.tuples(st.just("succeed"), st.just([])),
    st.tuples(st.just("fail"), st.just([])),
    st.tuples(st.just("replay"), st.lists(PLACES, min_size=1, max_size=3)),
    st.tuples(st.just("forget"), st.lists(PLACES, min_size=1, max_size=1)),
)


async def done(directory: Directory, step: str, places: Sequence[int], minute: int) -> None:
    """Do one step; events of even and odd places are two conversations."""
    now, deliveries = minutes(minute), directory.deliveries
    if step == "add":
        made = [event(f"e{place}", place, lane=f"talk{place % 2}") for place in places]
        await deliveries.add(made, at=now)
    elif step == "replay":
        names = [f"e{place}" for place in places]
        await deliveries.replay(SHOP, events=names, at=now, limit=100)
    elif step == "forget":
        await deliveries.forget(minutes(places[0]))
    else:
        for one in await deliveries.due(now, limit=1):
            later = replace(one, attempts=one.attempts + 1, next_at=now + timedelta(minutes=3))
            await deliveries.attempted(delivered(one) if step == "succeed" else later, at=now)


async def checked(directory: Directory, minute: int) -> object:
    """Return what there is, having seen that only the first of a lane has a time."""
    shown = await directory.deliveries.page(SHOP, limit=100)
    lanes = defaultdict(list)
    for one in shown:
        if one.state is DeliveryState.PENDING:
            lanes[one.lane].append(one)
        else:
            assert one.next_at is None
    for waiting in lanes.values():
        first, *others = sorted(waiting, key=lambda one: one.place)
        assert first.next_at is not None
        assert [one.next_at for one in others] == [None] * len(others)
    return shown, await directory.deliveries.due(minutes(minute), limit=100)


@settings(max_examples=40, deadline=None)
@given(st.lists(STEPS, max_size=12))
def test_the_directories_agree_and_only_the_first_of_a_lane_is_due(
    steps: Sequence[tuple[str, Sequence[int]]],
) -> None:
    async def main(folder: Path) -> None:
        memory = MemoryDirectory()
        async with SqlDirectory(f"sqlite:///{folder / 'directory.db'}") as kept:
            for directory in (memory, kept):
                await directory.endpoints.put(endpoint())
            for minute, (step, places) in enumerate(steps, start=20):
                seen = []
                for directory in (memory, kept):
                    await done(directory, step, places, minute)
                    seen.append(await checked(directory, minute))
                assert seen[0] == seen[1]

    with TemporaryDirectory() as folder:
        asyncio.run(main(Path(folder)))


async def test_what_waits_behind_makes_a_look_and_a_try_no_dearer(tmp_path: Path) -> None:
    few, many = [await steps(tmp_path / f"{count}.db", count) for count in (20, 2_000)]
    assert many < 2 * few


async def steps(path: Path, waiting: int) -> int:
    """Return how many steps, in tens, SQLite makes for a look and a try."""
    made = 0

    def count() -> None:
        nonlocal made
        made += 1

    def watch(connection: sqlite3.Connection, _record: object) -> None:
        connection.set_progress_handler(count, 10)

    listen(Engine, "connect", watch)
    try:
        async with SqlDirectory(f"sqlite:///{path}") as directory:
            await directory.endpoints.put(endpoint())
            kept = [event(f"e{place}", place) for place in range(waiting)]
            await directory.deliveries.add(kept, at=minutes(1))
            before = made
            [one] = await directory.deliveries.due(minutes(9), limit=9)
            assert await directory.deliveries.attempted(delivered(one), at=minutes(9)) is not None
            return made - before
    finally:
        remove(Engine, "connect", watch)
