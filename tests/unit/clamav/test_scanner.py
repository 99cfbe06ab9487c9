"""Files are scanned by a real clamd; one that could not be scanned is never called clean."""

from __future__ import annotations

import asyncio
import io
import signal
import zipfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from chat4all.adapters.clamav.scanner import ClamdScanner, Patience
from chat4all.domain.errors import ObjectNotFound, TooLarge, Unavailable
from chat4all.ports.media import Bytes
from tests.servers.clamd_server import EICAR, FOUND, ClamdServer, clamd_server

MIB = 1024**2


@pytest.fixture(scope="module")
def clamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClamdServer]:
    folder = tmp_path_factory.mktemp("clamd")
    with clamd_server(folder, "StreamMaxLength 4M", "MaxScanSize 3M", "AlertExceedsMax yes") as it:
        yield it


def pieces(*content: bytes) -> Bytes:
    async def read(*, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        for piece in content:
            yield piece

    return read


async def scan(url: str, *content: bytes) -> str | None:
    return await ClamdScanner(url).scan(pieces(*content), size=sum(map(len, content)))


@pytest.mark.parametrize("way", ["tcp", "unix"])
async def test_a_virus_is_found_and_a_clean_file_is_clean(clamd: ClamdServer, way: str) -> None:
    url = getattr(clamd, way)
    assert await scan(url, b"hello") is None
    assert await scan(url) is None
    assert await scan(url, EICAR) == FOUND
    assert await scan(url, bytes(MIB), b"", EICAR[:20], EICAR[20:], bytes(MIB)) == FOUND


async def test_a_virus_in_an_archive_is_found(clamd: ClamdServer) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("letter.txt", EICAR)
    assert EICAR not in out.getvalue()
    assert await scan(clamd.unix, out.getvalue()) == FOUND


@pytest.mark.parametrize("way", ["tcp", "unix"])
async def test_a_file_that_the_scanner_does_not_take_is_not_called_clean(
    clamd: ClamdServer, way: str
) -> None:
    for _ in range(5):  # it hangs up in mid-stream, sooner or later
        with pytest.raises(TooLarge, match="StreamMaxLength"):
            await scan(getattr(clamd, way), *[bytes(MIB)] * 64)


async def test_a_file_that_would_be_scanned_in_part_is_not_called_clean(
    clamd: ClamdServer,
) -> None:
    noise = bytes(range(256)) * 4096
    with pytest.raises(TooLarge, match="MaxScanSize"):
        await scan(clamd.unix, noise, noise, noise, noise[: MIB // 2])


async def test_many_files_are_scanned_side_by_side(clamd: ClamdServer) -> None:
    scanner = ClamdScanner(clamd.tcp)
    files = [EICAR if number % 3 == 0 else bytes(1000) for number in range(30)]
    found = await asyncio.gather(*(scanner.scan(pieces(one), size=len(one)) for one in files))
    assert found == [FOUND if one is EICAR else None for one in files]


async def test_while_the_scanner_is_away_nothing_is_called_clean(tmp_path: Path) -> None:
    with clamd_server(tmp_path) as clamd:
        scanner = ClamdScanner(clamd.unix)
        await scanner.ping()
        await asyncio.to_thread(clamd.stop)
        for url in (clamd.unix, clamd.tcp, "tcp://no-such-host.invalid:3310"):
            with pytest.raises(Unavailable, match="unscanned"):
                await scan(url, b"hello")
        with pytest.raises(Unavailable):
            await scanner.ping()
        await asyncio.to_thread(clamd.start)
        assert await scanner.scan(pieces(EICAR), size=len(EICAR)) == FOUND


async def test_a_scanner_that_dies_over_a_file_has_not_called_it_clean(tmp_path: Path) -> None:
    with clamd_server(tmp_path) as clamd:

        async def read(*, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
            yield b"hello"
            await asyncio.to_thread(clamd.stop)
            yield b"world"

        with pytest.raises(Unavailable, match=r"hung up|reset|refused"):
            await ClamdScanner(clamd.unix).scan(read, size=10)


async def test_a_scanner_that_hangs_is_not_waited_for(tmp_path: Path) -> None:
    with clamd_server(tmp_path) as clamd:
        clamd.signal(signal.SIGSTOP)
        patience = Patience(connect=5.0, piece=0.2, answer=0.2)
        scanner = ClamdScanner(clamd.unix, patience)
        for content in ([b"hello"], [bytes(MIB)] * 4):
            with pytest.raises(Unavailable, match="within"):
                await scanner.scan(pieces(*content), size=5)
        clamd.signal(signal.SIGCONT)


async def test_what_goes_wrong_in_the_store_goes_on_to_the_caller(clamd: ClamdServer) -> None:
    async def read(*, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        yield b"hello"
        raise ObjectNotFound("gone")

    scanner = ClamdScanner(clamd.unix)
    for _ in range(10):  # more than may be scanned at a time: none stays in the way
        with pytest.raises(ObjectNotFound):
            await scanner.scan(read, size=10)
    assert await scanner.scan(pieces(EICAR), size=len(EICAR)) == FOUND


async def test_a_file_that_was_called_clean_before_its_end_is_not() -> None:
    async def hasty(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"stream: OK\0")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(hasty, "127.0.0.1", 0)
    async with server:
        url = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(Unavailable):
            await scan(url, *[bytes(MIB)] * 64)


async def test_something_that_is_no_scanner_calls_nothing_clean() -> None:
    async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad\x1b[31m Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(web, "127.0.0.1", 0)
    async with server:
        url = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(Unavailable, match=r"HTTP/1\.1 400") as caught:
            await scan(url, b"hello")
        assert "\x1b" not in str(caught.value)
        with pytest.raises(Unavailable, match="ping"):
            await ClamdScanner(url).ping()
