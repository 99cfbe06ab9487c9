"""Objects in a bucket that speaks the S3 API."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self
from urllib.parse import quote

import aioboto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from chat4all.adapters.s3.address import BucketAddress
from chat4all.adapters.s3.bucket import Bucket
from chat4all.adapters.s3.errors import Absent, OutOfRange, may_come
from chat4all.adapters.s3.lease import LEASE_SECONDS
from chat4all.adapters.s3.names import Upload, object_name
from chat4all.adapters.s3.uploads import S3Uploads
from chat4all.domain.errors import (
    BadSettings,
    Chat4AllError,
    EngineMissing,
    ObjectNotFound,
    Unavailable,
    UploadNotFound,
)
from chat4all.ports.object_store import ObjectKey, StoredObject, UploadToken

PIECE_BYTES = 1 << 20
CONNECTIONS = 64
_REGION = "us-east-1"


class S3ObjectStore:
    """Implements `ObjectStore` and `SupportsPresignedUrl`; use as `async with store`.

    Credentials come from where the AWS tools take them: AWS_ACCESS_KEY_ID and so on.
    """

    def __init__(self, url: str, *, lease_seconds: float = LEASE_SECONDS) -> None:
        """Name the bucket. `lease_seconds`: how long a node that was killed blocks an upload."""
        self._address = BucketAddress.read(url)
        self._lease_seconds = lease_seconds
        self._stack = AsyncExitStack()
        self._opened: Bucket | None = None

    async def __aenter__(self) -> Self:
        """Connect. Raises `BadSettings` when the bucket cannot be used, and says why.

        It is `EngineMissing` where the server does not answer.
        """
        address = self._address
        path_style = {"s3": {"addressing_style": "path"}} if address.endpoint else {}
        config = Config(
            connect_timeout=5,
            read_timeout=60,
            max_pool_connections=CONNECTIONS,
            retries={"mode": "standard", "total_max_attempts": 3},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            **path_style,
        )
        try:
            session = aioboto3.Session()
            region = address.region or session.region_name or _REGION
            client = await self._stack.enter_async_context(
                session.client(
                    "s3", endpoint_url=address.endpoint, region_name=region, config=config
                )
            )
            bucket = Bucket(client, address.bucket, address.prefix)
            await bucket.check()
        except BaseException as error:
            await self._stack.aclose()
            raise _refusal(address, error) from error
        self._opened = bucket
        self._on_their_way = S3Uploads(bucket, self._lease_seconds)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        self._opened = None
        await self._stack.aclose()

    @property
    def uploads(self) -> S3Uploads:
        """Objects on their way in."""
        return self._on_their_way

    @property
    def _bucket(self) -> Bucket:
        assert self._opened is not None, "open the store first: async with store"  # noqa: S101 - a mistake of the program
        return self._opened

    async def stat(self, key: ObjectKey) -> StoredObject | None:
        """Ask for the object's head."""
        try:
            found = await self._bucket.head(object_name(key))
        except Absent:
            return None
        return StoredObject(key=key, size=found.size, modified_at=found.modified_at)

    async def read(
        self, key: ObjectKey, *, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        """Ask for the range and pass it on."""
        found = await self.stat(key)
        if found is None:
            raise ObjectNotFound(f"the object store has no {key}")
        if max(start, end or 0) > found.size:
            raise Unavailable(f"{key} has {found.size} bytes, and more of it was asked for")
        end = found.size if end is None else end
        if start >= end:
            return
        try:
            wanted = f"bytes={start}-{end - 1}"
            async for piece in self._bucket.get(object_name(key), wanted, PIECE_BYTES):
                start += len(piece)
                yield piece
        except Absent as error:
            raise ObjectNotFound(f"the object store has no {key}") from error
        except OutOfRange as error:
            raise Unavailable(f"{key} changed while it was read; repeat the request") from error
        if start != end:
            raise Unavailable(f"{key} ended at {start}, before its end")

    async def delete(self, key: ObjectKey) -> None:
        """Remove the object."""
        await self._bucket.delete(object_name(key))

    async def objects(self, prefix: str = "", *, after: str = "") -> AsyncIterator[StoredObject]:
        """List the bucket, page by page."""
        start = f"objects/{after}" if after else ""
        async for name, found in self._bucket.listed(f"objects/{prefix}", after=start):
            key = ObjectKey(name.removeprefix("objects/"))
            yield StoredObject(key=key, size=found.size, modified_at=found.modified_at)

    async def unfinished(self) -> AsyncIterator[tuple[UploadToken, datetime]]:
        """List the notes of uploads that began."""
        async for folder in self._bucket.folders("uploads/"):
            try:
                note = await self._bucket.get_small(f"{folder}begun")
                upload = Upload.read(note.body.decode("ascii", "replace"))
            except (Absent, UploadNotFound):
                continue
            yield upload.token, upload.began_at

    async def presigned_get(self, key: ObjectKey, *, expires_in: timedelta, filename: str) -> str:
        """Return an address that downloads the object as `filename` (RFC 8187)."""
        return await self._bucket.address(
            "get_object",
            object_name(key),
            int(expires_in.total_seconds()),
            ResponseContentDisposition=f"attachment; filename*=UTF-8''{quote(filename, safe='')}",
        )

    def part_size(self, token: UploadToken) -> int:
        """Return how large the parts of an upload are."""
        return Upload.read(token).part_size

    async def presigned_part(
        self, token: UploadToken, number: int, *, sha256: bytes, expires_in: timedelta
    ) -> str:
        """Return an address to PUT a part to, with its checksum in a header."""
        upload = Upload.read(token)
        return await self._bucket.address(
            "upload_part",
            upload.object_key,
            int(expires_in.total_seconds()),
            UploadId=upload.multipart,
            PartNumber=number,
            ChecksumSHA256=base64.b64encode(sha256).decode(),
        )


def _refusal(address: BucketAddress, error: BaseException) -> BaseException:
    """Return the error with which the start stops."""
    if isinstance(error, Absent):
        return BadSettings(f"CHAT4ALL_OBJECTS_URL: there is no {address}; create it")
    if isinstance(error, Unavailable) and may_come(error):
        return EngineMissing(f"CHAT4ALL_OBJECTS_URL: {address}: {error}")
    if isinstance(error, Chat4AllError):
        return BadSettings(f"CHAT4ALL_OBJECTS_URL: {address}: {error}")
    if isinstance(error, BotoCoreError | ValueError):
        return BadSettings(f"CHAT4ALL_OBJECTS_URL: {address}: {error}")
    return error
