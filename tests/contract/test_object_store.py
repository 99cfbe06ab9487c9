"""The object stores that pass the contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from chat4all.adapters.localfs import object_store as localfs
from chat4all.adapters.localfs.object_store import LocalFsObjectStore
from chat4all.testing.object_store import ObjectStoreContract
from chat4all.testing.object_store_storage import OpenObjects


class TestLocalFolder(ObjectStoreContract):
    @pytest.fixture
    def opened(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OpenObjects:
        monkeypatch.setattr(localfs, "LISTED_AT_ONCE", self.many // 3)
        return lambda: LocalFsObjectStore(tmp_path / "objects")

    @pytest.fixture
    def in_a_process(self, tmp_path: Path) -> str:
        return (
            "from pathlib import Path\n"
            "from chat4all.adapters.localfs.object_store import LocalFsObjectStore\n"
            f"store = LocalFsObjectStore(Path({str(tmp_path / 'objects')!r}))\n"
        )
