"""Opens the text of a WhatsApp export and hands out its lines, all of it bounded."""

from __future__ import annotations

import re
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from chat4all.services.chat_export.records import NotAChatExport

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from chat4all.services.chat_export.safe_text import TextRepair

MAX_TEXT_BYTES = 512 << 20
MAX_LINE_BYTES = 1 << 20
_TITLE = re.compile(
    r"(?:WhatsApp Chat (?:with|-)|Conversa do WhatsApp com|WhatsApp[- ]Chat mit"
    r"|Chat de WhatsApp con|Discussion WhatsApp avec|Chat WhatsApp con)\s+"
    r"(?P<title>.+?)(?:\s?\(\d{1,3}\))?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line without its end; `number` counts from 1, `problem` says why it is no text."""

    number: int
    text: str
    problem: str | None = None


def title_of(path: Path) -> str:
    """Return the chat's name as the file name tells it, or nothing.

    `WhatsApp Chat with Ana (1).txt` is Ana: browsers number the second download.
    """
    for name in (path.name, *_text_names(path)):
        stem = name.rpartition("/")[2].rpartition(".")[0]
        found = _TITLE.fullmatch(stem.strip())
        if found is not None:
            return found["title"].strip()
    return ""


@contextmanager
def open_text(path: Path) -> Iterator[IO[bytes]]:
    """Open the text of the export, inside the zip if it is one.

    Raises `NotAChatExport` for a zip without such a text, a damaged or locked one, and
    for more than `MAX_TEXT_BYTES`.
    """
    if not zipfile.is_zipfile(path):
        _check_size(path.stat().st_size)
        with path.open("rb") as file:
            yield file
        return
    try:
        with zipfile.ZipFile(path) as archive:
            entry = _text_entry(archive)
            _check_size(entry.file_size)
            # zipfile stops at the declared size, so a zip bomb cannot exceed the check.
            with archive.open(entry) as file:
                yield file
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise NotAChatExport(
            f"The zip is damaged ({error}). Copy it from the phone again, or export the chat again."
        ) from error


def read_lines(file: IO[bytes], repair: TextRepair) -> Iterator[Line]:
    """Yield the lines of `file`; only a line feed ends one, since U+2028 is text.

    A line over `MAX_LINE_BYTES` comes with a `problem` and only its beginning.
    """
    number = 0
    while raw := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        too_long = len(raw) > MAX_LINE_BYTES and not raw.endswith(b"\n")
        if too_long:
            _skip_line(file)
        text = raw.removesuffix(b"\n").removesuffix(b"\r").decode(errors="surrogateescape")
        if too_long:
            yield Line(number=number, text=text, problem=f"longer than {MAX_LINE_BYTES} bytes")
        else:
            yield Line(number=number, text=repair(text))


def _skip_line(file: IO[bytes]) -> None:
    while chunk := file.readline(MAX_LINE_BYTES):
        if chunk.endswith(b"\n"):
            return


def _check_size(size: int) -> None:
    if size > MAX_TEXT_BYTES:
        raise NotAChatExport(
            f"The text of the export has {size >> 20} MiB, more than the {MAX_TEXT_BYTES >> 20} "
            "MiB read at once. Split it at the beginning of a message."
        )


def _text_names(path: Path) -> tuple[str, ...]:
    if not zipfile.is_zipfile(path):
        return ()
    try:
        with zipfile.ZipFile(path) as archive:
            return (_text_entry(archive).filename,)
    except zipfile.BadZipFile:
        return ()


def _text_entry(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    texts = [
        entry
        for entry in archive.infolist()
        if entry.filename.lower().endswith(".txt") and not entry.filename.startswith("__MACOSX/")
    ]
    texts.sort(key=lambda entry: (not _is_chat_text(entry), entry.filename.count("/")))
    if not texts or (len(texts) > 1 and not _is_chat_text(texts[0])):
        raise NotAChatExport(
            "The zip holds no WhatsApp chat (_chat.txt or 'WhatsApp Chat with ... .txt'). Give the "
            "zip as WhatsApp made it; for Telegram give the unpacked result.json."
        )
    if texts[0].flag_bits & 1:
        raise NotAChatExport("The zip is locked with a password. Unpack it and give the text.")
    return texts[0]


def _is_chat_text(entry: zipfile.ZipInfo) -> bool:
    name = entry.filename.rpartition("/")[2]
    return name == "_chat.txt" or _TITLE.fullmatch(name.removesuffix(".txt")) is not None
