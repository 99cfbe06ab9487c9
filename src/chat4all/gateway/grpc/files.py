"""Files: what is known of them, and their bytes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any

from grpc import StatusCode

from chat4all.domain.errors import FileNotFound, InvalidInput
from chat4all.domain.files import File
from chat4all.gateway.grpc import questions
from chat4all.gateway.grpc.calls import Call, asked
from chat4all.gateway.grpc.deps import GrpcDeps
from chat4all.gateway.grpc.generated import file_service_pb2 as pb
from chat4all.gateway.grpc.statuses import Ended
from chat4all.gateway.rest.body_stream import Receive, SlowBody, body_of
from chat4all.gateway.rest.schemas.files import FileAnnouncement, FileInfo
from chat4all.services.file_access import require_ready
from chat4all.services.file_objects import object_key, thumbnail_key
from chat4all.services.upload_file import Upload

Result = Mapping[str, Any]


class FileCalls:
    """`chat4all.v1.FileService`."""

    def __init__(self, deps: GrpcDeps) -> None:
        self._files = deps.rest.files

    async def start_upload(
        self, request: pb.StartUploadRequest, call: Call[pb.StartUploadResponse]
    ) -> Result:
        """Begin an upload, or find the one that this was the beginning of."""
        wanted = asked(request, FileAnnouncement).to_domain()
        file = await self._files.initiate(call.user_id, wanted)
        return _progress(await self._files.uploads.status(call.user_id, file.id))

    async def upload_file(
        self,
        requests: AsyncIterator[pb.UploadFileRequest],
        call: Call[pb.UploadFileResponse],
    ) -> Result:
        """Take bytes from an offset on; what came stays when the stream breaks off."""
        first = await anext(requests, None)
        if first is None or first.WhichOneof("data") != "position":
            detail = "the first message of the stream tells where the bytes belong"
            raise InvalidInput(detail, [("/position", "required")])
        wanted = asked(first.position, questions.Position)
        upload = await self._files.uploads.at(call.user_id, wanted.file, wanted.offset)
        try:
            async with aclosing(body_of(_body(requests), self._files.patience)) as body:
                return _progress(await self._files.uploads.append(upload, body))
        except SlowBody as error:
            raise Ended(StatusCode.DEADLINE_EXCEEDED, "too_slow", error.detail) from error

    async def get_upload(
        self, request: pb.GetUploadRequest, call: Call[pb.GetUploadResponse]
    ) -> Result:
        """Tell where an upload stands."""
        wanted = asked(request, questions.OfFile)
        return _progress(await self._files.uploads.status(call.user_id, wanted.file))

    async def complete_upload(
        self, request: pb.CompleteUploadRequest, call: Call[pb.CompleteUploadResponse]
    ) -> Result:
        """Make a file visible, once its stored bytes were found to be what was announced."""
        wanted = asked(request, questions.OfFile)
        return _file(await self._files.complete(call.user_id, wanted.file))

    async def cancel_upload(
        self, request: pb.CancelUploadRequest, call: Call[pb.CancelUploadResponse]
    ) -> Result:
        """End an upload and forget its bytes."""
        wanted = asked(request, questions.OfFile)
        await self._files.uploads.terminate(call.user_id, wanted.file)
        return {}

    async def get_file(self, request: pb.GetFileRequest, call: Call[pb.GetFileResponse]) -> Result:
        """Tell what is known of a file."""
        wanted = asked(request, questions.OfFile)
        return _file(await self._files.access.seen(call.user_id, wanted.file))

    async def download_file(
        self, request: pb.DownloadFileRequest, call: Call[pb.DownloadFileResponse]
    ) -> None:
        """Give the bytes of a file, or a part of them."""
        wanted = asked(request, questions.Bytes)
        file = require_ready(await self._files.access.seen(call.user_id, wanted.file))
        if wanted.thumbnail and not file.looks.thumbnail:
            raise FileNotFound("this file has no thumbnail; `has_thumbnail` tells")
        stored = await self._files.library.bytes_of(file, thumbnail=wanted.thumbnail)
        start = wanted.offset
        if start > stored.size:
            detail = f"there are {stored.size} bytes, and {start} lies after them"
            raise Ended(StatusCode.OUT_OF_RANGE, "range_not_satisfiable", detail)
        end = min(start + wanted.limit, stored.size) if wanted.limit else stored.size
        if start == end:
            return
        key = thumbnail_key(file.id) if wanted.thumbnail else object_key(file.id)
        async for piece in self._files.library.read(key, start=start, end=end):
            await call.tell(pb.DownloadFileResponse(chunk=piece))

    async def delete_file(
        self, request: pb.DeleteFileRequest, call: Call[pb.DeleteFileResponse]
    ) -> Result:
        """Delete a file of one's own that no message shows."""
        wanted = asked(request, questions.OfFile)
        await self._files.delete(call.user_id, wanted.file)
        return {}


def _body(requests: AsyncIterator[pb.UploadFileRequest]) -> Receive:
    """Return the chunks of a stream as the pieces of a body."""

    async def receive() -> Mapping[str, Any]:
        request = await anext(requests, None)
        if request is None:
            return {"type": "http.request", "more_body": False}
        if request.WhichOneof("data") != "chunk":
            detail = "after the first message come bytes"
            raise InvalidInput(detail, [("/chunk", "required")])
        return {"type": "http.request", "body": request.chunk, "more_body": True}

    return receive


def _progress(upload: Upload) -> Result:
    file = upload.file
    told = {
        "file_id": file.id,
        "offset": upload.offset,
        "size": file.size,
        "expires_at": file.expires_at,
    }
    return {"upload": told}


def _file(file: File) -> Result:
    return {"file": FileInfo.of(file)}
