from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager

import pytest

from chat4all.adapters.kafka.event_log import KafkaEventLog
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
