from __future__ import annotations

from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path

import pytest

from chat4all.adapters.memory.event_log import MemoryEventLog
from chat4all.adapters.sqlite.event_log import SqliteEventLog
from chat4all.testing.event_log import EventLogContract, Features, Open
from chat4all.testing.event_log_reading import FullLog


class TestMemory(EventLogContract):
    features = Features(durable=False)

    @pytest.fixture
    def opened(self) -> Open:
        log: FullLog = MemoryEventLog()
        return lambda: nullcontext(log)


class TestMemoryWithPartitions(EventLogContract):
    features = Features(durable=False)

    @pytest.fixture
    def opened(self) -> Open:
        log: FullLog = MemoryEventLog(partitions=4)
        return lambda: nullcontext(log)


class TestSqliteAlone(EventLogContract):
    features = Features(peers=False)

    @pytest.fixture
    def opened(self, tmp_path: Path) -> Open:
        def one() -> AbstractAsyncContextManager[FullLog]:
            return SqliteEventLog(tmp_path / "log.db")

        return one


class TestSqliteShared(EventLogContract):
    @pytest.fixture
    def opened(self, tmp_path: Path) -> Open:
        def one() -> AbstractAsyncContextManager[FullLog]:
            return SqliteEventLog(tmp_path / "log.db", shared=True)

        return one


class TestSqliteSharedWithPartitions(EventLogContract):
    @pytest.fixture
    def opened(self, tmp_path: Path) -> Open:
        def one() -> AbstractAsyncContextManager[FullLog]:
            return SqliteEventLog(tmp_path / "log.db", partitions=4, shared=True)

        return one
