"""A file's bytes as text, and the text as entries."""

from __future__ import annotations

import codecs

from chat4all.domain.errors import InvalidInput
from chat4all.services.contact_files.card import Cards, FileFormat
from chat4all.services.contact_files.read_csv import read_csv
from chat4all.services.contact_files.read_vcard import read_vcard

_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
CHARSETS = frozenset({"utf-8", "utf-16", "us-ascii", "iso-8859-1", "windows-1252"})
"""What a media type may name as `charset`."""


def read_cards(body: bytes, format_: FileFormat, charset: str = "") -> Cards:
    """Return the entries of a file. Raises `InvalidInput` with the line that is wrong.

    A byte order mark goes before `charset`; without either the file is UTF-8.
    """
    text = _text(body, charset)
    return read_csv(text) if format_ is FileFormat.CSV else read_vcard(text)


def _text(body: bytes, charset: str) -> str:
    # UTF-32 little endian begins as UTF-16 does, and nobody writes it: it fails below.
    encoding = next((name for mark, name in _MARKS.items() if body.startswith(mark)), None)
    if encoding is None:
        encoding = charset.strip().lower() or "utf-8"
        if encoding not in CHARSETS:
            known = ", ".join(sorted(CHARSETS))
            raise InvalidInput(f"the charset {encoding} is not read; there are {known}")
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise InvalidInput(
            f"line {line}: this is not {encoding}; save the file as UTF-8, or name its charset"
        ) from error
    if "\x00" in text:
        line = text.count("\n", 0, text.index("\x00")) + 1
        raise InvalidInput(f"line {line}: a NUL; this is no text, or UTF-16 without its mark")
    return text
