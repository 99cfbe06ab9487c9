"""Lets a client send the parts of an upload to the object store itself."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from chat4all.domain.errors import Conflict, InvalidInput
from chat4all.domain.files import FileState
from chat4all.domain.ids import FileId, UserId
from chat4all.ports.object_store import ObjectStore, SupportsPresignedUrl, UploadToken
from chat4all.services.clock import Clock, utc_now
from chat4all.services.upload_file import UploadFile

LASTING = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class PresignedPart:
    """Where to PUT one part: exactly `size` bytes, with `headers`, before `expires_at`."""

    url: str
    headers: Mapping[str, str]
    size: int
    part_count: int
    expires_at: datetime


class PresignPart:
    """Signs addresses where the store takes bytes from clients itself."""

    def __init__(self, uploads: UploadFile, objects: ObjectStore, *, now: Clock = utc_now) -> None:
        self._uploads = uploads
        self._objects = objects
        self._now = now

    async def __call__(
        self, owner: UserId, file_id: FileId, number: int, *, checksum: str
    ) -> PresignedPart:
        """Return where part `number` (from 1) goes; `checksum` is `sha256:<hex>` of the part.

        The parts may come in any order, and side by side; `CompleteFile` ends the upload.
        Raises `Conflict` where the store cannot do that, or the upload is over,
        `InvalidInput` for a part that the file does not have, and what `UploadFile` raises.
        """
        file = (await self._uploads.status(owner, file_id)).file
        if file.state is not FileState.UPLOADING or file.upload is None:
            raise Conflict("the file has all its bytes: complete it")
        if not isinstance(self._objects, SupportsPresignedUrl):
            raise Conflict("files are kept by this server itself: send the bytes to `upload_url`")
        token = UploadToken(file.upload)
        whole = self._objects.part_size(token)
        count = -(-file.size // whole)
        if not 1 <= number <= count:
            raise InvalidInput(
                f"the file has {count} parts of up to {whole} bytes", [("/number", "no such part")]
            )
        digest = bytes.fromhex(checksum.removeprefix("sha256:"))
        url = await self._objects.presigned_part(token, number, sha256=digest, expires_in=LASTING)
        return PresignedPart(
            url=url,
            headers={"x-amz-checksum-sha256": base64.b64encode(digest).decode()},
            size=min(whole, file.size - (number - 1) * whole),
            part_count=count,
            expires_at=self._now() + LASTING,
        )
