"""A node opens its databases and loads what runs on them at the same time."""

from __future__ import annotations

import time
from pathlib import Path
from types import ModuleType

import pytest

from chat4all.bootstrap import opening
from chat4all.domain.errors import BadSettings
from chat4all.settings import Settings

PATIENCE = 10.0
load = opening._load_node


async def test_databases_are_opened_while_modules_are_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there: list[bool] = []

    def slowly() -> ModuleType:
        limit = time.monotonic() + PATIENCE
        while not (tmp_path / "log.sqlite3").exists() and time.monotonic() < limit:
            time.sleep(0.01)
        there.append((tmp_path / "log.sqlite3").exists())
        return load()

    monkeypatch.setattr(opening, "_load_node", slowly)
    async with opening.open_node(Settings(data_dir=tmp_path), connected=False) as node:
        assert node.operator.client_id == "operator"
    assert there == [True]


async def test_a_database_that_cannot_be_opened_is_told_whatever_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadSettings, match="CHAT4ALL_DATA_DIR"):
        async with opening.open_node(Settings(data_dir=tmp_path / "file" / "data")):
            pass
