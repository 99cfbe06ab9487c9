"""What objects and unfinished uploads are called in the folder.

One file each, in one flat folder each. A key's slashes become `+`, which no key contains, so
no name leads out of the folder and a key may begin with another one. The name of an upload
is its token, which tells its size and its key: nothing is written beside the bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from chat4all.domain.errors import InvalidInput, UploadNotFound
from chat4all.domain.ids import new_id
from chat4all.ports.object_store import ObjectKey, UploadToken, checked_key

_SIZE_DIGITS = 13
_TOKEN = re.compile(rf"[0-9a-f]{{32}},(\d{{1,{_SIZE_DIGITS}}}),([A-Za-z0-9_.+-]{{1,200}})")


def file_name(key: str) -> str:
    """Return what the file of an object is called. Raises `InvalidInput`."""
    return checked_key(key).replace("/", "+")


def key_of(name: str) -> ObjectKey | None:
    """Return the key of an object's file; None for a file that is none."""
    try:
        return checked_key(name.replace("+", "/"))
    except InvalidInput:
        return None


@dataclass(frozen=True, slots=True)
class UploadName:
    """What the token of an upload tells: its size in bytes and the key it will have."""

    token: UploadToken
    size: int
    key: ObjectKey

    @classmethod
    def new(cls, key: str, size: int) -> UploadName:
        """Name a new upload. Raises `InvalidInput`."""
        if not 0 <= size < 10**_SIZE_DIGITS:
            raise InvalidInput(f"an object cannot have {size} bytes")
        token = f"{new_id().replace('-', '')},{size},{file_name(key)}"
        return cls(UploadToken(token), size, ObjectKey(key))

    @classmethod
    def read(cls, token: str) -> UploadName:
        """Read a token. Raises `UploadNotFound` for one that was never given."""
        found = _TOKEN.fullmatch(token)
        key = key_of(found[2]) if found else None
        if found is None or key is None:
            raise UploadNotFound("there is no such upload; begin a new one")
        return cls(UploadToken(token), int(found[1]), key)

    @property
    def began_at(self) -> datetime:
        """Return when it began: its UUIDv7 begins with the milliseconds."""
        return datetime.fromtimestamp(int(self.token[:12], 16) / 1000, UTC)
