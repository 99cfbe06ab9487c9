"""Contacts as a file that `reading` reads back as the same."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from chat4all.services.contact_files.card import FileFormat
from chat4all.services.contact_files.read_csv import SEPARATOR
from chat4all.services.contact_files.read_vcard import CHANNEL, PREFERRED
from chat4all.services.contact_files.spreadsheet import harmless

FOLD = 75
"""Octets of a line of a vCard (RFC 6350 section 3.2)."""
COLUMNS = ("name", "phone", "channels", "preferred_channel")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One contact to write; `id` names it for other programs."""

    id: str
    name: str
    phones: Sequence[str]
    channels: Sequence[str]
    preferred_channel: str | None


def write_cards(contacts: Sequence[Written], format_: FileFormat, *, first: bool) -> bytes:
    """Return contacts as a part of a file; the `first` one begins it.

    A name is one line in it: line breaks and other control characters are spaces.
    """
    if format_ is FileFormat.CSV:
        return _csv(contacts, header=first)
    return "".join(_vcard(one) for one in contacts).encode()


def _csv(contacts: Sequence[Written], *, header: bool) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    if header:
        writer.writerow(COLUMNS)
    for one in contacts:
        phones, channels = SEPARATOR.join(one.phones), SEPARATOR.join(one.channels)
        fields = (one_line(one.name), phones, channels, one.preferred_channel or "")
        writer.writerow([harmless(field) for field in fields])
    return out.getvalue().encode()


def _vcard(one: Written) -> str:
    lines = ["BEGIN:VCARD", "VERSION:4.0", f"UID:urn:uuid:{one.id}"]
    lines.append(f"FN:{_escaped(one_line(one.name))}")
    lines += [f"TEL;VALUE=uri:tel:{number}" for number in one.phones]
    lines += [f"{CHANNEL}:{_escaped(channel)}" for channel in one.channels]
    if one.preferred_channel:
        lines.append(f"{PREFERRED}:{_escaped(one.preferred_channel)}")
    return "".join(f"{_folded(line)}\r\n" for line in (*lines, "END:VCARD"))


def one_line(name: str) -> str:
    """Return a name as a file has it: no line breaks, no control characters, single spaces."""
    return " ".join(_CONTROL.sub(" ", name).split())


def _escaped(text: str) -> str:
    for character in ("\\", ";", ","):
        text = text.replace(character, f"\\{character}")
    return text


def _folded(line: str) -> str:
    """Break a line after at most 75 octets, and never within a character."""
    lines, width = [""], 0
    for character in line:
        size = len(character.encode())
        if width + size > FOLD:
            lines.append(" ")
            width = 1
        lines[-1] += character
        width += size
    return "\r\n".join(lines)
