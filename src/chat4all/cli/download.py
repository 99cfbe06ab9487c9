"""Fetches a file in parts, and goes on where it broke off."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO

import httpx

from chat4all.cli.api import Api
from chat4all.cli.bar import Bar
from chat4all.cli.failure import CommandFailed
from chat4all.cli.terminal import clean
from chat4all.client.transfer import BrokenOff, Moved, Patience, check, sha256_of


async def download(api: Api, file_id: str, output: Path | None, bar: Bar) -> Path:
    """Return where the file lies, once its checksum was found to be right.

    Until then it is called `<name>.part`; one that is there already is gone on with.
    """
    info = await api.get(f"/v1/files/{file_id}")
    if info["state"] != "ready":
        detail = info.get("error", {}).get("detail")
        raise CommandFailed(detail or f"the file has no bytes to read: it is {info['state']}")
    target = _target(info, output)
    size = info["size"]
    if target.exists():
        if await _is_the_same(target, info, bar):
            return target
        raise CommandFailed(f"{target} is there already; name another file with -o")
    part = target.with_name(f"{target.name}.part")
    for _ in range(2):  # what was left of an earlier try may be damaged, or of another file
        moved = bar.phase("downloading", size)
        await _Download(api, file_id, info["checksum"], size).into(part, moved)
        if await sha256_of(part, bar.phase("checking", size)) == info["checksum"]:
            part.replace(target)
            return target
        part.unlink()
    raise CommandFailed("what came is not what was stored; nothing of it was kept")


class _Download:
    def __init__(self, api: Api, file_id: str, checksum: str, size: int) -> None:
        self._api = api
        self._path = f"/v1/files/{file_id}/content"
        self._etag = f'"{checksum}"'
        self._size = size
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
            async with self._api.stream(self._path, wanted) as answer:
                if answer.is_error:
                    await answer.aread()
                    check(answer)
                if answer.status_code != HTTPStatus.PARTIAL_CONTENT:
                    file.truncate(0)
                async for piece in _within(answer, self._size):
                    file.write(piece)
                    file.flush()
                    self._patience.progressed()
                    moved(os.fstat(file.fileno()).st_size)
        except httpx.TransportError as error:
            raise BrokenOff(f"the server does not answer: {error or 'it hung up'}") from error


async def _within(answer: httpx.Response, size: int) -> AsyncIterator[bytes]:
    """Yield the body; more than the file has is no file of ours."""
    came = 0
    async for piece in answer.aiter_raw():
        came += len(piece)
        if came > size:
            raise CommandFailed("the server sends more than the file has")
        yield piece


def _target(info: dict[str, Any], output: Path | None) -> Path:
    name = Path(clean(info["name"]).replace("\n", " ").replace("\\", "/")).name
    named = name if name not in ("", ".", "..") else info["id"]
    if output is None:
        return Path(named)
    return output / named if output.is_dir() else output


async def _is_the_same(target: Path, info: dict[str, Any], bar: Bar) -> bool:
    if _size_of(target) != info["size"]:
        return False
    return await sha256_of(target, bar.phase("checking", info["size"])) == str(info["checksum"])


def _size_of(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() else None
