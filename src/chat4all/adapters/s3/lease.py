"""The right to append to an upload, for as long as it is renewed.

S3 has no locks; it has conditional writes: of all who create the lock, or overwrite one that
has run out, one succeeds. https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from datetime import timedelta
from types import TracebackType
from typing import Self

from chat4all.adapters.s3.bucket import Bucket
from chat4all.adapters.s3.errors import Absent, Refused
from chat4all.domain.errors import Chat4AllError, UploadBusy
from chat4all.domain.ids import new_id

LEASE_SECONDS = 15.0
"""After so long without renewal it is free: the holder was killed, or cannot reach the store."""
_RENEWALS = 3


class Lease:
    """Held from `async with` to its end. Raises `UploadBusy` when somebody else holds it."""

    def __init__(self, bucket: Bucket, key: str, seconds: float) -> None:
        self._bucket = bucket
        self._key = key
        self._seconds = seconds
        self._etag = ""
        self._until = 0.0
        self._renewing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Take it."""
        try:
            await self._write(if_absent=True)
        except (Absent, Refused):
            await self._take_over()
        self._renewing = asyncio.create_task(self._renew())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give it back, unless it may be another's by now."""
        assert self._renewing is not None  # noqa: S101 - it was entered
        self._renewing.cancel()
        await asyncio.wait([self._renewing])
        if time.monotonic() < self._until - self._seconds / _RENEWALS:
            with suppress(Chat4AllError):  # then it runs out by itself
                await self._bucket.delete(self._key)

    def check(self) -> None:
        """Raise `UploadBusy` when it has run out and another may hold it."""
        if time.monotonic() >= self._until:
            raise UploadBusy("this request lost its hold on the upload; ask for the offset")

    async def _take_over(self) -> None:
        try:
            found = await self._bucket.get_small(self._key)
            if found.now - found.modified_at <= timedelta(seconds=self._seconds):
                raise UploadBusy("another request is writing to this upload; wait for it")
            await self._write(if_etag=found.etag)
        except (Absent, Refused) as error:
            raise UploadBusy("another request was at this upload; repeat yours") from error

    async def _write(self, *, if_absent: bool = False, if_etag: str | None = None) -> None:
        began = time.monotonic()
        body = new_id().encode()  # another body each time, so another ETag
        try:
            etag = await self._bucket.put(self._key, body, if_absent=if_absent, if_etag=if_etag)
        except Refused:
            # The library repeats a call whose answer it lost, and then meets what it wrote.
            found = await self._bucket.get_small(self._key)
            if found.body != body:
                raise
            etag = found.etag
        self._etag, self._until = etag, began + self._seconds

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._seconds / _RENEWALS)
            try:
                await self._write(if_etag=self._etag)
            except (Absent, Refused):
                self._until = 0.0
                return
            except Chat4AllError:
                continue  # it does not answer: try again until the lease has run out
