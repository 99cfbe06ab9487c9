"""HTTP written by hand: what no client library would send."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def problem(self) -> dict[str, Any]:
        """Return the problem details that this must be."""
        assert self.headers["content-type"] == "application/problem+json", self.body
        found: dict[str, Any] = json.loads(self.body)
        assert found["status"] == self.status
        return found

    def pointers(self) -> list[str]:
        return [one["pointer"] for one in self.problem()["errors"]]


@asynccontextmanager
async def wire(
    address: Address,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Open a connection; the block's end closes it, whatever it was in the middle of."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def send(
    address: Address,
    path: str,
    body: bytes,
    *,
    token: str = "",
    media_type: str = "application/json",
    method: str = "POST",
) -> Answer:
    """Make one request with this very body."""
    async with wire(address) as (reader, writer):
        writer.write(
            head(path, length=len(body), token=token, media_type=media_type, method=method)
        )
        writer.write(body)
        return await read_answer(reader)


def head(
    path: str,
    *,
    length: int | None = None,
    token: str = "",
    media_type: str = "application/json",
    method: str = "POST",
) -> bytes:
    """Return the head of a request, with its empty line."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Type: {media_type}"]
    lines += [f"Authorization: Bearer {token}"] if token else []
    lines += ["Transfer-Encoding: chunked"] if length is None else [f"Content-Length: {length}"]
    return "\r\n".join([*lines, "", ""]).encode()


async def read_answer(reader: asyncio.StreamReader, *, within: float = 15.0) -> Answer:
    """Read one answer with a Content-Length."""
    async with asyncio.timeout(within):
        top = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        named = (line.partition(":") for line in top[1:] if line)
        headers = {name.lower(): value.strip() for name, _, value in named}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Answer(int(top[0].split()[1]), headers, body)
