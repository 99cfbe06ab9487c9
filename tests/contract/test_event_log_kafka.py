from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, ExitStack

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from chat4all.adapters.kafka import holds
from chat4all.adapters.kafka.event_log import KafkaEventLog
from chat4all.domain.errors import BadSettings
from chat4all.domain.events import Position
from chat4all.ports.event_log import COMMANDS, DEAD_LETTERS, Consumer, Record, outbound
from chat4all.testing.event_log import EventLogContract, Open
from chat4all.testing.event_log_reading import FullLog
from tests.servers.kafka_server import KafkaServer, kafka_server

_prefixes = itertools.count()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    with kafka_server(tmp_path_factory.mktemp("kafka")) as server:
        yield server


class TestKafkaWithOnePartition(EventLogContract):
    @pytest.fixture
    def opened(self, server: KafkaServer) -> Open:
        url = f"{server.url}/one-{next(_prefixes)}?partitions=1"

        def one() -> AbstractAsyncContextManager[FullLog]:
            return KafkaEventLog(url)

        return one


class TestKafkaWithPartitions(EventLogContract):
    @pytest.fixture
    def opened(self, server: KafkaServer) -> Open:
        url = f"{server.url}/four-{next(_prefixes)}?partitions=4"

        def one() -> AbstractAsyncContextManager[FullLog]:
            return KafkaEventLog(url)

        return one


async def test_a_commit_for_a_partition_that_went_to_another_does_not_put_that_one_back(
    server: KafkaServer,
) -> None:
    url = f"{server.url}/moved-{next(_prefixes)}?partitions=2"
    async with KafkaEventLog(url) as log, KafkaEventLog(url) as peer:
        await log.append([Record(COMMANDS, str(n), b"") for n in range(40)])
        async with asyncio.timeout(100), log.consume(COMMANDS, "g") as slow:
            taken: dict[int, Position] = {}
            while len(taken) < 2:
                for one in await slow.next(limit=1):
                    taken.setdefault(one.position.partition, one.position)
            async with peer.consume(COMMANDS, "g") as quick:
                rest = asyncio.create_task(_drained(slow))  # as it goes on, it gives one up
                done = (await quick.next(limit=100))[-1].position
                await quick.commit(done)
                await slow.commit(taken[done.partition])
                rest.cancel()
                await asyncio.wait([rest])
        async with KafkaEventLog(url) as later:
            assert done in later.done(COMMANDS, "g")


async def test_a_partition_that_is_held_goes_to_nobody_before_it_is_let_go(
    server: KafkaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holds, "HOLD_SECONDS", 60.0)
    url = f"{server.url}/held-{next(_prefixes)}?partitions=2"
    async with KafkaEventLog(url) as log, KafkaEventLog(url) as peer:
        await log.append([Record(COMMANDS, str(n), b"") for n in range(40)])
        async with asyncio.timeout(100), log.consume(COMMANDS, "g") as slow:
            seen: set[int] = set()
            while len(seen) < 2:
                seen |= {one.position.partition for one in await slow.next(limit=1)}
            with ExitStack() as held:
                for number in seen:
                    assert held.enter_context(slow.hold(number))
                async with peer.consume(COMMANDS, "g") as quick:
                    rest = asyncio.create_task(_drained(slow))
                    came = asyncio.create_task(quick.next(limit=1))
                    while not (asked := [one for one in seen if not _is_ours(slow, one)]):  # noqa: ASYNC110
                        await asyncio.sleep(0.01)
                    await asyncio.sleep(4.0)  # it would take less
                    assert not came.done()
                    held.close()
                    assert [one.position.partition for one in await came] == asked
                    assert [one for one in seen if _is_ours(quick, one)] == asked
                    rest.cancel()
                    await asyncio.wait([rest])


def _is_ours(consumer: Consumer, partition: int) -> bool:
    with consumer.hold(partition) as ours:
        return ours


@pytest.mark.parametrize("stream", [COMMANDS, outbound("paper"), DEAD_LETTERS])
async def test_a_topic_with_another_number_of_partitions_stops_the_start(
    server: KafkaServer, stream: str
) -> None:
    prefix = f"wrong-{next(_prefixes)}"
    topic = f"{prefix}.{stream}"
    admin = AdminClient({"bootstrap.servers": f"127.0.0.1:{server.port}"})
    await asyncio.wrap_future(admin.create_topics([NewTopic(topic, 2, 1)])[topic])
    while topic not in admin.list_topics(timeout=10).topics:  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0.05)
    with pytest.raises(BadSettings) as refused:
        async with KafkaEventLog(f"{server.url}/{prefix}?partitions=4"):
            pass
    wanted = 1 if stream == DEAD_LETTERS else 4
    assert f"the topic {topic} has 2 partitions, not {wanted}" in str(refused.value)


async def test_without_a_number_the_partitions_that_are_there_are_used(
    server: KafkaServer,
) -> None:
    prefix = f"there-{next(_prefixes)}"
    async with KafkaEventLog(f"{server.url}/{prefix}?partitions=3"):
        pass
    async with KafkaEventLog(f"{server.url}/{prefix}") as log:
        await log.append([Record(COMMANDS, str(n), b"") for n in range(30)])
        assert {at.partition for at in await log.ends(COMMANDS)} == {0, 1, 2}


async def _drained(consumer: Consumer) -> None:
    while True:
        await consumer.next(limit=100)
