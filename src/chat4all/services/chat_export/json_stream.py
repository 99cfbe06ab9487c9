"""Walks through a JSON file too large to be loaded, one value at a time.

The walker is told what to expect (`members` of an object, `elements` of an array) and the
values asked for are decoded whole by the standard library, each within a bound. Memory is
that of the largest value, not of the file.
"""

from __future__ import annotations

import codecs
import json
from typing import IO, TYPE_CHECKING, Any

from chat4all.services.chat_export.records import NotAChatExport

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_VALUE_CHARS = 64 << 20
_CHUNK = 256 << 10
_WHITESPACE = " \t\r\n"
# strict=False: some exporters leave raw control characters inside strings.
_DECODER = json.JSONDecoder(strict=False)


class JsonStream:
    """A cursor in a JSON text; `file` is open for binary reading and stays the caller's.

    Broken UTF-8 becomes lone surrogates, so that nothing stops and byte offsets hold.
    Every method raises `NotAChatExport` if the text ends early or is not JSON.
    """

    def __init__(self, file: IO[bytes], *, offset: int = 0) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="surrogateescape")
        self._buffer = ""
        self._at = 0
        self._ended = False
        file.seek(offset)
        self._bytes_read = offset
        if offset == 0 and file.read(3) == codecs.BOM_UTF8:
            self._bytes_read = 3
        file.seek(self._bytes_read)

    def offset(self) -> int:
        """Return the byte at which the next value begins; a new stream may start there."""
        self.peek()
        pending, _ = self._decoder.getstate()
        ahead = self._buffer[self._at :].encode(errors="surrogateescape")
        return self._bytes_read - len(pending) - len(ahead)

    def peek(self) -> str:
        """Return the next character that is not white space, or nothing at the end."""
        while True:
            while self._at < len(self._buffer):
                if self._buffer[self._at] not in _WHITESPACE:
                    return self._buffer[self._at]
                self._at += 1
            if not self._more(_CHUNK):
                return ""

    def value(self) -> Any:
        """Decode the next value and step behind it."""
        self.peek()
        size = _CHUNK
        while True:
            try:
                value, end = _DECODER.raw_decode(self._buffer, self._at)
            except json.JSONDecodeError as error:
                if self._ended or len(self._buffer) - self._at > MAX_VALUE_CHARS:
                    raise self._damaged(str(error)) from error
            except (ValueError, RecursionError) as error:
                raise self._damaged(type(error).__name__) from error
            else:
                # A number that touches the end of the buffer may go on behind it.
                if end < len(self._buffer) or self._ended:
                    self._at = end
                    return value
            self._more(size)
            size = max(_CHUNK, len(self._buffer) - self._at)

    def members(self) -> Iterator[str]:
        """Yield the keys of the object that comes next; take each key's value before the next."""
        self._take("{")
        if self.peek() == "}":
            self._at += 1
            return
        while True:
            key = self.value()
            if not isinstance(key, str):
                raise self._damaged("a key that is not a string")
            self._take(":")
            yield key
            if self._take(",}") == "}":
                return

    def elements(self) -> Iterator[None]:
        """Yield before each element of the array that comes next; take it before the next."""
        self._take("[")
        if self.peek() == "]":
            self._at += 1
            return
        while True:
            yield
            if self._take(",]") == "]":
                return

    def end(self) -> None:
        """Make sure that nothing follows."""
        if self.peek():
            raise self._damaged("something follows the end")

    def _take(self, expected: str) -> str:
        found = self.peek()
        if not found or found not in expected:
            raise self._damaged(f"expected one of {expected!r}, found {found!r}")
        self._at += 1
        return found

    def _more(self, size: int) -> bool:
        if self._ended:
            return False
        raw = self._file.read(size)
        self._bytes_read += len(raw)
        self._ended = not raw
        self._buffer = self._buffer[self._at :] + self._decoder.decode(raw, final=self._ended)
        self._at = 0
        return not self._ended or bool(self._buffer)

    def _damaged(self, problem: str) -> NotAChatExport:
        return NotAChatExport(
            f"The JSON is damaged or ends in the middle, near byte {self._bytes_read} ({problem}). "
            "Copy the file again, or let Telegram Desktop export again as machine-readable JSON."
        )
