"""Tells which program wrote an export, and reads it with the right reader."""

from __future__ import annotations

import codecs
import zipfile
from datetime import UTC, tzinfo
from itertools import islice
from typing import TYPE_CHECKING

from chat4all.services.chat_export.records import (
    DateOrder,
    Export,
    ExportFormat,
    NotAChatExport,
)
from chat4all.services.chat_export.safe_text import TextRepair
from chat4all.services.chat_export.telegram import is_telegram, read_telegram
from chat4all.services.chat_export.whatsapp import read_whatsapp
from chat4all.services.chat_export.whatsapp_file import open_text, read_lines
from chat4all.services.chat_export.whatsapp_header import parse_header

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_HEAD = 4096
# A message begins within the first lines, unless somebody pasted a text before it.
_LINES_LOOKED_AT = 200
_REMEDY = (
    "Give the .txt or .zip of WhatsApp's Export chat, or the result.json of Telegram Desktop's "
    "Export chat history (machine-readable JSON)."
)


def detect_format(path: Path) -> ExportFormat:
    """Return which program wrote the export at `path`.

    Raises `NotAChatExport`, whose text says what to give instead, for anything else; an
    `OSError` if the file cannot be opened.
    """
    if path.is_dir():
        raise NotAChatExport(f"This is a folder. {_REMEDY}")
    if zipfile.is_zipfile(path):
        with open_text(path) as file:
            head = file.read(_HEAD)
    else:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    _check_encoding(head)
    beginning = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if not beginning:
        raise NotAChatExport(f"The file is empty. {_REMEDY}")
    if beginning.startswith(b"{") and not zipfile.is_zipfile(path):
        if is_telegram(path):
            return ExportFormat.TELEGRAM
        raise NotAChatExport(f"This JSON is not from Telegram Desktop. {_REMEDY}")
    if _begins_like_whatsapp(path):
        return ExportFormat.WHATSAPP
    if beginning[:1] == b"<":
        raise NotAChatExport(
            "This is a web page. In Telegram Desktop export again and choose "
            "Machine-readable JSON instead of HTML."
        )
    raise NotAChatExport(f"The file is not a chat export that can be read. {_REMEDY}")


def read_export(
    path: Path,
    *,
    timezone: tzinfo = UTC,
    date_order: DateOrder | None = None,
    chat_name: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> Export:
    """Look through the export at `path`; messages are read from it when they are asked for.

    `timezone` is where the exporting phone was; `date_order` overrides what the dates of a
    WhatsApp text suggest, and `chat_name` what its file name says. Telegram needs neither.
    `progress` is called with increments while messages are read, see `Export.total_units`.
    The file must stay unchanged in its place until then.

    Raises `NotAChatExport` as `detect_format` does, and for a damaged export.
    """
    if detect_format(path) is ExportFormat.TELEGRAM:
        return read_telegram(path, timezone=timezone, progress=progress)
    return read_whatsapp(
        path, timezone=timezone, date_order=date_order, chat_name=chat_name, progress=progress
    )


def _check_encoding(head: bytes) -> None:
    # Half of UTF-16 text is NUL bytes, also where the mark at its beginning was lost.
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or (
        head.count(0) * 4 > len(head)
    ):
        raise NotAChatExport(
            "The file is UTF-16 or not text at all. If an editor saved it, save it again as "
            "UTF-8, or give the file as the phone made it."
        )


def _begins_like_whatsapp(path: Path) -> bool:
    with open_text(path) as file:
        lines = islice(read_lines(file, TextRepair()), _LINES_LOOKED_AT)
        return any(parse_header(line.text) for line in lines if not line.problem)
