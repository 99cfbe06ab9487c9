"""The product with its files in a bucket of a real MinIO, started again in mid-upload."""

from __future__ import annotations

import hashlib
from pathlib import Path

import boto3
import httpx
import pytest

from chat4all.testing.object_store_storage import source
from tests.e2e.account import Account
from tests.e2e.product import running_server
from tests.servers.cache import Missing, skip_for
from tests.servers.minio import running_minio

pytestmark = pytest.mark.slow
SIZE = (20 << 20) + 123
HALF = (9 << 20) + 1
BUCKET = "chat4all-e2e"


async def test_an_upload_into_a_bucket_goes_on_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        with running_minio(tmp_path) as minio:
            for name, value in minio.environment().items():
                monkeypatch.setenv(name, value)
            client = boto3.client("s3", endpoint_url=minio.url, region_name="us-east-1")
            client.create_bucket(Bucket=BUCKET)
            address = f"s3://{BUCKET}/files?endpoint={minio.url}"
            await _half_by_half(tmp_path, {"CHAT4ALL_OBJECTS_URL": address})
            [kept] = client.list_objects_v2(Bucket=BUCKET)["Contents"]
            assert kept["Size"] == SIZE
    except Missing as missing:
        skip_for(missing)


async def _half_by_half(folder: Path, settings: dict[str, str]) -> None:
    async with (
        running_server(folder, settings) as url,
        Account(url, "ana").signed_up("Ana") as ana,
        Account(url, "bia").signed_up("Bia") as bia,
    ):
        checksum = f"sha256:{hashlib.sha256(source(0, SIZE)).hexdigest()}"
        announced = {
            "name": "big.bin",
            "size": SIZE,
            "mime_type": "application/octet-stream",
            "checksum": checksum,
            "conversation_id": await ana.chat_with(bia),
        }
        file_id = (await ana.post("files/initiate", announced))["file_id"]
        assert await _append(url, ana, file_id, 0, HALF) == HALF
    async with running_server(folder, settings) as url, Account(url, "ana").signed_in() as ana:
        assert (await ana.get(f"files/{file_id}"))["offset"] == HALF
        assert await _append(url, ana, file_id, HALF, SIZE) == SIZE
        ready = await ana.post(f"files/{file_id}/complete", None)
        assert (ready["state"], ready["checksum"]) == ("ready", checksum)
        async with httpx.AsyncClient(trust_env=False) as http:
            headers = {"Authorization": f"Bearer {ana.token}", "Range": f"bytes={HALF}-"}
            read = await http.get(f"{url}/v1/files/{file_id}/content", headers=headers)
        assert read.content == source(HALF, SIZE)


async def _append(url: str, ana: Account, file_id: str, start: int, end: int) -> int:
    headers = {
        "Authorization": f"Bearer {ana.token}",
        "Tus-Resumable": "1.0.0",
        "Content-Type": "application/offset+octet-stream",
        "Upload-Offset": str(start),
    }
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        address = f"{url}/v1/files/uploads/{file_id}"
        answer = await http.patch(address, headers=headers, content=source(start, end))
    assert answer.status_code == 204, answer.text
    return int(answer.headers["upload-offset"])
