"""What every `EventLog` must do. Bind it in about ten lines: see tests/contract/."""

from __future__ import annotations

import asyncio
import itertools
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat4all.domain.errors import Chat4AllError
from chat4all.domain.events import Position
from chat4all.ports.event_log import COMMANDS, EVENTS, LogRecord, Record
from chat4all.testing.event_log_course import Course
from chat4all.testing.event_log_reading import (
    PATIENCE,
    TRACE,
    FullLog,
    append,
    collect,
    fill,
    later,
    next_batch,
    take,
    values,
)
from chat4all.testing.event_log_survey import SurveyContract

BRIEFLY = 0.1  # seconds in which something that must not come would have come
Open = Callable[[], AbstractAsyncContextManager[FullLog]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What a backend promises beyond `EventLog`; a test it cannot pass is skipped by name."""

    durable: bool = True
    """Records and commits outlive the last object on the storage."""
    peers: bool = True
    """Two objects may work on one storage at the same time."""
    read: bool = True
    """`SupportsRead`."""
    trim: bool = True
    """`SupportsTrim`."""
    exclusive: bool = True
    """Of two consumers in one group on one object, one reads a partition at a time."""
    lag: int = 20_000
    """More records than are kept in memory for readers that keep up."""


_courses = itertools.count()


class EventLogContract(SurveyContract, ABC):
    """Binds with a fixture `opened`; state `features` for a backend that promises less."""

    features: ClassVar[Features] = Features()

    @pytest.fixture
    @abstractmethod
    def opened(self) -> Open:
        """Return what opens one more log on the same storage, which begins empty."""

    @pytest.fixture
    async def log(self, opened: Open) -> AsyncIterator[FullLog]:
        """One log."""
        async with opened() as log:
            yield log

    @pytest.fixture
    async def peer(self, opened: Open) -> AsyncIterator[FullLog]:
        """Another one on the same storage."""
        async with opened() as peer:
            yield peer

    def _needs(self, promise: str) -> None:
        if not getattr(self.features, promise):
            pytest.skip(f"does not promise: {promise}")

    async def test_what_is_appended_is_read_as_it_was(self, log: FullLog) -> None:
        before = datetime.now(UTC)
        kept = Record(COMMANDS, "ключ", b"\x00\xff" * 1000, TRACE)
        [position] = await log.append([kept])
        [got] = await take(log, COMMANDS, "g", 1)
        assert Record(got.stream, got.key, got.value, got.trace) == kept
        assert got.position == position
        assert before - timedelta(seconds=1) <= got.appended_at <= datetime.now(UTC)

    async def test_appending_nothing_keeps_nothing(self, log: FullLog) -> None:
        assert list(await log.append([])) == []
        assert list(await log.ends(COMMANDS)) == []
        assert log.backlog(COMMANDS, "g") == 0

    async def test_positions_come_in_the_order_given(self, log: FullLog) -> None:
        records = [Record(COMMANDS, f"k{n % 7}", str(n).encode()) for n in range(100)]
        records.insert(50, Record(EVENTS, "k", b"elsewhere"))
        positions = await log.append(records)
        got = await take(log, COMMANDS, "g", 100) + await take(log, EVENTS, "g", 1)
        there = {(record.stream, record.position): record.value for record in got}
        assert [
            there[record.stream, at] for record, at in zip(records, positions, strict=True)
        ] == [record.value for record in records]

    async def test_offsets_begin_at_0_and_leave_none_out(self, log: FullLog) -> None:
        await asyncio.gather(*(append(log, f"k{n % 9}", n) for n in range(60)))
        for n in range(60, 70):  # one by one as well
            await append(log, f"k{n % 9}", n)
        got = await take(log, COMMANDS, "g", 70)
        for partition in {record.position.partition for record in got}:
            offsets = [r.position.offset for r in got if r.position.partition == partition]
            assert offsets == list(range(len(offsets)))

    async def test_a_key_keeps_its_order_when_many_append_at_once(self, log: FullLog) -> None:
        keys = [f"key-{n}" for n in range(5)]
        calls = [append(log, key, n) for n in range(100) for key in keys]
        await asyncio.gather(*calls)
        got = await take(log, COMMANDS, "g", 500)
        for key in keys:
            assert [int(r.value) for r in got if r.key == key] == list(range(100))

    async def test_a_call_is_kept_whole_or_not_at_all(self, log: FullLog) -> None:
        unkeepable = Record(COMMANDS, "\ud800", b"")
        good = [append(log, "k", n) for n in range(3)]
        bad = log.append([Record(COMMANDS, "k", b"half"), unkeepable])
        *positions, error = await asyncio.gather(*good, bad, return_exceptions=True)
        assert isinstance(error, Chat4AllError)
        assert [getattr(p, "offset", p) for p in positions] == [0, 1, 2]
        await append(log, "k", 3)
        assert [r.value for r in await take(log, COMMANDS, "g", 4)] == [b"0", b"1", b"2", b"3"]

    async def test_a_cancelled_append_harms_no_other(self, log: FullLog) -> None:
        tasks = [asyncio.create_task(append(log, "k", n)) for n in range(20)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        await asyncio.wait(tasks)
        got = await take(log, COMMANDS, "g", 10)
        kept = [int(r.value) for r in got if int(r.value) % 2]
        assert kept == sorted(kept)
        assert all(task.result().offset >= 0 for task in tasks[1::2])

    async def test_what_was_appended_outlives_the_log(self, opened: Open) -> None:
        self._needs("durable")
        async with opened() as log:
            await asyncio.gather(*(append(log, f"k{n}", n) for n in range(50)))
            ends = await log.ends(COMMANDS)
        async with opened() as again:
            assert await again.ends(COMMANDS) == ends
            assert again.backlog(COMMANDS, "g") == 50
            await append(again, "k1", 50)
            got = await take(again, COMMANDS, "g", 51)
        assert {int(r.value) for r in got} == set(range(51))

    async def test_commits_outlive_the_log(self, opened: Open) -> None:
        self._needs("durable")
        async with opened() as log:
            positions = [await append(log, "k", n) for n in range(10)]
            async with log.consume(COMMANDS, "g") as consumer:
                await consumer.commit(positions[5])
        async with opened() as again:
            assert again.backlog(COMMANDS, "g") == 4
            assert [int(r.value) for r in await take(again, COMMANDS, "g", 4)] == [6, 7, 8, 9]

    async def test_what_was_not_committed_comes_again_in_order(self, log: FullLog) -> None:
        for n in range(10):
            await append(log, "k", n)
        async with log.consume(COMMANDS, "g") as consumer:
            got = await collect(consumer, 8)
            await consumer.commit(got[3].position)
        assert [int(r.value) for r in await take(log, COMMANDS, "g", 6)] == [4, 5, 6, 7, 8, 9]

    async def test_groups_do_not_touch_each_other(self, log: FullLog) -> None:
        for n in range(6):
            await append(log, "k", n)
        async with log.consume(COMMANDS, "one") as one, log.consume(COMMANDS, "two") as two:
            got = await collect(one, 6)
            await one.commit(got[-1].position)
            assert [int(r.value) for r in await collect(two, 6)] == [0, 1, 2, 3, 4, 5]
        assert log.backlog(COMMANDS, "one") == 0
        assert log.backlog(COMMANDS, "two") == 6

    async def test_streams_do_not_touch_each_other(self, log: FullLog) -> None:
        await log.append([Record(COMMANDS, "k", b"c"), Record(EVENTS, "k", b"e")])
        assert [r.value for r in await take(log, EVENTS, "g", 1)] == [b"e"]
        assert log.backlog(COMMANDS, "g") == 1

    async def test_next_waits_until_there_is_something(self, log: FullLog) -> None:
        async with log.consume(COMMANDS, "g") as consumer:
            waiting = asyncio.create_task(next_batch(consumer, 10))
            await asyncio.wait({waiting}, timeout=BRIEFLY)
            assert not waiting.done()
            await append(log, "k", 1)
            async with asyncio.timeout(PATIENCE):
                assert [r.value for r in await waiting] == [b"1"]

    async def test_next_never_gives_more_than_asked_for(self, log: FullLog) -> None:
        records = [Record(COMMANDS, "k", str(n).encode()) for n in range(50)]
        await log.append(records[:25])
        async with log.consume(COMMANDS, "g") as consumer:
            got: list[LogRecord] = []
            for known in (25, 50):
                while len(got) < known:
                    batch = await next_batch(consumer, 4)
                    assert 1 <= len(batch) <= 4
                    got += batch
                await log.append(records[known:])  # now the reader keeps up
        assert [int(r.value) for r in got] == list(range(50))

    async def test_a_cancelled_next_loses_nothing(self, log: FullLog) -> None:
        async with log.consume(COMMANDS, "g") as consumer:
            got: list[LogRecord] = []
            for n in range(30):
                waiting = asyncio.create_task(next_batch(consumer, 3))
                for _ in range(n % 4):
                    await asyncio.sleep(0)
                appending = asyncio.create_task(append(log, "k", n))
                for _ in range(n % 5):
                    await asyncio.sleep(0)
                waiting.cancel()
                with suppress(asyncio.CancelledError):
                    got += await waiting
                await appending
            got += await collect(consumer, 30 - len(got))
        assert [int(r.value) for r in got] == list(range(30))

    async def test_a_commit_never_goes_back(self, log: FullLog) -> None:
        positions = [await append(log, "k", n) for n in range(5)]
        async with log.consume(COMMANDS, "g") as consumer:
            await asyncio.gather(consumer.commit(positions[3]), consumer.commit(positions[1]))
            await consumer.commit(positions[0])
        assert log.backlog(COMMANDS, "g") == 1
        assert [int(r.value) for r in await take(log, COMMANDS, "g", 1)] == [4]

    async def test_done_is_up_to_where_a_group_has_committed(self, log: FullLog) -> None:
        await fill(log, 10)
        assert list(log.done(COMMANDS, "g")) == []
        async with log.consume(COMMANDS, "g") as consumer:
            assert consumer.handovers == 0
            for record in await collect(consumer, 10):
                with consumer.hold(record.position.partition) as ours:
                    assert ours
                await consumer.commit(record.position)
            assert consumer.handovers > 0
        assert list(log.done(COMMANDS, "g")) == list(await log.ends(COMMANDS))

    async def test_backlog_is_what_the_group_has_yet_to_commit(self, log: FullLog) -> None:
        for n in range(8):
            await append(log, f"k{n}", n)
        assert log.backlog(COMMANDS, "g") == 8
        async with log.consume(COMMANDS, "g") as consumer:
            left = 8
            for record in await collect(consumer, 8):
                await consumer.commit(record.position)
                left -= 1
                assert log.backlog(COMMANDS, "g") == left

    async def test_ends_are_the_last_positions(self, log: FullLog) -> None:
        assert list(await log.ends(COMMANDS)) == []
        last: dict[int, Position] = {}
        for n in range(20):
            position = await append(log, f"k{n}", n)
            last[position.partition] = position
        assert sorted(await log.ends(COMMANDS)) == [last[p] for p in sorted(last)]

    async def test_a_reader_far_behind_misses_and_repeats_nothing(self, log: FullLog) -> None:
        count = self.features.lag
        async with log.consume(COMMANDS, "g") as consumer:
            await fill(log, count // 2)
            got = await collect(consumer, 700, limit=300)
            await fill(log, count // 2, start=count // 2)
            writing = asyncio.create_task(fill(log, 1000, start=count))
            got += await collect(consumer, count + 1000 - len(got), limit=900)
            await writing
        values = [int(r.value) for r in got]
        assert sorted(values) == list(range(count + 1000))
        for partition in {r.position.partition for r in got}:
            offsets = [r.position.offset for r in got if r.position.partition == partition]
            assert offsets == list(range(len(offsets)))

    async def test_a_second_consumer_of_a_group_goes_on_when_the_first_leaves(
        self, log: FullLog
    ) -> None:
        self._needs("exclusive")
        for n in range(4):
            await append(log, "k", n)
        async with log.consume(COMMANDS, "g") as second:
            async with log.consume(COMMANDS, "g") as first:
                got = await collect(first, 4)
                await first.commit(got[1].position)
                waiting = asyncio.create_task(collect(second, 2))
                await asyncio.wait({waiting}, timeout=BRIEFLY)
                assert not waiting.done()
            async with asyncio.timeout(PATIENCE):
                assert [int(r.value) for r in await waiting] == [2, 3]

    async def test_a_peer_sees_what_the_other_appends(self, log: FullLog, peer: FullLog) -> None:
        self._needs("peers")
        async with peer.consume(COMMANDS, "g") as consumer:
            for n in range(10):
                await append(log, "k", n)
            assert [int(r.value) for r in await collect(consumer, 10)] == list(range(10))
        assert await peer.ends(COMMANDS) == await log.ends(COMMANDS)

    async def test_peers_never_give_one_position_twice(self, log: FullLog, peer: FullLog) -> None:
        self._needs("peers")
        logs = itertools.cycle([log, peer])
        positions = await asyncio.gather(
            *(append(here, f"k{n % 5}", n) for n, here in zip(range(200), logs, strict=False))
        )
        positions += [await append(next(logs), f"k{n % 5}", n) for n in range(200, 220)]
        assert len(set(positions)) == 220
        async with log.consume(COMMANDS, "g") as consumer:
            got = await collect(consumer, 220)
        assert {r.position: int(r.value) for r in got} == {p: n for n, p in enumerate(positions)}

    async def test_reading_by_place_needs_no_group(self, log: FullLog) -> None:
        self._needs("read")
        positions = [await append(log, "k", n) for n in range(10)]
        partition = positions[0].partition
        assert await values(log, Position(partition, -1), 3) == [0, 1, 2]
        assert await values(log, positions[2], 4) == [3, 4, 5, 6]
        assert await values(log, positions[7], 100) == [8, 9]
        assert await values(log, positions[9], 100) == []
        assert list(await log.read("unknown", after=None, limit=5)) == []

    async def test_trimming_never_drops_what_a_group_has_not_committed(self, log: FullLog) -> None:
        self._needs("trim")
        positions = [await append(log, "k", n) for n in range(10)]
        async with log.consume(COMMANDS, "quick") as quick, log.consume(COMMANDS, "slow") as slow:
            await quick.commit(positions[9])
            assert await log.trim(COMMANDS, before=later()) == 0
            await slow.commit(positions[4])
            assert await log.trim(COMMANDS, before=later()) <= 5
            assert [int(r.value) for r in await collect(slow, 5)] == [5, 6, 7, 8, 9]

    async def test_trimming_spares_what_is_young(self, log: FullLog) -> None:
        self._needs("trim")
        position = await append(log, "k", 1)
        async with log.consume(COMMANDS, "g") as consumer:
            await consumer.commit(position)
        assert await log.trim(COMMANDS, before=datetime.now(UTC) - timedelta(hours=1)) == 0
        assert await values(log, Position(position.partition, -1), 5) == [1]

    async def test_what_no_group_reads_is_trimmed_by_age_alone(self, log: FullLog) -> None:
        self._needs("trim")
        for n in range(5):
            await append(log, f"k{n}", n)
        assert await log.trim(COMMANDS, before=datetime.now(UTC) - timedelta(hours=1)) == 0
        assert await log.trim(COMMANDS, before=later()) == 5

    async def test_offsets_go_on_after_all_was_trimmed(self, opened: Open) -> None:
        self._needs("trim")
        async with opened() as log:
            for n in range(10):
                position = await append(log, "k", n)
            async with log.consume(COMMANDS, "g") as consumer:
                await consumer.commit(position)
            assert await log.trim(COMMANDS, before=later()) == 10
            assert await log.trim(COMMANDS, before=later()) == 0
            assert await values(log, Position(position.partition, -1), 5) == []
            assert log.backlog(COMMANDS, "new") == 0
        async with opened() as again:
            assert (await append(again, "k", 10)).offset == 10
            assert again.backlog(COMMANDS, "g") == 1
            assert [int(r.value) for r in await take(again, COMMANDS, "new", 1)] == [10]

    @settings(
        max_examples=25,
        deadline=None,
        # Each course has a stream of its own, so examples may share the log; and every
        # binding is an executor of its own on purpose.
        suppress_health_check=[
            HealthCheck.function_scoped_fixture,
            HealthCheck.differing_executors,
        ],
    )
    @given(
        steps=st.lists(
            st.one_of(
                st.tuples(st.just("append"), st.integers(1, 5)),
                st.tuples(st.just("next"), st.integers(1, 4)),
                st.tuples(st.just("commit"), st.integers(0, 10)),
                st.tuples(st.just("restart"), st.just(0)),
            ),
            max_size=25,
        )
    )
    async def test_any_course_of_events_agrees_with_the_model(
        self, log: FullLog, steps: Sequence[tuple[str, int]]
    ) -> None:
        await Course(log, f"course-{next(_courses)}").run(steps)
