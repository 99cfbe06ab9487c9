"""Files that are too large, lie, come too slowly, or find no room: told clearly, nothing lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.account import Account
from tests.e2e.sender import BYTES, Sender, sender
from tests.e2e.shell import run
from tests.e2e.watched_server import Watched, watched_server
from tests.servers.small_disk import small_disk

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

MIB = 1 << 20
DATA = bytes(range(256)) * 4096  # 1 MiB
STALL = 2.0


@dataclass
class Scene:
    """Ana sends files to Bia."""

    server: Watched
    ana: Sender
    talk: str


@asynccontextmanager
async def a_scene(folder: Path, **settings: str) -> AsyncIterator[Scene]:
    async with (
        watched_server(folder, **settings) as server,
        Account(server.url, "ana").signed_up("Ana") as ana,
        Account(server.url, "bia").signed_up("Bia") as bia,
        sender(server.url, ana) as anas,
    ):
        yield Scene(server, anas, await ana.chat_with(bia))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    folder = tmp_path_factory.mktemp("bad-files")
    async with a_scene(folder, upload_stall_seconds=str(STALL)) as made:
        yield made
        assert made.server.complaints() == []


async def test_more_than_two_gib_is_refused_before_a_byte_is_sent(scene: Scene) -> None:
    for size, status in ((2 << 30, 201), ((2 << 30) + 1, 413), (1 << 52, 413)):
        answer = await scene.ana.initiate(scene.talk, b"", size=size)
        assert answer.status_code == status, size
    assert answer.json()["code"] == "too_large"
    assert (await scene.ana.initiate(scene.talk, b"", size=-1)).status_code == 400


async def test_fewer_bytes_than_announced_are_not_a_file(scene: Scene) -> None:
    file_id, url = await scene.ana.begin(scene.talk, DATA, size=len(DATA) + 1)
    assert (await scene.ana.append(url, 0, DATA)).status_code == 204
    answer = await scene.ana.complete(file_id)
    assert (answer.status_code, answer.json()["code"]) == (409, "file_not_ready")


async def test_more_bytes_than_announced_are_refused(scene: Scene) -> None:
    _, url = await scene.ana.begin(scene.talk, DATA, size=len(DATA) - 1)
    assert (await scene.ana.append(url, 0, DATA)).status_code == 413
    assert await scene.ana.offset(url) == 0
    assert (await scene.ana.append(url, 0, pieces(DATA))).status_code == 413
    assert await scene.ana.offset(url) == len(DATA) - 1


@pytest.mark.embedded("looks into the folder of objects")
async def test_other_bytes_than_announced_are_422_and_gone(scene: Scene) -> None:
    file_id, url = await scene.ana.begin(scene.talk, DATA)
    assert (await scene.ana.append(url, 0, DATA[::-1])).status_code == 204
    answer = await scene.ana.complete(file_id)
    assert (answer.status_code, answer.json()["code"]) == (422, "checksum_mismatch")
    left = [one for one in (scene.server.data / "objects").rglob("*") if file_id in one.name]
    assert left == []
    assert (await scene.ana.http.get(f"/v1/files/{file_id}/content")).status_code == 410


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\ana\\cat.jpg", "cat.jpg"),
        ("a\r\nSet-Cookie: x=1", "a Set-Cookie: x=1"),
        ("invoice\u202egpj.exe", "invoicegpj.exe"),
        ("\u2066\u200bcat\u2069.jpg", "cat.jpg"),
        (" . ", "file"),
        ("..", "file"),
        ("a/", "file"),
        ('say "hi"; x=.txt', 'say "hi"; x=.txt'),
        ("👩\u200d👧 ok.png", "👩\u200d👧 ok.png"),
    ],
)
async def test_a_name_is_cleaned_and_never_becomes_a_header_or_a_path(
    scene: Scene, name: str, shown: str
) -> None:
    file_id = await scene.ana.upload(scene.talk, DATA[:10], name=name)
    assert (await scene.ana.http.get(f"/v1/files/{file_id}")).json()["name"] == shown
    headers = (await scene.ana.http.get(f"/v1/files/{file_id}/content")).headers
    assert "set-cookie" not in headers
    assert headers["content-disposition"].startswith("attachment; filename=")


async def test_four_kilobytes_of_emoji_are_no_name(scene: Scene) -> None:
    answer = await scene.ana.initiate(scene.talk, DATA, name="🐈" * 1024)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/name")
    assert (await scene.ana.initiate(scene.talk, DATA, name="🐈" * 255)).status_code == 201


async def test_a_body_that_drips_ends_with_a_time_out_and_keeps_what_came(scene: Scene) -> None:
    _, url = await scene.ana.begin(scene.talk, DATA)
    reader, writer = await patch(scene, url)
    writer.write(DATA[:100_000])
    dripping = asyncio.create_task(drip(writer))
    answer = await asyncio.wait_for(reader.read(200), 10 * STALL)
    dripping.cancel()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer.lower()
    writer.close()
    assert await scene.ana.offset(url) >= 100_000
    await goes_on(scene, url)


async def test_a_client_that_vanishes_leaves_what_it_sent(scene: Scene) -> None:
    _, url = await scene.ana.begin(scene.talk, DATA)
    _, writer = await patch(scene, url)
    writer.write(DATA[:300_000])
    await writer.drain()
    await until_offset(scene, url, 300_000)
    writer.transport.abort()
    await goes_on(scene, url)


async def test_of_many_who_write_at_once_one_does(scene: Scene) -> None:
    file_id, url = await scene.ana.begin(scene.talk, DATA)
    tries = [scene.ana.append(url, 0, pieces(DATA)) for _ in range(6)]
    statuses = sorted(one.status_code for one in await asyncio.gather(*tries))
    assert statuses[0] == 204
    assert set(statuses[1:]) <= {409, 423}
    assert (await scene.ana.complete(file_id)).status_code == 200


@pytest.mark.embedded("looks into the folder of objects")
async def test_vanished_bytes_are_410_and_the_check_reports_them(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    async with a_scene(tmp_path_factory.mktemp("vanished")) as scene:
        file_id = await scene.ana.upload(scene.talk, DATA)
        [stored] = [
            one for one in (scene.server.data / "objects").rglob("*") if file_id in one.name
        ]
        content = stored.read_bytes()
        stored.unlink()
        answer = await scene.ana.http.get(f"/v1/files/{file_id}/content")
        assert (answer.status_code, answer.json()["code"]) == (410, "file_gone")
        report = await check(scene)
        assert (report["ok"], report["findings"]["missing_object"]) == (False, 1)
        assert file_id in report["first"][0]["detail"]
        stored.write_bytes(content)
        stored.with_name(stored.name.replace(file_id, file_id[::-1])).write_bytes(b"stray")
        report = await check(scene)
        assert (report["findings"]["missing_object"], report["findings"]["orphan_file"]) == (0, 1)


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder whose `data` is a disk of 32 MiB."""
    home = tmp_path_factory.mktemp("full-disk")
    with small_disk(home / "data", 32 * MIB):
        yield home


@pytest.mark.embedded("fills the disk of the one data folder")
async def test_a_full_disk_is_507_and_the_upload_goes_on_when_there_is_room(disk: Path) -> None:
    data = DATA * 12
    async with a_scene(disk) as scene:
        file_id, url = await scene.ana.begin(scene.talk, data)
        ballast = scene.server.data / "ballast"
        await asyncio.to_thread(ballast.write_bytes, b"x" * (20 * MIB))
        answer = await scene.ana.append(url, 0, pieces(data))
        assert (answer.status_code, answer.json()["code"]) == (507, "storage_full")
        assert int(answer.headers["retry-after"]) >= 1
        ballast.unlink()
        at = await scene.ana.offset(url)
        assert (await scene.ana.append(url, at, data[at:])).status_code == 204
        assert (await scene.ana.complete(file_id)).status_code == 200
        assert (await scene.ana.http.get(f"/v1/files/{file_id}/content")).content == data
        assert (await check(scene))["ok"] is True


async def pieces(data: bytes) -> AsyncIterator[bytes]:
    """Send without a length, so that nobody is warned."""
    for start in range(0, len(data), 65_536):
        yield data[start : start + 65_536]


async def patch(scene: Scene, url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Begin a PATCH of all of `DATA` by hand."""
    reader, writer = await asyncio.open_connection(*scene.server.address)
    path = url.removeprefix(scene.server.url)
    headers = {**BYTES, "Upload-Offset": "0", "Content-Length": str(len(DATA)), "Host": "test"}
    headers["Authorization"] = f"Bearer {scene.ana.token}"
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"PATCH {path} HTTP/1.1\r\n{lines}\r\n".encode())
    return reader, writer


async def drip(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"x")
        await asyncio.sleep(STALL / 10)


async def until_offset(scene: Scene, url: str, least: int) -> None:
    async with asyncio.timeout(20):
        while True:
            if await scene.ana.offset(url) >= least:
                return
            await asyncio.sleep(0.05)


async def goes_on(scene: Scene, url: str) -> None:
    """Send the rest as a client does that was interrupted: 423 means try again."""
    async with asyncio.timeout(30):
        while True:
            at = await scene.ana.offset(url)
            status = (await scene.ana.append(url, at, DATA[at:])).status_code
            if status == 204:
                return
            assert status in {409, 423}
            await asyncio.sleep(0.1)


async def check(scene: Scene) -> Any:
    words = ("--data-dir", str(scene.server.data), "check", "--json")
    return json.loads((await asyncio.to_thread(run, *words)).stdout)
