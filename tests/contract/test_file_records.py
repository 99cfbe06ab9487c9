"""The storages of file records that pass the contract."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest

from chat4all.adapters.memory.file_records import MemoryFileRecords
from chat4all.adapters.sqlite.file_records import SqliteFileRecords
from chat4all.testing.file_records import FileRecordsContract, OpenRecords


class TestMemory(FileRecordsContract):
    @pytest.fixture
    def opened(self) -> OpenRecords:
        records = MemoryFileRecords()
        return lambda: nullcontext(records)


class TestSqlite(FileRecordsContract):
    @pytest.fixture
    def opened(self, tmp_path: Path) -> OpenRecords:
        return lambda: SqliteFileRecords(tmp_path / "files.sqlite3")
