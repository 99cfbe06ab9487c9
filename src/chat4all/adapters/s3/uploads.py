"""Objects on their way into the bucket."""

from __future__ import annotations

from collections.abc import AsyncIterable
from contextlib import suppress

from chat4all.adapters.s3.bucket import Bucket, Part
from chat4all.adapters.s3.errors import Absent
from chat4all.adapters.s3.lease import Lease
from chat4all.adapters.s3.names import GONE, Upload, check_size, object_name
from chat4all.adapters.s3.part_writer import PartWriter, Standing
from chat4all.domain.errors import OffsetConflict, TooLarge, UploadNotFound
from chat4all.ports.object_store import ObjectKey, StoredObject, UploadToken


class S3Uploads:
    """Implements `Uploads` by a multipart upload; bytes too few for a part are an object apart.

    What an upload has is what the bucket lists: no node remembers anything.
    """

    def __init__(self, bucket: Bucket, lease_seconds: float) -> None:
        self._bucket = bucket
        self._lease_seconds = lease_seconds

    async def begin(self, key: ObjectKey, *, size: int, mime_type: str) -> UploadToken:
        """Begin a multipart upload, and note its token where `unfinished` finds it."""
        check_size(size)
        name, upload_id = object_name(key), Upload.new_id()
        multipart = await self._bucket.begin_parts(name, mime_type=mime_type, upload=upload_id)
        upload = Upload(id=upload_id, size=size, key=key, multipart=multipart)
        await self._bucket.put(upload.begun_key, upload.token.encode())
        return upload.token

    async def offset(self, token: UploadToken) -> int:
        """Add up what the bucket lists."""
        return (await self._standing(Upload.read(token))).offset

    async def append(self, token: UploadToken, offset: int, data: AsyncIterable[bytes]) -> int:
        """Send whole parts as they fill up, and at the end what is left over."""
        upload = Upload.read(token)
        async with Lease(self._bucket, upload.lock_key, self._lease_seconds) as lease:
            standing = await self._standing(upload)
            if standing.offset != offset:
                raise _elsewhere(upload, standing, offset)
            writer = PartWriter(self._bucket, upload, lease, standing)
            try:
                await _fill(writer, data, upload.size - offset)
            except BaseException:
                await writer.end()
                raise
            return await writer.end()

    async def complete(self, token: UploadToken) -> StoredObject:
        """Make the object of its parts."""
        upload = Upload.read(token)
        try:
            standing = await self._standing(upload)
            if standing.offset != upload.size:
                raise _elsewhere(upload, standing, upload.size)
            await self._publish(upload, standing)
        except (Absent, UploadNotFound):
            return await self._published(upload)
        done = await self._published(upload)
        await self._sweep(upload)
        return done

    async def abort(self, token: UploadToken) -> None:
        """Remove its parts and what lies beside them."""
        try:
            upload = Upload.read(token)
        except UploadNotFound:
            return
        with suppress(Absent):
            await self._bucket.abort_parts(upload.object_key, upload.multipart)
        await self._sweep(upload)

    async def _standing(self, upload: Upload) -> Standing:
        """Raise `UploadNotFound` when there is no such upload (any more)."""
        try:
            listed = await self._bucket.parts(upload.object_key, upload.multipart)
        except Absent as error:
            raise UploadNotFound(GONE) from error
        parts: list[Part] = []
        for number, part in enumerate(listed, start=1):
            if part.number != number or part.size != upload.size_of(number):
                break
            parts.append(part)
        number, tails, held = len(parts) + 1, [], 0
        if len(parts) < upload.part_count:
            async for key, found in self._bucket.listed(upload.tail_prefix(number)):
                if key == upload.tail_key(number, held):
                    tails.append(key)
                    held += found.size
        offset = sum(part.size for part in parts) + held
        return Standing(offset=offset, number=number, held=held, tails=tails, parts=parts)

    async def _publish(self, upload: Upload, standing: Standing) -> None:
        if standing.parts:
            await self._bucket.complete_parts(
                upload.object_key, upload.multipart, list(standing.parts)
            )
        else:  # a multipart upload has one part at least
            await self._bucket.put_empty(upload.object_key, upload=upload.id)
            await self._bucket.abort_parts(upload.object_key, upload.multipart)

    async def _published(self, upload: Upload) -> StoredObject:
        """Return the object that this upload became. Raises `UploadNotFound`."""
        try:
            found = await self._bucket.head(upload.object_key)
        except Absent as error:
            raise UploadNotFound(GONE) from error
        if found.upload != upload.id:
            raise UploadNotFound(GONE)
        return StoredObject(key=upload.key, size=found.size, modified_at=found.modified_at)

    async def _sweep(self, upload: Upload) -> None:
        async for key, _ in self._bucket.listed(upload.folder):
            await self._bucket.delete(key)


async def _fill(writer: PartWriter, data: AsyncIterable[bytes], room: int) -> None:
    async for piece in data:
        part = piece[:room]
        room -= len(part)
        await writer.take(part)
        if len(part) < len(piece):
            raise TooLarge("more bytes came than the upload was announced to have")


def _elsewhere(upload: Upload, standing: Standing, offset: int) -> OffsetConflict:
    return OffsetConflict(
        f"the upload has {standing.offset} of {upload.size} bytes, not {offset}; "
        "ask for its offset and go on from there"
    )
