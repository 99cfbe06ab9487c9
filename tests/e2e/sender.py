"""A client that sends files, as any tus client does."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from tests.e2e.account import Account

TUS = {"Tus-Resumable": "1.0.0"}
BYTES = {**TUS, "Content-Type": "application/offset+octet-stream"}


class Sender:
    """Somebody's file calls."""

    def __init__(self, http: httpx.AsyncClient, token: str) -> None:
        self.http = http
        self.token = token

    async def initiate(self, talk: str, data: bytes, **fields: Any) -> httpx.Response:
        """Announce a file."""
        given = {
            "name": "notes.bin",
            "size": len(data),
            "mime_type": "application/octet-stream",
            "checksum": f"sha256:{hashlib.sha256(data).hexdigest()}",
            "conversation_id": talk,
        }
        return await self.http.post("/v1/files/initiate", json={**given, **fields})

    async def begin(self, talk: str, data: bytes, **fields: Any) -> tuple[str, str]:
        """Announce a file; return its id and the address for its bytes."""
        begun = (await self.initiate(talk, data, **fields)).raise_for_status().json()
        return begun["file_id"], begun["upload_url"]

    async def append(self, url: str, offset: int, data: Any) -> httpx.Response:
        """Send bytes."""
        return await self.http.patch(
            url, headers={**BYTES, "Upload-Offset": str(offset)}, content=data
        )

    async def offset(self, url: str) -> int:
        """Ask how many bytes are kept."""
        return int((await self.http.head(url, headers=TUS)).headers["upload-offset"])

    async def complete(self, file_id: str) -> httpx.Response:
        """Say that all bytes are there."""
        return await self.http.post(f"/v1/files/{file_id}/complete")

    async def upload(self, talk: str, data: bytes, **fields: Any) -> str:
        """Send a whole file; return its id."""
        file_id, url = await self.begin(talk, data, **fields)
        (await self.append(url, 0, data)).raise_for_status()
        (await self.complete(file_id)).raise_for_status()
        return file_id


@asynccontextmanager
async def sender(url: str, account: Account) -> AsyncIterator[Sender]:
    """Return the file calls of an account."""
    headers = {"Authorization": f"Bearer {account.token}"}
    async with httpx.AsyncClient(
        base_url=url, trust_env=False, timeout=60.0, headers=headers
    ) as http:
        yield Sender(http, account.token)
