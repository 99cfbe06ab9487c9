"""A file whose bytes are asked for over a pipe, piece by piece. Runs in the worker."""

from __future__ import annotations

import io
import json
import os
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_PIECE = 256 * 1024


class AskedFile(io.RawIOBase):
    """Read-only and seekable; whoever reads more than `budget` bytes in all gets an `OSError`."""

    def __init__(self, answers: BinaryIO, questions: BinaryIO, *, size: int, budget: int) -> None:
        self._answers = answers
        self._questions = questions
        self._size = size
        self._left = budget
        self._at = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Return where the next byte comes from."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place; asks for nothing yet."""
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        if origin + offset < 0:
            raise OSError("a place before the beginning")
        self._at = origin + offset
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill `buffer` as far as the file goes."""
        view = memoryview(buffer).cast("B")
        wanted = max(0, min(len(view), self._size - self._at))
        if wanted == 0:
            return 0
        if wanted > self._left:
            raise OSError("more of the file is needed than may be read")
        self._left -= wanted
        question = {"read": [self._at, self._at + wanted]}
        self._questions.write(json.dumps(question).encode() + b"\n")
        self._questions.flush()
        got = self._answers.readinto(view[:wanted])  # type: ignore[attr-defined] # buffered
        if got != wanted:
            raise OSError("nobody is there any more")
        self._at += wanted
        return wanted


def asked_file(
    answers: BinaryIO, questions: BinaryIO, *, size: int, budget: int
) -> io.BufferedReader:
    """Return the file, read in pieces that are worth asking for."""
    return io.BufferedReader(AskedFile(answers, questions, size=size, budget=budget), _PIECE)
