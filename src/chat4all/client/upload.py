"""Sends a file by tus 1.0.0, and goes on where it broke off.

Our own client, since it is little code: tuspy blocks, and aiotus brings a second HTTP client.
https://tus.io/protocols/resumable-upload
"""

from __future__ import annotations

import asyncio
import mimetypes
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path

import httpx

from chat4all.client.connection import bearer_of
from chat4all.client.errors import ClientError
from chat4all.client.transfer import PIECE, BrokenOff, Calls, Moved, Patience, check

_TUS = {"Tus-Resumable": "1.0.0"}
_BYTES = {**_TUS, "Content-Type": "application/offset+octet-stream"}
_SHOWN_AS = ("image", "video", "audio")
_LOST = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)


class UploadLost(ClientError):
    """The server knows nothing of this upload any more; a new one has to begin."""


class FileChanged(ClientError):
    """The file became shorter while it was sent."""


def mime_type_of(path: Path) -> str:
    """Return the media type that a file's name tells; its bytes decide in the end."""
    return mimetypes.guess_type(path.name)[0] or "application/octet-stream"


def shown_as(mime_type: str) -> str:
    """Return the type of the payload that shows such a file."""
    kind = mime_type.partition("/")[0]
    return kind if kind in _SHOWN_AS else "document"


class Upload:
    """One file on its way to `url`, `chunk` bytes a request."""

    def __init__(self, api: Calls, url: str, path: Path, *, size: int, chunk: int) -> None:
        self._api = api
        self._url = url
        self._path = path
        self._size = size
        self._chunk = chunk
        self._patience = Patience()

    async def offset(self) -> int:
        """Return how much the server has; waits for one that is away. Raises `UploadLost`."""
        while True:
            try:
                answer = await self._send("HEAD", _TUS)
                return int(answer.headers["Upload-Offset"])
            except BrokenOff as cause:
                await self._patience.wait(cause)

    async def send(self, moved: Moved) -> None:
        """Send what is missing. Raises `UploadLost`, `FileChanged`, `Refused`, `NotReached`."""
        offset = await self.offset()
        while offset < self._size:
            moved(offset)
            try:
                offset = await self._append(offset, moved)
                self._patience.progressed()
            except BrokenOff as cause:
                await self._patience.wait(cause)
                offset = await self.offset()
        moved(offset)

    async def _append(self, offset: int, moved: Moved) -> int:
        end = min(offset + self._chunk, self._size)

        async def body() -> AsyncIterator[bytes]:
            with await asyncio.to_thread(self._path.open, "rb") as file:
                file.seek(offset)
                while left := end - file.tell():
                    piece = await asyncio.to_thread(file.read, min(PIECE, left))
                    if not piece:
                        raise FileChanged(f"{self._path} changed while it was sent")
                    yield piece
                    moved(file.tell())

        headers = {**_BYTES, "Upload-Offset": str(offset), "Content-Length": str(end - offset)}
        answer = await self._send("PATCH", headers, body())
        return int(answer.headers["Upload-Offset"])

    async def _send(
        self, method: str, headers: dict[str, str], content: AsyncIterator[bytes] | None = None
    ) -> httpx.Response:
        try:
            answer = await self._api.send(method, self._url, headers=headers, content=content)
        except httpx.TransportError as error:
            raise BrokenOff(f"the server does not answer: {error}") from error
        if answer.status_code in _LOST:
            raise UploadLost("the server no longer has this upload: begin a new one")
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            await self._api.token(instead_of=bearer_of(answer))
            raise BrokenOff("the sign-in has ended")
        check(answer)
        return answer
