"""Makes parts of the bytes of an append: one part is sent while the next one comes in."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from chat4all.adapters.s3.bucket import Bucket, Part
from chat4all.adapters.s3.errors import Absent
from chat4all.adapters.s3.lease import Lease
from chat4all.adapters.s3.names import GONE, Upload
from chat4all.domain.errors import Unavailable, UploadNotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far an upload has come: the first part that is not whole is `number`, from 1.

    The bucket has its first `held` bytes, in the objects `tails`; `parts` are the whole ones.
    """

    offset: int
    number: int
    held: int
    tails: Sequence[str]
    parts: Sequence[Part]


class PartWriter:
    """Goes on from `standing`; holds two parts at most, and sends nothing after one that failed."""

    def __init__(self, bucket: Bucket, upload: Upload, lease: Lease, standing: Standing) -> None:
        self._bucket = bucket
        self._upload = upload
        self._lease = lease
        self._number = standing.number
        self._tails = standing.tails
        self._stored = standing.held
        self._held = standing.held
        self._offset = standing.offset
        self._buffer = bytearray()
        self._sending: asyncio.Task[None] | None = None
        self._failed = False

    async def take(self, piece: bytes) -> None:
        """Take a piece; wait while the part before this one is still being sent."""
        left = memoryview(piece)
        while left:
            whole = self._upload.size_of(self._number)
            fits = left[: whole - self._held]
            self._buffer += fits
            self._held += len(fits)
            self._offset += len(fits)
            left = left[len(fits) :]
            if self._held == whole:
                await self._sent()
                self._lease.check()
                part = self._send(self._number, self._tails, bytes(self._buffer))
                self._sending = asyncio.create_task(part)
                self._number, self._buffer, self._tails = self._number + 1, bytearray(), ()
                self._held = self._stored = 0

    async def end(self) -> int:
        """Keep what is too little for a part; return the offset that is kept.

        Raises `UploadNotFound` when the upload was aborted meanwhile.
        """
        await self._sent()
        if self._buffer and not self._failed:
            self._lease.check()
            key = self._upload.tail_key(self._number, self._stored)
            await self._bucket.put(key, bytes(self._buffer))
            await self._confirm(key)
        return self._offset

    async def _send(self, number: int, tails: Sequence[str], body: bytes) -> None:
        try:
            if tails:
                stored = [(await self._bucket.get_small(key)).body for key in tails]
                body = b"".join([*stored, body])
            await self._bucket.put_part(
                self._upload.object_key, self._upload.multipart, number, body
            )
        except Absent as error:
            await self._check_there()  # MinIO on a full disk was seen to miss what it has
            raise Unavailable("the object store did not find an upload that it has") from error
        for key in tails:
            await self._bucket.delete(key)

    async def _sent(self) -> None:
        """Wait for the part on its way, also when this append is being cancelled."""
        sending, self._sending = self._sending, None
        if sending is None:
            return
        try:
            await asyncio.shield(sending)
        except asyncio.CancelledError:
            await asyncio.wait([sending])
            self._failed = self._failed or sending.exception() is not None
            raise
        except Exception:
            self._failed = True
            raise

    async def _confirm(self, tail: str) -> None:
        try:
            await self._check_there()
        except UploadNotFound:
            await self._bucket.delete(tail)
            raise

    async def _check_there(self) -> None:
        """Raise `UploadNotFound` when the upload was completed or aborted meanwhile."""
        try:
            await self._bucket.parts(self._upload.object_key, self._upload.multipart)
        except Absent as error:
            raise UploadNotFound(GONE) from error
