"""The product with its files in a real MinIO."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

from tests.e2e.account import Account
from tests.e2e.product import running_server
from tests.servers.cache import Missing, skip_for
from tests.servers.minio import PASSWORD, USER, Minio, running_minio

BYTES = bytes(range(256)) * 4096 * 9  # 9 MiB: two parts


def settings(minio: Minio) -> dict[str, str]:
    client = boto3.client(
        "s3",
        endpoint_url=minio.url,
        region_name="us-east-1",
        aws_access_key_id=USER,
        aws_secret_access_key=PASSWORD,
    )
    client.create_bucket(Bucket="files")
    objects = f"s3://files?endpoint={minio.url}&region=us-east-1"
    return {"CHAT4ALL_OBJECTS_URL": objects, **minio.environment()}


def digest(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


async def announced(account: Account, chat: str) -> str:
    answer = await account.post(
        "files/initiate",
        {
            "name": "numbers.bin",
            "size": len(BYTES),
            "mime_type": "application/octet-stream",
            "checksum": digest(BYTES),
            "conversation_id": chat,
        },
    )
    file_id: str = answer["file_id"]
    return file_id


async def part(account: Account, file_id: str, number: int, body: bytes) -> Any:
    return await account.post(
        f"files/{file_id}/parts", {"number": number, "checksum": digest(body)}
    )


async def test_a_client_sends_the_parts_to_the_store_itself(tmp_path: Path) -> None:
    folder = tmp_path / "minio"
    folder.mkdir()
    try:
        with running_minio(folder) as minio:
            async with (
                running_server(tmp_path, settings(minio)) as url,
                Account(url, "ana").signed_up("Ana") as ana,
                Account(url, "bia").signed_up("Bia") as bia,
            ):
                chat = await ana.chat_with(bia)
                file_id = await announced(ana, chat)
                await send_parts(ana, file_id)
                ready = await ana.post(f"files/{file_id}/complete", {})
                assert (ready["state"], ready["checksum"]) == ("ready", digest(BYTES))
                link = await bia.post(f"files/{file_id}/links", {"expires_in": 60})
                async with httpx.AsyncClient(trust_env=False) as http:
                    got = await http.get(link["url"], headers={"Range": "bytes=8388600-8388619"})
                assert got.status_code == 206
                assert got.content == BYTES[8388600:8388620]
    except Missing as missing:
        skip_for(missing)


async def send_parts(account: Account, file_id: str) -> None:
    """Send the last part first, and try to send other bytes than were announced."""
    probe = await part(account, file_id, 1, BYTES)
    size, count = probe["size"], probe["part_count"]
    bodies = {n: BYTES[(n - 1) * size : n * size] for n in range(1, count + 1)}
    assert count > 1
    with pytest.raises(httpx.HTTPStatusError, match="400"):
        await part(account, file_id, count + 1, b"")
    async with httpx.AsyncClient(trust_env=False) as http:
        for number in sorted(bodies, reverse=True):
            there = await part(account, file_id, number, bodies[number])
            assert there["size"] == len(bodies[number])
            other = bytes(there["size"])
            refused = await http.put(there["url"], content=other, headers=there["headers"])
            assert refused.status_code == 400
            body = bodies[number]
            taken = await http.put(there["url"], content=body, headers=there["headers"])
            assert taken.status_code == 200
