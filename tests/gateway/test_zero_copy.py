"""Files leave by sendfile, where they can."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
import uvloop
from uvicorn.server import ServerState

from chat4all.adapters.localfs import object_store
from chat4all.adapters.localfs.object_store import LocalFsObjectStore
from chat4all.bootstrap import zero_copy
from chat4all.bootstrap.http_protocol import BoundedHttpProtocol
from chat4all.bootstrap.zero_copy import can_send_parts
from chat4all.gateway.rest.file_response import ZERO_COPY, FileBody
from chat4all.ports.object_store import FilePart, ObjectKey
from tests.gateway.wire import Wire
from tests.gateway.world import Person, World, upload

KEY = ObjectKey("a/file")
DATA, SMALL = os.urandom(1 << 20) * 9 + b"the end", os.urandom(10_000)
GET = b"GET /%d HTTP/1.1\r\nhost: here\r\n\r\n"
LOOPS = {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}


class Site:
    """A server of one file, which counts its requests at work and its parts."""

    def __init__(self, folder: Path) -> None:
        self.store = LocalFsObjectStore(folder)
        self.folder = folder
        self.parts: list[FilePart] = []
        self.has_read = False
        self.working = 0

    async def serve(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer with the file, from the place that the path names; with POST twice, read first."""
        start = int(scope["path"][1:])
        if scope["method"] == "POST":
            await self._twice(send)
            return
        headers = {"Content-Length": str(len(DATA) - start)}
        body = FileBody(
            lambda: self._read(start),
            parts=lambda: self._noted(start),
            status_code=200,
            headers=headers,
        )
        self.working += 1
        try:
            await body.to_asgi_response()(scope, receive, send)
        finally:
            self.working -= 1

    async def _twice(self, send: Any) -> None:
        length = b"%d" % (2 * len(DATA))
        headers = [(b"content-length", length)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": DATA, "more_body": True})
        async for part in self.store.parts(KEY):
            place = {"file": part.descriptor, "offset": part.start, "count": len(part)}
            await send({"type": ZERO_COPY, **place, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _noted(self, start: int) -> AsyncGenerator[FilePart, None]:
        async for part in self.store.parts(KEY, start=start, end=len(DATA)):
            self.parts.append(part)
            yield part

    async def _read(self, start: int) -> AsyncGenerator[bytes, None]:
        self.has_read = True
        async for piece in self.store.read(KEY, start=start, end=len(DATA)):
            yield piece

    async def is_idle(self) -> None:
        """Return once no request is at work and no file is open."""
        async with asyncio.timeout(10):
            while True:
                if not self.working and str(self.folder) not in " ".join(_open_files()):
                    return
                await asyncio.sleep(0.01)


def _open_files() -> list[str]:
    found = []
    for one in Path("/proc/self/fd").iterdir():
        try:
            found.append(str(one.readlink()))
        except FileNotFoundError:
            continue  # that of the listing itself
    return found


def _config(application: Any) -> uvicorn.Config:
    config = uvicorn.Config(
        application,
        http=BoundedHttpProtocol,
        interface="asgi3",
        lifespan="off",
        log_config=None,
    )
    config.load()
    return config


@asynccontextmanager
async def running(site: Site) -> AsyncIterator[int]:
    config = _config(site.serve)
    state, loop = ServerState(), asyncio.get_running_loop()
    async with site.store as store:
        token = await store.uploads.begin(KEY, size=len(DATA), mime_type="text/plain")
        await store.uploads.append(token, 0, _pieces())
        await store.uploads.complete(token)
        server = await loop.create_server(
            lambda: BoundedHttpProtocol(config, state, {}, loop), "127.0.0.1", 0
        )
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for connection in list(state.connections):
                connection.transport.abort()
            await site.is_idle()


async def _pieces() -> AsyncIterator[bytes]:
    yield DATA


async def connected(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect with a client that takes little at a time."""
    link = socket.socket()
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    link.setblocking(False)  # noqa: FBT003 - no keyword is taken
    await asyncio.get_running_loop().sock_connect(link, ("127.0.0.1", port))
    return await asyncio.open_connection(sock=link, limit=65_536)


async def fetched(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, start: int) -> bytes:
    writer.write(GET % start)
    head = await reader.readuntil(b"\r\n\r\n")
    assert b"content-length: %d" % (len(DATA) - start) in head
    return await reader.readexactly(len(DATA) - start)


@pytest.fixture(params=LOOPS)
def run(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[Site, int], Awaitable[None]]], None]:
    """Run a test beside a site with parts of 4 MiB, on each of the loops."""
    monkeypatch.setattr(object_store, "PART_BYTES", 4 << 20)

    def run_one(test: Callable[[Site, int], Awaitable[None]]) -> None:
        async def whole() -> None:
            site = Site(tmp_path)
            async with running(site) as port:
                await test(site, port)

        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            runner.run(asyncio.wait_for(whole(), 60))

    return run_one


Run = Callable[[Callable[[Site, int], Awaitable[None]]], None]


def test_a_file_comes_as_it_is_from_any_place_over_one_connection(run: Run) -> None:
    async def test(site: Site, port: int) -> None:
        reader, writer = await connected(port)
        for start in (0, 5_000_003, len(DATA) - 1, 0):
            assert await fetched(reader, writer, start) == DATA[start:]
        assert len(site.parts) == 3 + 2 + 1 + 3
        assert not site.has_read
        writer.close()

    run(test)


def test_what_was_written_before_comes_before(run: Run) -> None:
    async def test(site: Site, port: int) -> None:
        del site
        reader, writer = await connected(port)
        writer.write((GET % 0).replace(b"GET", b"POST"))
        await asyncio.sleep(0.2)  # it can not all be on its way
        await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(2 * len(DATA)) == DATA + DATA
        writer.close()

    run(test)


def test_a_slow_client_holds_nobody_up(run: Run) -> None:
    async def test(site: Site, port: int) -> None:
        slow = [await connected(port) for _ in range(40)]
        for _, writer in slow:
            writer.write(GET % 0)
        quick, to_quick = await connected(port)
        async with asyncio.timeout(10):
            assert await fetched(quick, to_quick, 0) == DATA
        assert site.working == len(slow)
        for reader, writer in slow[:3]:
            await reader.readuntil(b"\r\n\r\n")
            assert await reader.readexactly(len(DATA)) == DATA
            writer.close()
        for _, writer in slow[3:]:
            writer.transport.abort()
        to_quick.close()

    run(test)


def test_a_client_that_leaves_is_left_without_a_word(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(site: Site, port: int) -> None:
        for leave in ("abort", "close"):
            reader, writer = await connected(port)
            writer.write(GET % 0)
            await reader.readuntil(b"\r\n\r\n")
            getattr(writer.transport, leave)()
            await site.is_idle()

        assert len(site.parts) <= 2 * 2, "of three each: who is gone is given no more"

    run(test)
    assert complaints(caplog) == []


def complaints(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [one for one in caplog.records if one.levelno >= logging.WARNING]


def test_a_client_that_takes_nothing_is_cut_off(
    run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(zero_copy, "SEND_SECONDS", 0.2)

    async def test(site: Site, port: int) -> None:
        reader, writer = await connected(port)
        writer.write(GET % 0)
        await reader.readuntil(b"\r\n\r\n")
        await site.is_idle()
        assert len(await reader.read()) < len(DATA)
        assert len(site.parts) <= 2
        writer.close()

    run(test)
    assert complaints(caplog) == []


def test_a_client_that_keeps_the_pace_gets_all_however_long_it_takes(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zero_copy, "SEND_SECONDS", 0.5)
    monkeypatch.setattr(zero_copy, "PACE_BYTES", 65_536)

    async def test(site: Site, port: int) -> None:
        del site
        reader, writer = await connected(port)
        writer.write(GET % 0)
        await reader.readuntil(b"\r\n\r\n")
        came = b""
        while len(came) < len(DATA):
            await asyncio.sleep(0.1)
            came += await reader.readexactly(min(1 << 19, len(DATA) - len(came)))
        assert came == DATA
        writer.close()

    run(test)


def test_a_file_that_got_shorter_ends_the_connection(run: Run) -> None:
    async def test(site: Site, port: int) -> None:
        [path] = (site.folder / "objects").iterdir()
        original = site.store.parts

        async def shortened(*args: Any, **kwargs: Any) -> AsyncIterator[FilePart]:
            async for part in original(*args, **kwargs):
                os.truncate(path, 1_000_000)
                yield part

        site.store.parts = shortened  # type: ignore[method-assign]
        reader, writer = await connected(port)
        writer.write(GET % 0)
        await reader.readuntil(b"\r\n\r\n")
        assert await reader.read() == DATA[:1_000_000]
        writer.close()

    run(test)


def test_parts_are_taken_over_plain_tcp_alone() -> None:
    class Encrypted(Wire):
        def get_extra_info(self, name: str, default: Any = None) -> Any:
            return {"socket": object(), "sslcontext": object()}.get(name, default)

    assert not can_send_parts(Wire())
    assert not can_send_parts(Encrypted())


async def test_the_store_tells_a_part_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_store, "PART_BYTES", 100)
    site = Site(tmp_path)
    async with running(site):
        told = [
            (one.start, one.end, os.pread(one.descriptor, len(one), one.start))
            async for one in site.store.parts(KEY, start=50, end=300)
        ]
    assert told == [
        (at, min(at + 100, 300), DATA[at : min(at + 100, 300)]) for at in (50, 150, 250)
    ]


@pytest.mark.parametrize(("asked", "start", "end"), [("", 0, len(SMALL)), ("bytes=5-99", 5, 100)])
async def test_the_content_of_a_file_is_given_in_parts_to_who_may_read_it(
    world: World, ana: Person, group: str, asked: str, start: int, end: int
) -> None:
    parts = 0

    async def server(scope: Any, receive: Any, send: Any) -> None:
        """Take parts, and hand their bytes on to a client that knows of none."""

        async def sent(message: Any) -> None:
            nonlocal parts
            if message["type"] == ZERO_COPY:
                parts += 1
                body = os.pread(message["file"], message["count"], message["offset"])
                message = {"type": "http.response.body", "body": body, "more_body": True}
            await send(message)

        await world.app({**scope, "extensions": {ZERO_COPY: {}}}, receive, sent)

    file_id = await upload(ana, group, SMALL)
    transport = httpx.ASGITransport(server)
    async with httpx.AsyncClient(transport=transport, base_url=ana.http.base_url) as http:
        path = f"/v1/files/{file_id}/content"
        assert (await http.get(path)).status_code == 401
        headers = {**ana.http.headers, **({"Range": asked} if asked else {})}
        answer = await http.get(path, headers=headers)
    assert (answer.content, parts) == (SMALL[start:end], 1)
