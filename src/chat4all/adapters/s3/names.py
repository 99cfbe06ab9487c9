"""What objects and unfinished uploads are called in the bucket.

`objects/<key>` is an object. Of an unfinished upload `uploads/<id>/` holds `begun` (its token),
`lock` (somebody appends) and `tail-<n>-<m>`: bytes from byte m of part n on, which is not
whole yet.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from chat4all.adapters.s3.bucket import MOST_PARTS
from chat4all.domain.errors import InvalidInput, UploadNotFound
from chat4all.domain.ids import new_id
from chat4all.ports.object_store import ObjectKey, UploadToken, checked_key

PART_BYTES = 8 << 20
"""The size of a part: over the 5 MiB that S3 asks for, and what clients are told to send."""
_SIZE_DIGITS = 13
_TOKEN = re.compile(
    rf"([0-9a-f]{{32}}),(\d{{1,{_SIZE_DIGITS}}}),([A-Za-z0-9_./-]{{1,200}}),([A-Za-z0-9_=-]{{1,2000}})"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """What the token of an upload tells: `multipart` is the server's own id of it."""

    id: str
    size: int
    key: ObjectKey
    multipart: str

    @classmethod
    def new_id(cls) -> str:
        """Return the id of a new upload: a UUIDv7."""
        return new_id().replace("-", "")

    @classmethod
    def read(cls, token: str) -> Upload:
        """Read a token. Raises `UploadNotFound` for one that was never given."""
        try:
            found = _TOKEN.fullmatch(token)
            if found is None:
                raise UploadNotFound(GONE)
            return cls(
                id=found[1],
                size=int(found[2]),
                key=checked_key(found[3]),
                multipart=base64.urlsafe_b64decode(found[4]).decode(),
            )
        except (InvalidInput, binascii.Error, UnicodeDecodeError) as error:
            raise UploadNotFound(GONE) from error

    @property
    def token(self) -> UploadToken:
        """Return the token that tells all this."""
        multipart = base64.urlsafe_b64encode(self.multipart.encode()).decode()
        return UploadToken(f"{self.id},{self.size},{self.key},{multipart}")

    @property
    def part_size(self) -> int:
        """Return how large each part but the last is: there may be only so many parts."""
        return max(PART_BYTES, -(-self.size // MOST_PARTS))

    @property
    def part_count(self) -> int:
        """Return how many parts it will have."""
        return -(-self.size // self.part_size)

    def size_of(self, number: int) -> int:
        """Return how large part `number` (from 1) must be."""
        return min(self.part_size, self.size - (number - 1) * self.part_size)

    @property
    def object_key(self) -> str:
        """Return where the object will be."""
        return object_name(self.key)

    @property
    def folder(self) -> str:
        """Return where what belongs to it lies."""
        return f"uploads/{self.id}/"

    @property
    def begun_key(self) -> str:
        """Return where its token lies while it is unfinished."""
        return f"{self.folder}begun"

    @property
    def lock_key(self) -> str:
        """Return where it stands who appends."""
        return f"{self.folder}lock"

    def tail_key(self, number: int, start: int) -> str:
        """Return where bytes of part `number` from byte `start` of it on lie."""
        return f"{self.tail_prefix(number)}{start:0{_SIZE_DIGITS}}"

    def tail_prefix(self, number: int) -> str:
        """Return how the names of all those begin."""
        return f"{self.folder}tail-{number}-"

    @property
    def began_at(self) -> datetime:
        """Return when it began: a UUIDv7 begins with the milliseconds."""
        return datetime.fromtimestamp(int(self.id[:12], 16) / 1000, UTC)


GONE = "the upload is complete, was ended or has expired; begin a new one"


def object_name(key: str) -> str:
    """Return the name of an object in the bucket. Raises `InvalidInput`."""
    return f"objects/{checked_key(key)}"


def check_size(size: int) -> None:
    """Refuse a size that no object can have. Raises `InvalidInput`."""
    if not 0 <= size < 10**_SIZE_DIGITS:
        raise InvalidInput(f"an object cannot have {size} bytes")
