"""The object stores that pass the contract."""

from __future__ import annotations

import uuid
from pathlib import Path

import boto3
import pytest

from chat4all.adapters.localfs import object_store as localfs
from chat4all.adapters.localfs.object_store import LocalFsObjectStore
from chat4all.adapters.s3 import bucket as s3
from chat4all.adapters.s3.object_store import S3ObjectStore
from chat4all.testing.object_store import ObjectStoreContract
from chat4all.testing.object_store_storage import Features, OpenObjects
from tests.servers.minio import Minio

LEASE = 6.0  # seconds: the tests wait for leases to run out


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


@pytest.fixture
def bucket(minio: Minio, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a new bucket."""
    for name, value in minio.environment().items():
        monkeypatch.setenv(name, value)
    name = f"test-{uuid.uuid4()}"
    boto3.client("s3", endpoint_url=minio.url, region_name="us-east-1").create_bucket(Bucket=name)
    return f"s3://{name}/some/folder?endpoint={minio.url}"


class TestMinio(ObjectStoreContract):
    # It opens the files of a large object one by one, and an object is a folder to it.
    features = Features(reads_outlive_delete=False, nested_keys=False)
    scale = 6 << 20
    many = 60
    most_memory = 40 << 20

    @pytest.fixture
    def opened(self, bucket: str, monkeypatch: pytest.MonkeyPatch) -> OpenObjects:
        monkeypatch.setattr(s3, "LISTED_AT_ONCE", self.many // 3)
        return lambda: S3ObjectStore(bucket, lease_seconds=LEASE)

    @pytest.fixture
    def in_a_process(self, bucket: str) -> str:
        return (
            "from chat4all.adapters.s3.object_store import S3ObjectStore\n"
            f"store = S3ObjectStore({bucket!r}, lease_seconds={LEASE})\n"
        )
