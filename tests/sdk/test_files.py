"""Files that the TypeScript client sends and fetches."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from chat4all.domain.ids import new_id
from tests.sdk.node_client import ThrownError
from tests.sdk.node_people import stored, two_node_people

pytestmark = pytest.mark.timeout(120)


# Around the blocks of SHA-256, and of more than one request.
SIZES = (0, 1, 55, 56, 63, 64, 65, 2**20 - 1, 2**20, 3 * 2**20 + 5)


async def test_files_come_as_they_were_sent(url: str, folder: Path, tmp_path: Path) -> None:
    path, copy = tmp_path / "notes.bin", tmp_path / "copy"
    async with two_node_people(url, folder, "ts-sender", "ts-fetcher") as (sender, fetcher, talk):
        for size in SIZES:
            path.write_bytes(hashlib.shake_256(b"notes").digest(size))
            sent = await sender.call("sendFile", talk, str(path), {"type": "application/x-notes"})
            message = await stored(fetcher, sent["message_id"])
            assert message["payload"]["type"] == "document"
            file = await fetcher.call("download", message["payload"]["file_id"], str(copy))
            assert file["name"] == "notes.bin"
            assert copy.read_bytes() == path.read_bytes()
            for client in (sender, fetcher):
                done = [step for step, _ in client.progress]
                assert done == sorted(done)
                assert client.progress[-1] == (size, size)
                client.progress.clear()


async def test_an_upload_goes_on_in_another_process(url: str, folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Notes. " * 9)
    async with two_node_people(url, folder, "ts-first", "ts-second") as (one, other, talk):
        file_id = new_id()
        first = await one.call("upload", talk, str(path), {"fileId": file_id})
        assert await one.call("upload", talk, str(path), {"fileId": file_id}) == first
        assert (first["id"], first["state"]) == (file_id, "ready")
        with pytest.raises(ThrownError) as missing:
            await other.call("pieces", new_id(), str(tmp_path / "none"))
        assert missing.value.name == "NotFound"
