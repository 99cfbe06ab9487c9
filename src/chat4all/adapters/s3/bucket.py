"""The calls that are made to a bucket, typed, with errors of our own."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from chat4all.adapters.s3.errors import translated

MOST_PARTS = 10_000
LISTED_AT_ONCE = 1000
_ABOUT_THE_UPLOAD = "upload"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a multipart upload as the server has it."""

    number: int
    size: int
    etag: str
    sha256: str | None

    def as_named(self) -> dict[str, object]:
        """Return it as a complete request names it."""
        checksum = {"ChecksumSHA256": self.sha256} if self.sha256 else {}
        return {"PartNumber": self.number, "ETag": self.etag, **checksum}


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What is known of an object; `upload` is the upload of ours that it came from."""

    size: int
    etag: str
    modified_at: datetime
    upload: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Small:
    """An object read whole, and the time that the server had then."""

    body: bytes
    etag: str
    modified_at: datetime
    now: datetime


class Bucket:
    """One bucket through one client of the library; all keys are below `prefix`.

    Each call raises `Unavailable` and `StorageFull`, and `Absent`, `Refused` or `OutOfRange`
    where its docstring says so.
    """

    def __init__(self, client: Any, name: str, prefix: str = "") -> None:
        self._client = client
        self._name = name
        self._prefix = prefix

    async def check(self) -> None:
        """Ask whether the bucket is there and we may use it. Raises `Absent`."""
        with translated():
            await self._client.head_bucket(Bucket=self._name)

    async def head(self, key: str) -> Head:
        """Return what is known of an object. Raises `Absent`."""
        with translated():
            found = await self._client.head_object(Bucket=self._name, Key=self._prefix + key)
        return Head(
            size=found["ContentLength"],
            etag=found["ETag"],
            modified_at=found["LastModified"],
            upload=found.get("Metadata", {}).get(_ABOUT_THE_UPLOAD, ""),
        )

    async def get_small(self, key: str) -> Small:
        """Read a whole object that fits in memory. Raises `Absent`."""
        with translated():
            found = await self._client.get_object(Bucket=self._name, Key=self._prefix + key)
            body = await found["Body"].read()
        return Small(
            body=body,
            etag=found["ETag"],
            modified_at=found["LastModified"],
            now=parsedate_to_datetime(found["ResponseMetadata"]["HTTPHeaders"]["date"]),
        )

    async def get(self, key: str, byte_range: str | None, piece: int) -> AsyncIterator[bytes]:
        """Stream an object or a range of it. Raises `Absent`, `OutOfRange`."""
        wanted = {"Range": byte_range} if byte_range else {}
        with translated():
            found = await self._client.get_object(
                Bucket=self._name, Key=self._prefix + key, **wanted
            )
            body = found["Body"]
            try:
                async for got in body.content.iter_chunked(piece):
                    yield got
            finally:
                body.close()

    async def put(
        self, key: str, body: bytes, *, if_absent: bool = False, if_etag: str | None = None
    ) -> str:
        """Store a small object and return its ETag. Raises `Refused` when a condition fails."""
        condition = {"IfNoneMatch": "*"} if if_absent else {"IfMatch": if_etag} if if_etag else {}
        checksum = await sha256_of(body)
        with translated():
            done = await self._client.put_object(
                Bucket=self._name,
                Key=self._prefix + key,
                Body=io.BytesIO(body),
                ChecksumSHA256=checksum,
                **condition,
            )
        return str(done["ETag"])

    async def put_empty(self, key: str, *, upload: str) -> None:
        """Store an object of no bytes as the result of an upload."""
        with translated():
            await self._client.put_object(
                Bucket=self._name,
                Key=self._prefix + key,
                Body=b"",
                Metadata={_ABOUT_THE_UPLOAD: upload},
            )

    async def delete(self, key: str) -> None:
        """Remove an object; one that is gone is no error."""
        with translated():
            await self._client.delete_object(Bucket=self._name, Key=self._prefix + key)

    async def listed(self, prefix: str, *, after: str = "") -> AsyncIterator[tuple[str, Head]]:
        """Yield the objects whose key begins with `prefix`, in order, those after a key."""
        pages = self._client.get_paginator("list_objects_v2")
        start = {"StartAfter": self._prefix + after} if after else {}
        with translated():
            async for page in pages.paginate(
                Bucket=self._name, Prefix=self._prefix + prefix, MaxKeys=LISTED_AT_ONCE, **start
            ):
                for one in page.get("Contents", ()):
                    # A head tells whole seconds, and both shall tell the same.
                    at = one["LastModified"].replace(microsecond=0)
                    head = Head(size=one["Size"], etag=one["ETag"], modified_at=at)
                    yield one["Key"].removeprefix(self._prefix), head

    async def folders(self, prefix: str) -> AsyncIterator[str]:
        """Yield what comes after `prefix`, up to and with the next slash."""
        pages = self._client.get_paginator("list_objects_v2")
        with translated():
            async for page in pages.paginate(
                Bucket=self._name, Prefix=self._prefix + prefix, Delimiter="/"
            ):
                for one in page.get("CommonPrefixes", ()):
                    yield one["Prefix"].removeprefix(self._prefix)

    async def begin_parts(self, key: str, *, mime_type: str, upload: str) -> str:
        """Begin a multipart upload whose parts have SHA-256 checksums; return its id."""
        with translated():
            begun = await self._client.create_multipart_upload(
                Bucket=self._name,
                Key=self._prefix + key,
                ContentType=mime_type,
                ChecksumAlgorithm="SHA256",
                Metadata={_ABOUT_THE_UPLOAD: upload},
            )
        return str(begun["UploadId"])

    async def put_part(self, key: str, upload_id: str, number: int, body: bytes) -> None:
        """Store a part; the server compares its checksum. Raises `Absent`."""
        checksum = await sha256_of(body)
        with translated():
            await self._client.upload_part(
                Bucket=self._name,
                Key=self._prefix + key,
                UploadId=upload_id,
                PartNumber=number,
                Body=io.BytesIO(body),
                ChecksumSHA256=checksum,
            )

    async def parts(self, key: str, upload_id: str) -> list[Part]:
        """Return the parts that are there, in order. Raises `Absent`."""
        pages = self._client.get_paginator("list_parts")
        found: list[Part] = []
        with translated():
            async for page in pages.paginate(
                Bucket=self._name, Key=self._prefix + key, UploadId=upload_id
            ):
                found += [
                    Part(
                        number=one["PartNumber"],
                        size=one["Size"],
                        etag=one["ETag"],
                        sha256=one.get("ChecksumSHA256"),
                    )
                    for one in page.get("Parts", ())
                ]
        return found

    async def complete_parts(self, key: str, upload_id: str, parts: list[Part]) -> None:
        """Make one object of the parts. Raises `Absent`."""
        with translated():
            await self._client.complete_multipart_upload(
                Bucket=self._name,
                Key=self._prefix + key,
                UploadId=upload_id,
                MultipartUpload={"Parts": [part.as_named() for part in parts]},
            )

    async def abort_parts(self, key: str, upload_id: str) -> None:
        """Forget a multipart upload. Raises `Absent`."""
        with translated():
            await self._client.abort_multipart_upload(
                Bucket=self._name, Key=self._prefix + key, UploadId=upload_id
            )

    async def address(self, call: str, key: str, seconds: int, **params: object) -> str:
        """Return an address by which whoever has it makes one `call`, for some seconds."""
        params = {"Bucket": self._name, "Key": self._prefix + key, **params}
        with translated():
            return str(
                await self._client.generate_presigned_url(call, Params=params, ExpiresIn=seconds)
            )


async def sha256_of(body: bytes) -> str:
    """Return the checksum as S3 writes it. A part is large: a thread reads it."""
    digest = hashlib.sha256()
    if len(body) < 1 << 16:
        digest.update(body)
    else:
        await asyncio.to_thread(digest.update, body)
    return base64.b64encode(digest.digest()).decode()
