"""Servers that several contracts run against."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chat4all.domain.ids import new_id
from tests.servers.cache import Missing, skip_for
from tests.servers.minio import Minio, running_minio
from tests.servers.mongo_server import KINDS, MongoServer, mongo_server


@pytest.fixture(scope="session")
def minio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Minio]:
    """A real MinIO; skips when there is none."""
    try:
        with running_minio(tmp_path_factory.mktemp("minio")) as server:
            yield server
    except Missing as missing:
        skip_for(missing)


@pytest.fixture(scope="session", params=KINDS)
def mongo(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MongoServer]:
    """Each server that speaks MongoDB's protocol; skips one that is not there."""
    with mongo_server(request.param, tmp_path_factory.mktemp(request.param)) as server:
        yield server


@pytest.fixture
def url(mongo: MongoServer) -> str:
    """A database of the test's own on such a server."""
    return mongo.url(f"test-{new_id()}")
