"""Servers that several contracts run against."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers.cache import Missing, skip_for
from tests.servers.minio import Minio, running_minio


@pytest.fixture(scope="session")
def minio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Minio]:
    """A real MinIO; skips when there is none."""
    try:
        with running_minio(tmp_path_factory.mktemp("minio")) as server:
            yield server
    except Missing as missing:
        skip_for(missing)
