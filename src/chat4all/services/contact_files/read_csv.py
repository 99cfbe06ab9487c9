"""Contacts from comma-separated values, strictly by RFC 4180.

The names of columns are ours, and those that Google Contacts and Outlook write.
https://www.rfc-editor.org/rfc/rfc4180
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from chat4all.domain.errors import InvalidInput
from chat4all.services.contact_files.card import (
    MAX_CARDS,
    Card,
    Cards,
    too_many,
)
from chat4all.services.contact_files.spreadsheet import plain

SEPARATOR = " ::: "
"""Between several values in one field, as Google writes them."""
MAX_COLUMNS = 300
MAX_FIELD = 20_000
"""Characters of one field that we read."""

_NAMES = ("name", "display name", "display_name", "full name", "nome")
_GIVEN = ("first name", "given name")
_MIDDLE = ("middle name", "additional name")
_FAMILY = ("last name", "family name")
_FIRMS = ("organization name", "organization 1 - name", "company", "organization")
_PHONES = re.compile(
    r"phones?|phone[ _]number|tel|telephone|mobile|cell|whatsapp|telefone|celular"
    r"|(?:mobile|primary|home|business|other|company main|car) phone(?: [0-9])?"
    r"|phone [0-9]{1,2} - value"
)
_CHANNELS = re.compile(r"channels?|channel [0-9]{1,2}")
_PREFERRED = ("preferred_channel",)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Columns:
    """Which columns mean what, by their places."""

    count: int
    names: Mapping[str, int]
    phones: Sequence[int]
    channels: Sequence[int]

    def first(self, row: Sequence[str], wanted: Sequence[str]) -> str:
        """Return the first that is filled of the columns with these names."""
        for name in wanted:
            place = self.names.get(name)
            if place is not None and place < len(row) and row[place].strip():
                return plain(row[place].strip())
        return ""

    def values(self, row: Sequence[str], places: Sequence[int]) -> tuple[str, ...]:
        """Return what is filled in of these columns, one value after the other."""
        fields = (row[place] for place in places if place < len(row))
        parts = (plain(part.strip()) for field in fields for part in field.split(SEPARATOR))
        return tuple(part for part in parts if part)


def read_csv(text: str) -> Cards:
    """Return the entries. Raises `InvalidInput`."""
    rows = _rows(text)
    line, header = next(rows, (1, []))
    columns, ignored = _columns(header, line)
    cards: list[Card] = []
    for line, row in rows:
        if len(cards) == MAX_CARDS:
            raise too_many()
        cards.append(_card(line, row, columns))
    return Cards(items=cards, ignored=ignored)


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row that is not blank with the line on which it begins."""
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines, delimiter=_delimiter(text), strict=True)
    line = 1
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise InvalidInput(
                f"line {line}: {error}; a field with quotes is in quotes, and its own are doubled"
            ) from error
        if row is None:
            return
        if any(field.strip() for field in row):
            yield line, row
        line = reader.line_num + 1


def _delimiter(text: str) -> str:
    """Return what separates the columns: Excel writes semicolons in many countries."""
    header = re.sub(r'"[^"]*"', "", text.lstrip("\r\n").partition("\n")[0][:MAX_FIELD])
    return max(",;\t", key=header.count)


def _columns(header: Sequence[str], line: int) -> tuple[_Columns, Sequence[str]]:
    if len(header) > MAX_COLUMNS:
        raise InvalidInput(f"line {line}: more than {MAX_COLUMNS} columns")
    wanted = {*_NAMES, *_GIVEN, *_MIDDLE, *_FAMILY, *_FIRMS, *_PREFERRED}
    names: dict[str, int] = {}
    phones, channels, ignored = [], [], []
    for place, written in enumerate(header):
        name = " ".join(written.casefold().split())
        if name in wanted:
            names.setdefault(name, place)
        elif _PHONES.fullmatch(name):
            phones.append(place)
        elif _CHANNELS.fullmatch(name):
            channels.append(place)
        elif name:
            ignored.append(written.strip()[:100])
    if not phones and not channels:
        raise InvalidInput(
            f"line {line}: no column says how somebody is reached; the first line names the "
            "columns, such as name, phone, channels"
        )
    columns = _Columns(count=len(header), names=names, phones=phones, channels=channels)
    return columns, ignored


def _card(line: int, row: Sequence[str], columns: _Columns) -> Card:
    if any(field.strip() for field in row[columns.count :]):
        return Card(line=line, problem=f"more fields than the {columns.count} that have a name")
    if any(len(field) > MAX_FIELD for field in row):
        return Card(line=line, problem=f"a field of more than {MAX_FIELD:,} characters")
    parts = (columns.first(row, each) for each in (_GIVEN, _MIDDLE, _FAMILY))
    name = columns.first(row, _NAMES) or " ".join(part for part in parts if part)
    return Card(
        line=line,
        name=name or columns.first(row, _FIRMS),
        phones=columns.values(row, columns.phones),
        channels=columns.values(row, columns.channels),
        preferred_channel=columns.first(row, _PREFERRED) or None,
    )
