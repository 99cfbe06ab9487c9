"""Files that are made to do harm: told for what they are, served so that they do none."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image

from tests.e2e.account import Account
from tests.e2e.roles import Role
from tests.e2e.sender import Sender, sender
from tests.e2e.shell import run
from tests.e2e.watched_server import Watched, until, watched_server
from tests.servers.clamd_server import EICAR, FOUND, ClamdServer, clamd_server
from tests.servers.process import free_port
from tests.unit.media import samples

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

MIB = 1 << 20
HTML = b"<!DOCTYPE html><script>alert(document.domain)</script>"
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n"
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
GIF_AND_SCRIPT = b"GIF89a/*" + samples.picture("GIF")[8:] + b"*/=1;alert(1)"
PHOTO_AND_PAGE = samples.picture(comment=HTML)


@dataclass
class Scene:
    """Ana sends files to Bia, and a scanner looks at them."""

    server: Watched
    clamd: ClamdServer
    ana: Sender
    talk: str

    def objects_of(self, file_id: str) -> list[Path]:
        return [one for one in (self.server.data / "objects").rglob("*") if file_id in one.name]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "clamd").mkdir()
    with clamd_server(folder / "clamd", "StreamMaxLength 40M") as clamd:
        async with (
            watched_server(folder, clamav_url=clamd.unix) as server,
            Account(server.url, "ana").signed_up("Ana") as ana,
            Account(server.url, "bia").signed_up("Bia") as bia,
            sender(server.url, ana) as anas,
        ):
            yield Scene(server, clamd, anas, await ana.chat_with(bia))
            assert server.complaints() == []


@pytest.mark.parametrize(
    ("content", "claimed", "mime_type", "kind"),
    [
        (HTML, "image/png", "text/html", "attachment"),
        (samples.billion_laughs(), "image/svg+xml", "image/svg+xml", "attachment"),
        (PHOTO_AND_PAGE, "text/html", "image/jpeg", "inline"),
        (GIF_AND_SCRIPT, "text/javascript", "image/gif", "inline"),
        (PDF + samples.zip_bomb(8), "image/png", "application/pdf", "attachment"),
        (HTML + samples.picture(), "image/jpeg", "text/html", "attachment"),
        (samples.picture("PNG") + HTML, "text/html", "image/png", "inline"),
        (bytes(2000), "image/png", "application/octet-stream", "attachment"),
    ],
    ids=lambda value: repr(value)[:20],
)
async def test_a_file_of_two_kinds_is_served_as_one_that_runs_nothing(
    scene: Scene, content: bytes, claimed: str, mime_type: str, kind: str
) -> None:
    file_id = await scene.ana.upload(scene.talk, content, mime_type=claimed, name="holiday.jpg")
    answer = await scene.ana.http.get(f"/v1/files/{file_id}/content")
    assert answer.content == content
    assert answer.headers["content-type"] == mime_type
    assert answer.headers["content-disposition"].startswith(kind)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"


async def test_bombs_are_kept_as_they_are_and_not_opened(scene: Scene) -> None:
    for content, mime_type in (
        (samples.png_that_says(50_000, 50_000, bytes(150_001)), "image/png"),
        (samples.png_that_says(4000, 4000), "image/png"),
        (samples.nested_boxes(20_000), "video/mp4"),
        (samples.zip_bomb(), WORD),
    ):
        file_id = await scene.ana.upload(scene.talk, content)
        shown = (await scene.ana.http.get(f"/v1/files/{file_id}")).json()
        assert (shown["state"], shown["mime_type"]) == ("ready", mime_type)
        assert not shown["has_thumbnail"]
        assert "width" not in shown
        assert (await scene.ana.http.get(f"/v1/files/{file_id}/thumbnail")).status_code == 404
        read = await scene.ana.http.get(f"/v1/files/{file_id}/content")
        assert read.content == content


async def test_the_thumbnail_of_a_photo_tells_nothing_of_its_taker(scene: Scene) -> None:
    photo = samples.photo_on_its_side()
    file_id = await scene.ana.upload(scene.talk, photo)
    shown = (await scene.ana.http.get(f"/v1/files/{file_id}")).json()
    assert (shown["width"], shown["height"], shown["has_thumbnail"]) == (400, 640, True)
    answer = await scene.ana.http.get(f"/v1/files/{file_id}/thumbnail")
    assert answer.headers["content-type"] == "image/webp"
    small = Image.open(io.BytesIO(answer.content))
    assert small.size == (300, 480)
    assert b"Secret" in photo
    assert b"Secret" not in answer.content
    assert dict(small.getexif()) == {}


@pytest.mark.embedded("looks into the folder of objects")
async def test_a_file_with_a_virus_is_refused_and_gone(scene: Scene) -> None:
    harmful = bytes(MIB) + EICAR
    file_id, url = await scene.ana.begin(scene.talk, harmful)
    await scene.ana.append(url, 0, harmful)
    for _ in range(2):
        answer = await scene.ana.complete(file_id)
        assert (answer.status_code, answer.json()["code"]) == (422, "harmful_file")
        assert FOUND in answer.json()["detail"]
    shown = (await scene.ana.http.get(f"/v1/files/{file_id}")).json()
    assert (shown["state"], shown["error"]["code"]) == ("failed", "harmful_file")
    assert scene.objects_of(file_id) == []
    assert (await scene.ana.http.get(f"/v1/files/{file_id}/content")).status_code == 410
    body = {"conversation_id": scene.talk, "payload": {"type": "document", "file_id": file_id}}
    assert (await scene.ana.http.post("/v1/messages", json=body)).status_code == 410


async def test_while_the_scanner_is_away_a_file_waits_and_is_scanned_then(scene: Scene) -> None:
    begun = [(one, *await scene.ana.begin(scene.talk, one)) for one in (b"harmless", EICAR)]
    for content, _, url in begun:
        await scene.ana.append(url, 0, content)
    await asyncio.to_thread(scene.clamd.stop)
    for _, file_id, _ in begun:
        answer = await scene.ana.complete(file_id)
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert int(answer.headers["retry-after"]) > 0
        assert (await scene.ana.http.get(f"/v1/files/{file_id}/content")).status_code == 409
    await asyncio.to_thread(scene.clamd.start)
    assert [(await scene.ana.complete(one)).status_code for _, one, _ in begun] == [200, 422]


async def test_a_file_that_the_scanner_does_not_take_is_not_passed_on(scene: Scene) -> None:
    large = bytes(41 * MIB)
    file_id, url = await scene.ana.begin(scene.talk, large)
    await scene.ana.append(url, 0, large)
    answer = await scene.ana.complete(file_id)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert "StreamMaxLength" in answer.json()["detail"]
    assert (await scene.ana.http.get(f"/v1/files/{file_id}/content")).status_code == 410
    assert scene.objects_of(file_id) == []


@pytest.mark.parametrize(
    ("words", "url", "told"),
    [
        (("serve",), "unix:///nowhere/clamd", "start clamd"),
        (("serve",), "tcp://", "names no place"),
        (("run", "files"), "tcp://", "names no place"),
        (("run", "files"), "tcp://host:port", "names no place"),
        (("run", "files"), "http://host", "use tcp:// or unix://"),
    ],
)
async def test_a_scanner_that_is_not_there_stops_the_start(
    tmp_path: Path, words: tuple[str, ...], url: str, told: str
) -> None:
    words = (*words, "--port", "0", "--data-dir", str(tmp_path / "data"))
    ended = await asyncio.to_thread(run, *words, settings={"clamav_url": url})
    assert ended.returncode == 2
    [line] = ended.stderr.splitlines()
    assert "CHAT4ALL_CLAMAV_URL" in line
    assert told in line


async def test_the_role_files_waits_for_a_scanner_that_is_not_there_yet(tmp_path: Path) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\0")
        writer.write(b"PONG\0")
        writer.close()

    port = free_port()
    settings = {"CHAT4ALL_CLAMAV_URL": f"tcp://127.0.0.1:{port}"}
    (tmp_path / "data").mkdir()
    role = Role(("run", "files"), tmp_path, settings)
    await role.launch()
    try:
        await until(lambda: "CHAT4ALL_CLAMAV_URL" in role.output.read_text())
        assert not await role.is_ready()
        async with await asyncio.start_server(answer, "127.0.0.1", port):
            await role.is_up()
    finally:
        await role.stop()
