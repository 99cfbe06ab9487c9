"""The files of the folder as they stand. All of it blocks: threads call it."""

from __future__ import annotations

import heapq
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from chat4all.domain.errors import ObjectNotFound, Unavailable
from chat4all.ports.object_store import FilePart, ObjectKey, StoredObject


def stored(path: Path, key: ObjectKey) -> StoredObject | None:
    """Return what is known of the object `key`, whose file is `path`; None when there is none."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    at = datetime.fromtimestamp(found.st_mtime, UTC)
    return StoredObject(key=key, size=found.st_size, modified_at=at)


def sync_folder(folder: Path) -> None:
    """Bring to the disk which files the folder has."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def named_after(
    folder: Path, meaning: Callable[[str], str | None], after: str, most: int
) -> Sequence[str]:
    """Return the first `most` meanings of the file names that come later than `after`.

    `meaning` gives None for a file that is not looked for. Reads the whole folder each time,
    and holds no more than the answer.
    """

    def later() -> Iterator[str]:
        with os.scandir(folder) as entries:
            for entry in entries:
                found = meaning(entry.name)
                if found is not None and found > after:
                    yield found

    return heapq.nsmallest(most, later())


class OpenObject:
    """The file of an object, held for one reader: it stays when the object is removed."""

    def __init__(self, path: Path, key: ObjectKey) -> None:
        self._path = path
        self._key = key
        self._descriptor = -1

    def open(self, start: int, end: int | None) -> int:
        """Open it; return where to stop, which is `end` or its own end.

        Raises `ObjectNotFound`, and `Unavailable` when there is not so much of it.
        """
        try:
            self._descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError as error:
            raise ObjectNotFound(f"the folder of the stored files has no {self._key}") from error
        size = os.fstat(self._descriptor).st_size
        if max(start, end or 0) > size:
            raise Unavailable(f"{self._key} has {size} bytes, and more of it was asked for")
        return size if end is None else end

    def read(self, start: int, length: int) -> bytes:
        """Return that many bytes. Raises `Unavailable` when they are not there."""
        piece = os.pread(self._descriptor, length, start)
        if len(piece) < length:
            raise Unavailable(f"{self._key} ends at {start + len(piece)}, before its end")
        return piece

    def part(self, start: int, end: int) -> FilePart:
        """Return a part of it, which is there until `close`."""
        return FilePart(descriptor=self._descriptor, start=start, end=end)

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
