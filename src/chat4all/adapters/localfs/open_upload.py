"""The file of an unfinished upload, held by one writer. All of it blocks: threads call it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Sequence
from pathlib import Path

from chat4all.adapters.localfs.names import UploadName
from chat4all.domain.errors import OffsetConflict, UploadBusy, UploadNotFound

GONE = "the upload is complete, was ended or has expired; begin a new one"
_MOST_AT_ONCE = 1024  # IOV_MAX
WRITE_BACK_BYTES = 16 << 20
"""So often the system is asked to begin writing to the disk, lest all of it wait at the end."""


class OpenUpload:
    """Locked from `open` to `close`, also against other processes.

    How many bytes the file has is how many are kept: there is no other record of it.
    """

    def __init__(self, folder: Path, upload: UploadName) -> None:
        self._path = folder / upload.token
        self._upload = upload
        self._descriptor = -1
        self._start = 0
        self._at = 0
        self._behind = 0

    def open(self, offset: int | None = None) -> None:
        """Hold the file for the writer who goes on at `offset`, or wherever it stands.

        Raises `UploadNotFound`, `UploadBusy`, `OffsetConflict`.
        """
        try:
            flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
            self._descriptor = os.open(self._path, flags)
        except FileNotFoundError as error:
            raise UploadNotFound(GONE) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UploadBusy("another request is writing to this upload; wait for it") from error
        self._start = self._at = self._behind = self._length()
        self._expect(self._at if offset is None else offset)

    def write(self, pieces: Sequence[bytes]) -> None:
        """Write `pieces` one after the other. Raises `UploadNotFound` once it was aborted."""
        left: list[bytes | memoryview] = [*pieces]
        while left:
            written = os.pwritev(self._descriptor, left[:_MOST_AT_ONCE], self._at)
            self._at += written
            left = _after(left, written)
        self._length()
        if self._at - self._behind >= WRITE_BACK_BYTES:
            _begin_write_back(self._descriptor, self._behind, self._at)
            self._behind = self._at

    def settle(self) -> int:
        """Bring to the disk what was written; return how many bytes are kept in all.

        Where the disk refuses only now, nobody can tell which bytes it has: then the upload
        goes back to where it stood.
        """
        try:
            os.fsync(self._descriptor)
        except OSError:
            os.ftruncate(self._descriptor, self._start)
            raise
        return self._length()

    def publish(self, target: Path) -> None:
        """Make the whole upload the file `target`. Raises `OffsetConflict`, `UploadNotFound`."""
        self._expect(self._upload.size)
        os.utime(self._descriptor)
        os.fsync(self._descriptor)
        try:
            self._path.rename(target)
        except FileNotFoundError as error:
            raise UploadNotFound(GONE) from error

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _length(self) -> int:
        """Return the length of the file. Raises `UploadNotFound` when it lost its name."""
        found = os.fstat(self._descriptor)
        if not found.st_nlink:
            raise UploadNotFound(GONE)
        return found.st_size

    def _expect(self, offset: int) -> None:
        if offset != self._at:
            raise OffsetConflict(
                f"the upload has {self._at} of {self._upload.size} bytes, not {offset}; "
                "ask for its offset and go on from there"
            )


def _after(pieces: list[bytes | memoryview], written: int) -> list[bytes | memoryview]:
    """Return what of `pieces` is left when the first `written` bytes are gone."""
    for index, piece in enumerate(pieces):
        if written < len(piece):
            return [memoryview(piece)[written:], *pieces[index + 1 :]]
        written -= len(piece)
    return []


def _begin_write_back(descriptor: int, start: int, end: int) -> None:
    """Ask Linux to write these bytes back without waiting for it, where it can be asked.

    https://man7.org/linux/man-pages/man2/posix_fadvise.2.html
    """
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(descriptor, start, end - start, os.POSIX_FADV_DONTNEED)
