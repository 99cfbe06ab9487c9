"""The directories that pass `DirectoryContract`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chat4all.adapters.memory.directory import MemoryDirectory
from chat4all.adapters.memory.directory_state import DirectoryState
from chat4all.adapters.sql.directory import SqlDirectory
from chat4all.ports.directory import Directory
from chat4all.testing.directory import SMALL_GROUP, DirectoryContract


class TestMemory(DirectoryContract):
    @pytest.fixture
    def state(self) -> DirectoryState:
        return DirectoryState()

    @pytest.fixture
    def directory(self, state: DirectoryState) -> Directory:
        return MemoryDirectory(state, max_members=SMALL_GROUP)

    @pytest.fixture
    def peer(self, state: DirectoryState) -> Directory:
        return MemoryDirectory(state, max_members=SMALL_GROUP)


class TestSqlite(DirectoryContract):
    @pytest.fixture
    async def directory(self, tmp_path: Path) -> AsyncIterator[Directory]:
        url = f"sqlite:///{tmp_path / 'directory.db'}"
        async with SqlDirectory(url, max_members=SMALL_GROUP) as opened:
            yield opened

    @pytest.fixture
    async def peer(self, tmp_path: Path, directory: Directory) -> AsyncIterator[Directory]:
        url = f"sqlite:///{tmp_path / 'directory.db'}"
        async with SqlDirectory(url, max_members=SMALL_GROUP) as opened:
            yield opened
