"""What a bucket on a real server does beyond the contract: it refuses, hides secrets, vanishes."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import uuid
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

from chat4all.adapters.s3.bucket import Bucket
from chat4all.adapters.s3.lease import Lease
from chat4all.adapters.s3.object_store import S3ObjectStore
from chat4all.domain.errors import (
    BadSettings,
    EngineMissing,
    StorageFull,
    Unavailable,
    UploadBusy,
    UploadNotFound,
)
from chat4all.ports.object_store import UploadToken
from chat4all.testing.object_store_storage import a_key, began, pieces, put, source, whole
from tests.servers.minio import PASSWORD, Minio, running_minio
from tests.servers.process import stop
from tests.servers.small_disk import enlarge, small_disk

SOON = timedelta(minutes=1)
PATIENCE = 60.0


def new_bucket(minio: Minio, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in minio.environment().items():
        monkeypatch.setenv(name, value)
    name = f"test-{uuid.uuid4()}"
    boto3.client("s3", endpoint_url=minio.url, region_name="us-east-1").create_bucket(Bucket=name)
    return name


@pytest.fixture
def address(minio: Minio, monkeypatch: pytest.MonkeyPatch) -> str:
    return f"s3://{new_bucket(minio, monkeypatch)}?endpoint={minio.url}"


async def refusal(address: str, kind: type[BadSettings] = BadSettings) -> str:
    with pytest.raises(BadSettings) as refused:
        async with S3ObjectStore(address):
            pass
    assert type(refused.value) is kind
    return str(refused.value)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("s3://", "s3://BUCKET"),
        ("s3://ab?endpoint=http://127.0.0.1:1", "s3://BUCKET"),
        ("s3://key:hush-hush@bucket", "AWS_SECRET_ACCESS_KEY"),
        ("s3://bucket?endpoint=http://key:hush-hush@host", "AWS_SECRET_ACCESS_KEY"),
        ("s3://bucket?endpoint=hush-hush", "https://s3.host"),
        ("s3://bucket?secret=hush-hush", "no option 'secret'"),
    ],
)
def test_an_address_that_cannot_be_says_what_it_should_be(address: str, told: str) -> None:
    with pytest.raises(BadSettings, match="CHAT4ALL_OBJECTS_URL") as refused:
        S3ObjectStore(address)
    assert told in str(refused.value)
    assert "hush-hush" not in str(refused.value)


async def test_a_lease_whose_answer_was_lost_is_held_and_renewed(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = Bucket.put

    async def put_again(*args: Any, **conditions: Any) -> str:
        await once(*args, **conditions)  # done, and nobody heard of it
        return await once(*args, **conditions)

    monkeypatch.setattr(Bucket, "put", put_again)
    async with S3ObjectStore(address) as store, Lease(store._bucket, "lock", 60.0) as lease:
        await lease._write(if_etag=lease._etag)
        lease.check()
        with pytest.raises(UploadBusy):
            async with Lease(store._bucket, "lock", 60.0):
                pass


async def test_a_bucket_that_is_not_there_stops_the_start(minio: Minio, address: str) -> None:
    told = await refusal(f"s3://no-such-bucket?endpoint={minio.url}")
    assert "there is no bucket no-such-bucket" in told
    assert "create it" in told


@pytest.mark.parametrize("wrong", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
async def test_wrong_credentials_stop_the_start_and_are_not_repeated(
    address: str, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(wrong, "hush-hush-hush")
    told = await refusal(address)
    assert "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY" in told
    assert "hush" not in told
    assert PASSWORD not in told


async def test_missing_credentials_stop_the_start(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert "set AWS_ACCESS_KEY_ID" in await refusal(address)


async def test_a_server_that_does_not_answer_may_come(address: str) -> None:
    told = await refusal("s3://some-bucket?endpoint=http://127.0.0.1:9", EngineMissing)
    assert "some-bucket at http://127.0.0.1:9" in told
    assert "does not answer" in told


async def test_an_upload_outlives_a_restart_of_the_server(
    minio: Minio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = 9 << 20
    with running_minio(tmp_path) as first:
        address = f"s3://{new_bucket(first, monkeypatch)}"
        async with S3ObjectStore(f"{address}?endpoint={first.url}") as store:
            key, token = await began(store, size)
            await store.uploads.append(token, 0, pieces(0, size - 1000))
            stop(first.process)
            with pytest.raises(Unavailable, match="does not answer"):
                await store.uploads.append(token, size - 1000, pieces(0, 1000))
    with running_minio(tmp_path) as second:
        async with S3ObjectStore(f"{address}?endpoint={second.url}") as store:
            assert [found async for found, _ in store.unfinished()] == [token]
            assert await store.uploads.offset(token) == size - 1000
            await store.uploads.append(token, size - 1000, pieces(size - 1000, size))
            await store.uploads.complete(token)
            assert await whole(store, key) == source(0, size)


async def test_an_address_downloads_the_object_under_its_name(address: str) -> None:
    async with S3ObjectStore(address) as store, httpx.AsyncClient(trust_env=False) as http:
        key = a_key()
        await put(store, key, 1000)
        link = await store.presigned_get(key, expires_in=SOON, filename='ol"á.txt')
        answer = await http.get(link, headers={"Range": "bytes=10-19"})
        assert answer.content == source(10, 20)
        named = answer.headers["content-disposition"]
        assert named == "attachment; filename*=UTF-8''ol%22%C3%A1.txt"
        assert (await http.get(link.replace("files", "filez"))).status_code == 403
        assert PASSWORD not in link


async def test_clients_may_send_parts_themselves_in_any_order(address: str) -> None:
    async with S3ObjectStore(address) as store, httpx.AsyncClient(trust_env=False) as http:
        key, token = await began(store, 8 * (1 << 20) + 1000)
        part = store.part_size(token)
        edges = [(2, part, part + 1000), (1, 0, part)]
        for number, start, end in edges:
            body = source(start, end)
            digest = hashlib.sha256(body).digest()
            link = await store.presigned_part(token, number, sha256=digest, expires_in=SOON)
            header = {"x-amz-checksum-sha256": base64.b64encode(digest).decode()}
            other = await http.put(link, content=source(start + 1, end + 1), headers=header)
            assert other.status_code == 400
            assert (await http.put(link, content=body, headers=header)).status_code == 200
        await store.uploads.complete(token)
        assert await whole(store, key) == source(0, part + 1000)


async def test_nothing_of_an_upload_is_left_beside_the_object(
    minio: Minio, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = new_bucket(minio, monkeypatch)
    client = boto3.client("s3", endpoint_url=minio.url, region_name="us-east-1")
    async with S3ObjectStore(f"s3://{bucket}?endpoint={minio.url}") as store:
        _, token = await began(store, 100)
        for at in range(0, 100, 10):
            await store.uploads.append(token, at, pieces(at, at + 10))
        done = await store.uploads.complete(token)
        _, other = await began(store, 100)
        await store.uploads.append(other, 0, pieces(0, 10))
        await store.uploads.abort(other)
        left = [one["Key"] for one in client.list_objects_v2(Bucket=bucket)["Contents"]]
        assert left == [f"objects/{done.key}"]
        assert "Uploads" not in client.list_multipart_uploads(Bucket=bucket)


async def test_an_ended_upload_is_not_taken_for_another_of_the_same_key(address: str) -> None:
    async with S3ObjectStore(address) as store:
        key, ended = await began(store, 10)
        other = await store.uploads.begin(key, size=10, mime_type="text/plain")
        await store.uploads.append(other, 0, pieces(0, 10))
        await store.uploads.abort(ended)
        await store.uploads.complete(other)
        with pytest.raises(UploadNotFound):
            await store.uploads.complete(ended)


async def _append_until_full(store: S3ObjectStore, token: UploadToken, size: int) -> None:
    while True:
        kept = await store.uploads.offset(token)
        try:
            await store.uploads.append(token, kept, pieces(kept, size))
        except StorageFull:
            raise
        except Unavailable:
            continue  # on a full disk it may not find the upload at first


async def test_where_the_server_is_full_what_it_took_is_kept_and_the_upload_goes_on_later(
    minio: Minio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = 60 << 20
    with small_disk(tmp_path / "data", 40 << 20) as disk, running_minio(tmp_path) as full:
        address = f"s3://{new_bucket(full, monkeypatch)}?endpoint={full.url}"
        async with S3ObjectStore(address) as store:
            key, token = await began(store, size)
            with pytest.raises(StorageFull, match="free some space"):
                await _append_until_full(store, token, size)
            kept = await store.uploads.offset(token)
            assert 0 < kept < size
            enlarge(disk, 200 << 20)
            async with asyncio.timeout(PATIENCE):
                while kept < size:  # the server takes a moment to see the space
                    with suppress(Unavailable):
                        await store.uploads.append(token, kept, pieces(kept, size))
                    kept = await store.uploads.offset(token)
            await store.uploads.complete(token)
            assert await whole(store, key) == source(0, size)
