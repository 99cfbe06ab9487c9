"""Uploads: tus 1.0.0, so that any client of that protocol can send files.

https://tus.io/protocols/resumable-upload
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any

from litestar import Controller, Response, delete, head, patch, post
from litestar.params import HeaderParameter

from chat4all.domain.api_keys import Scope
from chat4all.domain.errors import InvalidInput, TooLarge
from chat4all.domain.files import MAX_FILE_BYTES
from chat4all.domain.ids import ConversationId, FileId, UserId
from chat4all.gateway.rest import tus
from chat4all.gateway.rest.bearer import Caller
from chat4all.gateway.rest.body_stream import body_of
from chat4all.gateway.rest.file_tools import Files, FileTools
from chat4all.gateway.rest.problems import FILE_HANDLERS, WrongChunk
from chat4all.gateway.rest.request import ApiRequest, check_media_type
from chat4all.gateway.rest.schemas.files import CHECKSUM, MIME_TYPE
from chat4all.gateway.rest.schemas.text import UUID, UuidPath
from chat4all.services.file_names import MAX_NAME
from chat4all.services.initiate_file import NewFile
from chat4all.services.upload_file import Upload

WHOLE_NUMBER = {"required": True, "schema": {"type": "integer", "minimum": 0}}
OPTIONS = {
    "scope": Scope.SEND,
    "produces": "*/*",
    "headers": tus.HEADERS,
    "options_headers": tus.OFFERED,
    "header_schemas": {
        "Tus-Resumable": {"required": True, "schema": {"const": tus.VERSION}},
        "Upload-Offset": WHOLE_NUMBER,
        "Upload-Length": WHOLE_NUMBER,
        "Upload-Metadata": {"required": True},
        "X-HTTP-Method-Override": {"required": True, "schema": {"enum": ["PATCH", "DELETE"]}},
    },
}
TusVersion = Annotated[
    str | None,
    HeaderParameter(name="Tus-Resumable", description="`1.0.0`; another version gets 412."),
]
UploadOffset = Annotated[
    str | None,
    HeaderParameter(name="Upload-Offset", description="Where the body begins; else 409."),
]
UploadLength = Annotated[
    str | None, HeaderParameter(name="Upload-Length", description="Bytes of the whole file.")
]
UploadMetadata = Annotated[
    str | None,
    HeaderParameter(
        name="Upload-Metadata",
        description="`filename`, `checksum`, `conversation_id`, and perhaps `filetype` and "
        "`file_id`: each a key, a space and the value in Base64, separated by commas.",
    ),
]
MethodOverride = Annotated[
    str | None,
    HeaderParameter(name="X-HTTP-Method-Override", description="`PATCH` or `DELETE`."),
]
UploadChecksum = Annotated[
    str | None,
    HeaderParameter(
        name="Upload-Checksum",
        description="sha1, sha256 or md5, a space and the digest of the body in Base64; when "
        "it is wrong the answer is 460 and nothing of the body is kept.",
    ),
]
_RULES = {
    "checksum": f"{CHECKSUM}\\Z",
    "conversation_id": f"{UUID}\\Z",
    "filename": f"(?s).{{1,{MAX_NAME}}}\\Z",
    "filetype": f"{MIME_TYPE}(;[ -~]{{0,64}})?\\Z",
    "file_id": f"{UUID}\\Z",
}
_MAY_MISS = {"filetype": "application/octet-stream", "file_id": ""}


class Uploads(Controller):
    """`/v1/files/uploads`."""

    path = "/v1/files/uploads"
    tags = ("Files",)
    opt = OPTIONS
    guards = (tus.check_version,)
    exception_handlers = FILE_HANDLERS

    @post(
        "/",
        operation_id="createUpload",
        media_type="text/plain",
        body_type=tus.OFFSET_TYPE,
        problems=(400, 404, 408, 409, 410, 412, 413, 415, 423, 460, 507),
    )
    async def create(
        self,
        request: ApiRequest,
        files: Files,
        caller: Caller,
        tus_resumable: TusVersion = None,
        upload_length: UploadLength = None,
        upload_metadata: UploadMetadata = None,
        upload_checksum: UploadChecksum = None,
    ) -> Response[bytes]:
        """Begin an upload (tus creation), perhaps with its first bytes as the body."""
        del tus_resumable, upload_length, upload_metadata, upload_checksum  # for the document
        if "upload-defer-length" in request.headers:
            raise InvalidInput("send Upload-Length: a file's size is known from the start")
        file = await files.initiate(caller.user_id, _announced(request))
        upload = await files.uploads.status(caller.user_id, file.id)
        if request.headers.get("content-type", "").startswith(tus.OFFSET_TYPE):
            upload = await _append(request, files, upload)
        headers = {"Location": files.upload_url(file.id), **_progress(upload)}
        return Response(b"", status_code=201, headers=headers, media_type="text/plain")

    @head(
        "/{file_id:str}",
        operation_id="uploadStatus",
        media_type="text/plain",
        problems=(404, 410, 412),
    )
    async def status(
        self, file_id: UuidPath, files: Files, caller: Caller, tus_resumable: TusVersion = None
    ) -> Response[None]:
        """Tell how many bytes of an upload are kept, in Upload-Offset."""
        del tus_resumable
        upload = await files.uploads.status(caller.user_id, _id(file_id))
        return Response(None, headers=_shown(upload), media_type="text/plain")

    @patch(
        "/{file_id:str}",
        operation_id="appendToUpload",
        status_code=204,
        body_type=tus.OFFSET_TYPE,
        problems=(400, 404, 408, 409, 410, 412, 413, 415, 423, 460, 507),
    )
    async def append(
        self,
        request: ApiRequest,
        file_id: UuidPath,
        files: Files,
        caller: Caller,
        tus_resumable: TusVersion = None,
        upload_offset: UploadOffset = None,
        upload_checksum: UploadChecksum = None,
    ) -> Response[None]:
        """Send bytes of an upload, from Upload-Offset on; what came stays when it breaks off."""
        del tus_resumable, upload_offset, upload_checksum
        return await _patched(request, _id(file_id), files, caller.user_id)

    @delete("/{file_id:str}", operation_id="endUpload", problems=(404, 410, 412))
    async def terminate(
        self, file_id: UuidPath, files: Files, caller: Caller, tus_resumable: TusVersion = None
    ) -> None:
        """End an upload and forget its bytes (tus termination)."""
        del tus_resumable
        await files.uploads.terminate(caller.user_id, _id(file_id))

    @post(
        "/{file_id:str}",
        operation_id="overrideUploadMethod",
        status_code=204,
        body_type=tus.OFFSET_TYPE,
        problems=(400, 404, 408, 409, 410, 412, 413, 415, 423, 460, 507),
    )
    async def overridden(
        self,
        request: ApiRequest,
        file_id: UuidPath,
        files: Files,
        caller: Caller,
        tus_resumable: TusVersion = None,
        method_override: MethodOverride = None,
    ) -> Response[None]:
        """Do what X-HTTP-Method-Override says, for clients that can only POST."""
        del tus_resumable
        method = (method_override or "").upper()
        if method == "PATCH":
            return await _patched(request, _id(file_id), files, caller.user_id)
        if method == "DELETE":
            await files.uploads.terminate(caller.user_id, _id(file_id))
            return Response(None, status_code=204)
        raise InvalidInput("a POST here needs X-HTTP-Method-Override: PATCH or DELETE")


async def _patched(
    request: ApiRequest, file_id: FileId, files: FileTools, owner: UserId
) -> Response[None]:
    check_media_type(request, tus.OFFSET_TYPE, needed=True)
    offset = tus.number(request.headers, "Upload-Offset")
    upload = await _append(request, files, await files.uploads.at(owner, file_id, offset))
    return Response(None, status_code=204, headers=_progress(upload))


async def _append(request: ApiRequest, files: FileTools, upload: Upload) -> Upload:
    checksum = tus.checksum(request.headers)
    _check_length(request, upload)
    async with aclosing(body_of(request.receive, files.patience)) as body:
        if checksum is None:
            return await files.uploads.append(upload, body)
        async with files.spool.file() as spooled:
            digest = hashlib.new(checksum[0], usedforsecurity=False)
            await spooled.fill(_hashed(body, digest), limit=MAX_FILE_BYTES)
            if digest.digest() != checksum[1]:
                raise WrongChunk("the bytes have another checksum; nothing of them was kept")
            return await files.uploads.append(upload, spooled.read())


async def _hashed(body: AsyncIterator[bytes], digest: Any) -> AsyncIterator[bytes]:
    async for piece in body:
        digest.update(piece)
        yield piece


def _check_length(request: ApiRequest, upload: Upload) -> None:
    """Refuse a body that says to be too long before it is read."""
    size, end = upload.file.size, upload.offset + (request.content_length or 0)
    if end > size:
        raise TooLarge(f"the file has {size} bytes, and this would make {end}")


def _announced(request: ApiRequest) -> NewFile:
    """Return what the headers of a creation announce. Raises `InvalidInput`."""
    given = {**_MAY_MISS, **tus.metadata(request.headers)}
    wrong = [
        (f"/Upload-Metadata/{name}", "missing, or not as it must be")
        for name, rule in _RULES.items()
        if given.get(name) != _MAY_MISS.get(name, object()) and not _fits(given.get(name), rule)
    ]
    if wrong:
        names = ", ".join(pointer.rpartition("/")[2] for pointer, _ in wrong)
        raise InvalidInput(f"Upload-Metadata needs other values: {names}", wrong)
    return NewFile(
        name=given["filename"],
        size=tus.number(request.headers, "Upload-Length"),
        mime_type=given["filetype"],
        checksum=given["checksum"],
        conversation_id=ConversationId(given["conversation_id"].lower()),
        file_id=FileId(given["file_id"].lower()) if given["file_id"] else None,
    )


def _fits(value: str | None, rule: str) -> bool:
    return value is not None and "\x00" not in value and re.match(rule, value) is not None


def _progress(upload: Upload) -> dict[str, str]:
    return {"Upload-Offset": str(upload.offset), **tus.expiry(upload.file.expires_at)}


def _shown(upload: Upload) -> dict[str, str]:
    return {
        **_progress(upload),
        "Upload-Length": str(upload.file.size),
        "Upload-Metadata": tus.shown_metadata(upload.file),
        "Cache-Control": "no-store",
    }


def _id(text: str) -> FileId:
    return FileId(text.lower())
