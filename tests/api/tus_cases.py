"""A list of cases of tus 1.0.0, each driven against any server of the protocol.

https://tus.io/protocols/resumable-upload
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import httpx

DATA = bytes(range(100))
BYTES = "application/offset+octet-stream"


@dataclass
class Endpoint:
    """A server of tus: where uploads are created, and what its creations must say beside."""

    http: httpx.AsyncClient
    url: str
    most: int
    metadata: Mapping[str, str] = field(default_factory=dict)

    async def call(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str | None] | None = None,
        body: bytes = b"",
    ) -> httpx.Response:
        """Make one call of the protocol; a header given as None is left out."""
        told = {"Tus-Resumable": "1.0.0", **(headers or {})}
        sent = {name: value for name, value in told.items() if value is not None}
        return await self.http.request(method, url, headers=sent, content=body)

    async def create(
        self, headers: Mapping[str, str | None] | None = None, body: bytes = b""
    ) -> httpx.Response:
        """Create an upload of DATA, unless `headers` say otherwise."""
        pairs = {"filename": "cat.bin", **self.metadata}
        encoded = [f"{k} {base64.b64encode(v.encode()).decode()}" for k, v in pairs.items()]
        told = {"Upload-Length": str(len(DATA)), "Upload-Metadata": ",".join(encoded)}
        return await self.call("POST", self.url, {**told, **(headers or {})}, body)

    async def begun(self, kept: int = 0) -> str:
        """Create an upload of DATA that has its first `kept` bytes; return its address."""
        made = await self.create()
        url = str(httpx.URL(self.url).join(made.headers["location"]))
        if kept:
            assert (await self.patch(url, 0, DATA[:kept])).status_code == 204
        return url

    async def patch(
        self,
        url: str,
        offset: int | None,
        body: bytes,
        headers: Mapping[str, str | None] | None = None,
    ) -> httpx.Response:
        """Send bytes of an upload."""
        at = {} if offset is None else {"Upload-Offset": str(offset)}
        return await self.call("PATCH", url, {"Content-Type": BYTES, **at, **(headers or {})}, body)


Run = Callable[[Endpoint], Awaitable[httpx.Response]]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One case: what is done, and what both servers must answer.

    `same` are headers that both must have with one value, `present` those that both must have.
    Where the reference answers another way, `reference` is its status and `why` the reason.
    """

    name: str
    run: Run
    status: int
    same: tuple[str, ...] = ("tus-resumable",)
    present: tuple[str, ...] = ()
    reference: int | None = None
    why: str = ""


async def _options(at: Endpoint) -> httpx.Response:
    return await at.call("OPTIONS", at.url, {"Tus-Resumable": None})


async def _created(at: Endpoint) -> httpx.Response:
    return await at.create()


async def _created_with_bytes(at: Endpoint) -> httpx.Response:
    return await at.create({"Content-Type": BYTES}, DATA[:40])


async def _created_whole(at: Endpoint) -> httpx.Response:
    return await at.create({"Content-Type": BYTES}, DATA)


async def _created_too_large(at: Endpoint) -> httpx.Response:
    return await at.create({"Upload-Length": str(at.most + 1)})


async def _created_without_length(at: Endpoint) -> httpx.Response:
    return await at.create({"Upload-Length": None})


async def _created_with_bad_length(at: Endpoint) -> httpx.Response:
    return await at.create({"Upload-Length": "many"})


async def _created_with_negative_length(at: Endpoint) -> httpx.Response:
    return await at.create({"Upload-Length": "-1"})


async def _created_with_bad_metadata(at: Endpoint) -> httpx.Response:
    return await at.create({"Upload-Metadata": "filename Y2F0,filename ZG9n"})


async def _created_with_deferred_length(at: Endpoint) -> httpx.Response:
    return await at.create({"Upload-Length": None, "Upload-Defer-Length": "1"})


async def _head(at: Endpoint) -> httpx.Response:
    return await at.call("HEAD", await at.begun(30))


async def _head_of_nothing(at: Endpoint) -> httpx.Response:
    return await at.call("HEAD", f"{at.url}/0195a000-0000-7000-8000-000000000001")


async def _patched(at: Endpoint) -> httpx.Response:
    return await at.patch(await at.begun(30), 30, DATA[30:60])


async def _patched_to_the_end(at: Endpoint) -> httpx.Response:
    return await at.patch(await at.begun(30), 30, DATA[30:])


async def _patched_nothing(at: Endpoint) -> httpx.Response:
    return await at.patch(await at.begun(30), 30, b"")


async def _patched_before_the_offset(at: Endpoint) -> httpx.Response:
    return await at.patch(await at.begun(30), 10, DATA[10:20])


async def _patched_after_the_offset(at: Endpoint) -> httpx.Response:
    return await at.patch(await at.begun(30), 40, DATA[40:50])


async def _patched_too_much(at: Endpoint) -> httpx.Response:
    return await at.patch(await at.begun(30), 30, DATA)


async def _patched_without_offset(at: Endpoint) -> httpx.Response:
    return await at.patch(await at.begun(), None, DATA)


async def _patched_with_bad_offset(at: Endpoint) -> httpx.Response:
    return await at.patch(await at.begun(), None, DATA, {"Upload-Offset": "here"})


async def _patched_as_another_type(at: Endpoint) -> httpx.Response:
    return await at.patch(await at.begun(), 0, DATA, {"Content-Type": "text/plain"})


async def _patched_nothing_there(at: Endpoint) -> httpx.Response:
    return await at.patch(f"{at.url}/0195a000-0000-7000-8000-000000000001", 0, DATA)


async def _patched_when_complete(at: Endpoint) -> httpx.Response:
    return await at.patch(await at.begun(len(DATA)), len(DATA), b"more")


async def _head_when_complete(at: Endpoint) -> httpx.Response:
    return await at.call("HEAD", await at.begun(len(DATA)))


def _sum_of(body: bytes) -> dict[str, str | None]:
    digest = hashlib.sha1(body, usedforsecurity=False).digest()
    return {"Upload-Checksum": f"sha1 {base64.b64encode(digest).decode()}"}


async def _patched_with_checksum(at: Endpoint) -> httpx.Response:
    return await at.patch(await at.begun(), 0, DATA[:50], _sum_of(DATA[:50]))


async def _patched_with_wrong_checksum(at: Endpoint) -> httpx.Response:
    return await at.patch(await at.begun(), 0, DATA[:50], _sum_of(DATA))


async def _head_after_wrong_checksum(at: Endpoint) -> httpx.Response:
    url = await at.begun(30)
    await at.patch(url, 30, DATA[30:60], _sum_of(DATA))
    return await at.call("HEAD", url)


async def _another_version(at: Endpoint) -> httpx.Response:
    return await at.patch(await at.begun(), 0, DATA, {"Tus-Resumable": "0.2.2"})


async def _no_version(at: Endpoint) -> httpx.Response:
    return await at.create({"Tus-Resumable": None})


async def _terminated(at: Endpoint) -> httpx.Response:
    return await at.call("DELETE", await at.begun(30))


async def _head_when_terminated(at: Endpoint) -> httpx.Response:
    url = await at.begun(30)
    await at.call("DELETE", url)
    return await at.call("HEAD", url)


async def _patched_when_terminated(at: Endpoint) -> httpx.Response:
    url = await at.begun(30)
    await at.call("DELETE", url)
    return await at.patch(url, 30, DATA[30:])


async def _terminated_nothing(at: Endpoint) -> httpx.Response:
    return await at.call("DELETE", f"{at.url}/0195a000-0000-7000-8000-000000000001")


async def _overridden(at: Endpoint) -> httpx.Response:
    headers = {"X-HTTP-Method-Override": "PATCH", "Content-Type": BYTES, "Upload-Offset": "0"}
    return await at.call("POST", await at.begun(), headers, DATA[:50])


async def _empty(at: Endpoint) -> httpx.Response:
    return await at.create({"Upload-Length": "0"})


CASES = (
    Case(
        name="options",
        run=_options,
        status=204,
        same=("tus-resumable", "tus-max-size"),
        present=("tus-version", "tus-extension"),
    ),
    Case(name="creation", run=_created, status=201, present=("location", "upload-expires")),
    Case(name="creation of an empty file", run=_empty, status=201, present=("location",)),
    Case(
        name="creation with the first bytes",
        run=_created_with_bytes,
        status=201,
        same=("tus-resumable", "upload-offset"),
        present=("location",),
    ),
    Case(
        name="creation with all bytes",
        run=_created_whole,
        status=201,
        same=("tus-resumable", "upload-offset"),
        present=("location",),
    ),
    Case(name="creation over Tus-Max-Size", run=_created_too_large, status=413),
    Case(name="creation without Upload-Length", run=_created_without_length, status=400),
    Case(
        name="creation with an Upload-Length that is no number",
        run=_created_with_bad_length,
        status=400,
    ),
    Case(
        name="creation with a negative Upload-Length", run=_created_with_negative_length, status=400
    ),
    Case(name="creation with a metadata key twice", run=_created_with_bad_metadata, status=400),
    Case(
        name="creation with Upload-Defer-Length",
        run=_created_with_deferred_length,
        status=400,
        reference=201,
        why="We do not offer creation-defer-length: quota and checksum are of a known size",
    ),
    Case(
        name="head",
        run=_head,
        status=200,
        same=("tus-resumable", "upload-offset", "upload-length", "cache-control"),
    ),
    Case(name="head of an unknown upload", run=_head_of_nothing, status=404),
    Case(
        name="head of a complete upload",
        run=_head_when_complete,
        status=200,
        same=("tus-resumable", "upload-offset", "upload-length"),
    ),
    Case(
        name="patch",
        run=_patched,
        status=204,
        same=("tus-resumable", "upload-offset"),
        present=("upload-expires",),
    ),
    Case(
        name="patch to the end",
        run=_patched_to_the_end,
        status=204,
        same=("tus-resumable", "upload-offset"),
    ),
    Case(
        name="patch of no bytes",
        run=_patched_nothing,
        status=204,
        same=("tus-resumable", "upload-offset"),
    ),
    Case(name="patch before the offset", run=_patched_before_the_offset, status=409),
    Case(name="patch after the offset", run=_patched_after_the_offset, status=409),
    Case(name="patch beyond the end", run=_patched_too_much, status=413),
    Case(name="patch of a complete upload", run=_patched_when_complete, status=413),
    Case(
        name="patch without Upload-Offset",
        run=_patched_without_offset,
        status=400,
        reference=403,
        why="tus names no status; a header that is missing is a bad request",
    ),
    Case(
        name="patch with an Upload-Offset that is no number",
        run=_patched_with_bad_offset,
        status=400,
    ),
    Case(
        name="patch of another content type",
        run=_patched_as_another_type,
        status=415,
        reference=400,
        why="tus says SHOULD 415",
    ),
    Case(name="patch of an unknown upload", run=_patched_nothing_there, status=404),
    Case(
        name="patch with its checksum",
        run=_patched_with_checksum,
        status=204,
        same=("tus-resumable", "upload-offset"),
    ),
    Case(
        name="patch with a wrong checksum",
        run=_patched_with_wrong_checksum,
        status=460,
        reference=204,
        why="It does not offer the checksum extension, and keeps the bytes",
    ),
    Case(name="head after a wrong checksum", run=_head_after_wrong_checksum, status=200),
    Case(
        name="another version",
        run=_another_version,
        status=412,
        same=("tus-version",),
        reference=400,
        why="tus says MUST 412",
    ),
    Case(
        name="no version",
        run=_no_version,
        status=412,
        same=("tus-version",),
        reference=412,
        why="tus says MUST name Tus-Version, which it does not",
    ),
    Case(name="termination", run=_terminated, status=204),
    Case(
        name="head of a terminated upload",
        run=_head_when_terminated,
        status=410,
        reference=404,
        why="tus allows both; ours knows that it was there",
    ),
    Case(
        name="patch of a terminated upload",
        run=_patched_when_terminated,
        status=410,
        reference=404,
        why="tus allows both; ours knows that it was there",
    ),
    Case(name="termination of an unknown upload", run=_terminated_nothing, status=404),
    Case(
        name="X-HTTP-Method-Override",
        run=_overridden,
        status=204,
        same=("tus-resumable", "upload-offset"),
        reference=400,
        why="tus says MUST interpret it; it takes the request for a creation",
    ),
)


async def _wait(at: Endpoint) -> str:
    url = await at.begun(30)
    await asyncio.sleep(EXPIRY_SECONDS * 2)
    return url


EXPIRY_SECONDS = 1.0


async def _head_when_expired(at: Endpoint) -> httpx.Response:
    return await at.call("HEAD", await _wait(at))


async def _patched_when_expired(at: Endpoint) -> httpx.Response:
    return await at.patch(await _wait(at), 30, DATA[30:])


EXPIRED = (
    Case(name="head of an expired upload", run=_head_when_expired, status=410),
    Case(name="patch of an expired upload", run=_patched_when_expired, status=410),
)
