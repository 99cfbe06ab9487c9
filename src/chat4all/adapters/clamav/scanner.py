"""Asks clamd about files: they are streamed to it, and nothing is written on the way.

https://docs.clamav.net/manual/Usage/ClamdProtocol.html
"""

from __future__ import annotations

import asyncio
import select
import socket
import struct
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from chat4all.domain.errors import TooLarge, Unavailable
from chat4all.ports.media import Bytes

T = TypeVar("T")

DEFAULT_PORT = 3310
AT_ONCE = 4
"""Files that are streamed at a time; clamd itself has ten threads unless told otherwise."""
RETRY_AFTER = 10.0
_REPLY_BYTES = 4096
_END = struct.pack(">I", 0)
_TOO_LARGE = ("size limit exceeded", "Heuristics.Limits.Exceeded")
"""What clamd says of a file over `StreamMaxLength`, and with `AlertExceedsMax` of one that it
would otherwise call clean without having looked at the whole of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds: for a connection, for each piece to be taken, and for the answer at the end."""

    connect: float = 5.0
    piece: float = 30.0
    answer: float = 300.0


class ClamdScanner:
    """One clamd, at `tcp://HOST:PORT` or `unix:///PATH`. Holds no connection between files."""

    def __init__(self, url: str, patience: Patience | None = None) -> None:
        self._url = url
        self._patience = patience or Patience()
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def ping(self) -> None:
        """Ask whether it is there. Raises `Unavailable`."""
        async with self._connection() as clamd:
            await self._in_time(clamd.send(b"zPING\0"), self._patience.piece)
            answer = await self._in_time(clamd.reply(), self._patience.piece)
        if answer != "PONG":
            raise self._unavailable(f"it answers {answer!r} to a ping")

    async def scan(self, data: Bytes, *, size: int) -> str | None:
        """Return the name of what was found, or None for clean."""
        async with self._turn, self._connection() as clamd:
            await self._in_time(clamd.send(b"zINSTREAM\0"), self._patience.piece)
            whole = await self._stream(data, clamd)
            answer = await self._in_time(clamd.reply(), self._patience.answer)
        return self._verdict(answer, size, whole=whole)

    async def _stream(self, data: Bytes, clamd: _Connection) -> bool:
        """Send the file as far as it wants to hear it; say whether that was to the end."""
        async for piece in data():
            if not piece:
                continue  # would be the end of the file
            message = struct.pack(">I", len(piece)) + piece
            if clamd.spoke or not await self._in_time(clamd.offer(message), self._patience.piece):
                return False
        return await self._in_time(clamd.offer(_END), self._patience.piece)

    def _verdict(self, answer: str, size: int, *, whole: bool) -> str | None:
        said = answer.removeprefix("stream: ")
        if any(sign in said for sign in _TOO_LARGE):
            raise TooLarge(
                f"the virus scanner does not take a file of {size} bytes; raise StreamMaxLength, "
                "MaxScanSize and MaxFileSize in clamd.conf"
            )
        if said == "OK" and whole:
            return None
        if said.endswith(" FOUND"):
            return said.removesuffix(" FOUND")
        raise self._unavailable(f"it answers {said!r}" if said else "it hung up")

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[_Connection]:
        connection = await self._in_time(_connect(self._url), self._patience.connect)
        try:
            yield connection
        finally:
            connection.close()

    async def _in_time(self, work: Awaitable[T], seconds: float) -> T:
        try:
            async with asyncio.timeout(seconds):
                return await work
        except TimeoutError as error:
            raise self._unavailable(f"it did not answer within {seconds:g} seconds") from error
        except OSError as error:
            raise self._unavailable(error.strerror or str(error)) from error

    def _unavailable(self, why: str) -> Unavailable:
        return Unavailable(
            f"the virus scanner at {self._url} cannot be asked, and no file is passed on "
            f"unscanned: {why}",
            retry_after=RETRY_AFTER,
        )


class _Connection:
    """A socket on which the other side may speak, and hang up, before it was told everything.

    A stream of asyncio would lose that last word when a write fails.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._loop = asyncio.get_running_loop()
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)

    @property
    def spoke(self) -> bool:
        """Say whether something came that was not read."""
        return bool(self._poll.poll(0))

    async def send(self, message: bytes) -> None:
        """Send all of it."""
        await self._loop.sock_sendall(self._socket, message)

    async def offer(self, message: bytes) -> bool:
        """Send all of it; False when nobody listens any more."""
        try:
            await self.send(message)
        except ConnectionError:
            return False
        return True

    async def reply(self) -> str:
        """Return what it says; nothing when it hung up instead."""
        said = b""
        while b"\0" not in said and len(said) < _REPLY_BYTES:
            try:
                piece = await self._loop.sock_recv(self._socket, _REPLY_BYTES)
            except ConnectionError:
                break
            if not piece:
                break
            said += piece
        text = said.partition(b"\0")[0].decode("utf-8", "replace")
        return "".join(char if char.isprintable() else "\ufffd" for char in text)

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


async def _connect(url: str) -> _Connection:
    """Connect to the first address that answers."""
    refused: OSError | None = None
    for family, address in await _addresses(url):
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)  # noqa: FBT003 - it is how sockets are told
            await asyncio.get_running_loop().sock_connect(sock, address)
        except BaseException as error:
            sock.close()
            if not isinstance(error, OSError):
                raise
            refused = error
        else:
            return _Connection(sock)
    raise refused or OSError("it has no address")


async def _addresses(url: str) -> list[tuple[socket.AddressFamily, Any]]:
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return [(socket.AF_UNIX, unquote(parts.path))]
    found = await asyncio.get_running_loop().getaddrinfo(
        parts.hostname, parts.port or DEFAULT_PORT, type=socket.SOCK_STREAM
    )
    return [(family, address) for family, _, _, _, address in found]
