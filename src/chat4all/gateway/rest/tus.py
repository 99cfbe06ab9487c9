"""The header fields of tus 1.0.0, read strictly.

https://tus.io/protocols/resumable-upload
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any

from litestar.connection import ASGIConnection
from litestar.exceptions import HTTPException
from litestar.handlers import BaseRouteHandler

from chat4all.domain.errors import InvalidInput
from chat4all.domain.files import MAX_FILE_BYTES, File

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,checksum,termination,expiration"
ALGORITHMS = {"sha1": 20, "sha256": 32, "md5": 16}
"""Checksum algorithms, and the bytes of their digests."""
OFFSET_TYPE = "application/offset+octet-stream"
MAX_METADATA = 8 * 1024
CHECKSUM_MISMATCH = 460
"""The status for a chunk whose checksum is wrong; tus has it, HTTP does not."""
HEADERS = {"Tus-Resumable": VERSION}
"""What every answer to an upload call carries."""
OFFERED = {
    **HEADERS,
    "Tus-Version": VERSION,
    "Tus-Extension": EXTENSIONS,
    "Tus-Max-Size": str(MAX_FILE_BYTES),
    "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
}
"""The answer to OPTIONS."""
_KEY = re.compile(r"[!-+\--~]{1,64}\Z")  # visible ASCII without the comma
_NUMBER = re.compile(r"[0-9]{1,18}\Z")


class WrongVersion(HTTPException):
    """The client speaks another version of tus, or none."""

    status_code = HTTPStatus.PRECONDITION_FAILED


def check_version(
    connection: ASGIConnection[Any, Any, Any, Any],
    _: BaseRouteHandler,
) -> None:
    """Refuse a client that does not speak 1.0.0; a guard. OPTIONS needs no version."""
    if connection.scope.get("method") == "OPTIONS":
        return
    if connection.headers.get("tus-resumable") != VERSION:
        raise WrongVersion(
            f"send Tus-Resumable: {VERSION}, the version that this server speaks",
            headers={"Tus-Version": VERSION},
        )


def number(headers: Mapping[str, str], name: str) -> int:
    """Return the value of a header that must be a whole number. Raises `InvalidInput`."""
    text = headers.get(name, "")
    if _NUMBER.match(text) is None:
        raise InvalidInput(f"send {name} as a whole number", [(f"/{name}", "a whole number")])
    return int(text)


def metadata(headers: Mapping[str, str]) -> dict[str, str]:
    """Return what Upload-Metadata says. Raises `InvalidInput` for anything out of the rule.

    >>> metadata({"Upload-Metadata": "filename Y2F0LmpwZw==,private"})
    {'filename': 'cat.jpg', 'private': ''}
    """
    text = headers.get("Upload-Metadata", "")
    if len(text) > MAX_METADATA:
        raise _bad_metadata(f"it holds at most {MAX_METADATA} bytes")
    found: dict[str, str] = {}
    for pair in text.split(",") if text else []:
        key, _, value = pair.strip(" ").partition(" ")
        if _KEY.match(key) is None:
            raise _bad_metadata("a key is visible ASCII without commas")
        if key in found:
            raise _bad_metadata(f"{key} stands there twice")
        found[key] = _text(key, value)
    return found


def checksum(headers: Mapping[str, str]) -> tuple[str, bytes] | None:
    """Return the algorithm and digest of Upload-Checksum, if there is one."""
    given = headers.get("Upload-Checksum")
    if given is None:
        return None
    algorithm, _, value = given.partition(" ")
    length = ALGORITHMS.get(algorithm)
    if length is None:
        known = ", ".join(ALGORITHMS)
        raise _bad("Upload-Checksum", f"the algorithms are {known}")
    try:
        digest = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _bad("Upload-Checksum", "the digest is Base64") from error
    if len(digest) != length:
        raise _bad("Upload-Checksum", f"a digest of {algorithm} has {length} bytes")
    return algorithm, digest


def shown_metadata(file: File) -> str:
    """Return Upload-Metadata as it stands for a file."""
    pairs = {
        "filename": file.name,
        "filetype": file.mime_type,
        "checksum": file.checksum or "",
        "conversation_id": file.conversation_id,
    }
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in pairs.items()}
    return ",".join(f"{key} {text}" for key, text in encoded.items())


def expiry(at: datetime | None) -> dict[str, str]:
    """Return the Upload-Expires header, where something expires."""
    return {} if at is None else {"Upload-Expires": format_datetime(at, usegmt=True)}


def _text(key: str, value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise _bad_metadata(f"the value of {key} is Base64 of UTF-8") from error


def _bad_metadata(detail: str) -> InvalidInput:
    return _bad("Upload-Metadata", detail)


def _bad(name: str, detail: str) -> InvalidInput:
    return InvalidInput(f"{name} cannot be read: {detail}", [(f"/{name}", detail)])
