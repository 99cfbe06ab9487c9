"""Fetches a file in parts, and goes on where it broke off."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO, Protocol

import httpx

from chat4all.client.connection import bearer_of
from chat4all.client.errors import ClientError
from chat4all.client.transfer import BrokenOff, Moved, Patience, check, sha256_of


class Damaged(ClientError):
    """What came is not what was stored; nothing of it was kept."""


class Streams(Protocol):
    """Calls on behalf of somebody, whose answers come bit by bit."""

    async def token(self, *, instead_of: str | None = None) -> str:
        """Return an access token, another than `instead_of`."""
        ...

    def stream(
        self, url: str, headers: Mapping[str, str]
    ) -> AbstractAsyncContextManager[httpx.Response]:
        """Give the answer to a GET before its body came, whatever it is."""
        ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to fetch; `size` is in bytes, `checksum` is `sha256:<hex>`."""

    file_id: str
    size: int
    checksum: str


async def fetch(
    calls: Streams, wanted: Wanted, target: Path, moved: Callable[[str], Moved]
) -> None:
    """Fetch a file to `target`, which it is called once its checksum was found to be right.

    Until then it is called `<name>.part`; one that is there already is gone on with. `moved`
    is asked at the begin of `downloading` and of `checking` whom to tell how far it is.
    Raises `Damaged`, `Refused`, `NotReached`.
    """
    part = target.with_name(f"{target.name}.part")
    for _ in range(2):  # what was left of an earlier try may be damaged, or of another file
        await _Download(calls, wanted).into(part, moved("downloading"))
        if await sha256_of(part, moved("checking")) == wanted.checksum:
            part.replace(target)
            return
        part.unlink()
    raise Damaged("what came is not what was stored; nothing of it was kept")


class _Download:
    def __init__(self, calls: Streams, wanted: Wanted) -> None:
        self._calls = calls
        self._path = f"/v1/files/{wanted.file_id}/content"
        self._etag = f'"{wanted.checksum}"'
        self._size = wanted.size
        self._patience = Patience()

    async def into(self, part: Path, moved: Moved) -> None:
        """Fetch what is missing of `part`; it is on the disk then."""
        with await asyncio.to_thread(part.open, "ab") as file:
            if file.tell() > self._size:
                file.truncate(0)
            while (at := os.fstat(file.fileno()).st_size) < self._size:
                moved(at)
                try:
                    await self._fetch(file, at, moved)
                except BrokenOff as cause:
                    await self._patience.wait(cause)
            os.fsync(file.fileno())

    async def _fetch(self, file: BinaryIO, at: int, moved: Moved) -> None:
        wanted = {"Range": f"bytes={at}-", "If-Range": self._etag} if at else {}
        try:
            async with self._calls.stream(self._path, wanted) as answer:
                if answer.is_error:
                    await answer.aread()
                    await self._refused(answer)
                if answer.status_code != HTTPStatus.PARTIAL_CONTENT:
                    file.truncate(0)
                async for piece in _within(answer, self._size):
                    file.write(piece)
                    file.flush()
                    self._patience.progressed()
                    moved(os.fstat(file.fileno()).st_size)
        except httpx.TransportError as error:
            raise BrokenOff(f"the server does not answer: {error or 'it hung up'}") from error

    async def _refused(self, answer: httpx.Response) -> None:
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            await self._calls.token(instead_of=bearer_of(answer))
            raise BrokenOff("the sign-in has ended")
        check(answer)


async def _within(answer: httpx.Response, size: int) -> AsyncIterator[bytes]:
    """Yield the body; more than the file has is no file of ours."""
    came = 0
    async for piece in answer.aiter_raw():
        came += len(piece)
        if came > size:
            raise Damaged("the server sends more than the file has")
        yield piece
