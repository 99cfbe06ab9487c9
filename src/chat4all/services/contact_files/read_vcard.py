"""Contacts from vCard 4.0 (RFC 6350) and 3.0 (RFC 2426), strictly.

https://www.rfc-editor.org/rfc/rfc6350
"""

from __future__ import annotations

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

CHANNEL = "X-CHAT4ALL-CHANNEL"
PREFERRED = "X-CHAT4ALL-PREFERRED"
VERSIONS = ("3.0", "4.0")
MAX_VALUE = 20_000
"""Characters of one value that we read; pictures are longer, and passed over."""

_HEAD = re.compile(
    r"(?:[A-Za-z0-9-]+\.)?(?P<name>[A-Za-z0-9-]+)"
    r'(?P<params>(?:;[A-Za-z0-9-]+(?:=(?:"[^"]*"|[^";:,]*)(?:,(?:"[^"]*"|[^";:,]*))*)?)*):'
)
_PARAM = re.compile(r';(?P<name>[A-Za-z0-9-]+)(?:=(?P<value>(?:"[^"]*"|[^";:])*))?')
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_COMPONENT = re.compile(r"(?:^|(?<=;))(?:[^;\\]|\\.)*", re.DOTALL)
_READ = frozenset({"VERSION", "FN", "N", "ORG", "TEL", "IMPP", CHANNEL, PREFERRED})
_SILENT = frozenset({"fax", "pager", "modem"})
"""Types of numbers at which nobody reads a message."""
_IMPP = re.compile(r"[a-z][a-z0-9_-]{0,31}:[^/].*", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """One content line: `raw` is its value before escapes are taken out of it."""

    number: int
    name: str
    params: Mapping[str, Sequence[str]]
    raw: str


class _Malformed(ValueError):
    """A card that cannot be read; others in the file may be."""


def read_vcard(text: str) -> Cards:
    """Return the entries. Raises `InvalidInput` where cards cannot be told apart."""
    cards: list[Card] = []
    ignored: set[str] = set()
    for start, lines in _cards(text):
        if len(cards) == MAX_CARDS:
            raise too_many()
        try:
            cards.append(_card(start, lines, ignored))
        except _Malformed as error:
            cards.append(Card(line=start, problem=str(error)))
    return Cards(items=cards, ignored=sorted(ignored))


def _cards(text: str) -> Iterator[tuple[int, list[tuple[int, str]]]]:
    """Yield each card: the line of its BEGIN, and the lines up to its END."""
    start, lines = 0, list[tuple[int, str]]()
    for number, line in _unfolded(text):
        word = line.strip().upper()
        if word == "BEGIN:VCARD":
            if start:
                raise InvalidInput(f"line {number}: a card begins within that of line {start}")
            start, lines = number, []
        elif not start:
            if word:
                raise InvalidInput(f"line {number}: this is outside of any BEGIN:VCARD")
        elif word == "END:VCARD":
            yield start, lines
            start = 0
        elif word:
            lines.append((number, line))
    if start:
        raise InvalidInput(f"line {start}: the card that begins here has no END:VCARD")


def _unfolded(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines with what was folded put together again (RFC 6350 section 3.2)."""
    begun, pieces = 0, [""]
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), start=1):
        if line[:1] in (" ", "\t") and begun:
            pieces.append(line[1:])
            continue
        if begun:
            yield begun, "".join(pieces)
        begun, pieces = number, [line]
    yield begun, "".join(pieces)


def _card(start: int, lines: Sequence[tuple[int, str]], ignored: set[str]) -> Card:
    version = _version(lines)
    if version not in VERSIONS:
        told = f"vCard {version[:20]}" if version else "a vCard without VERSION"
        raise _Malformed(f"{told} is not read; export as vCard 3.0 or 4.0")
    found: dict[str, list[_Line]] = {}
    for number, written in lines:
        line = _line(number, written)
        if line.name in _READ:
            _check(line)
            found.setdefault(line.name, []).append(line)
        elif line.name not in ("PRODID", "REV", "UID"):
            ignored.add(line.name[:100])
    preferred = _texts(found.get(PREFERRED, ()))
    impp = [one.raw for one in found.get("IMPP", ()) if _IMPP.match(one.raw)]
    return Card(
        line=start,
        name=_name(found),
        phones=[_number(one) for one in _preferred_first(found.get("TEL", ())) if _speaks(one)],
        channels=[*_texts(found.get(CHANNEL, ())), *(f"?{one}" for one in impp)],
        preferred_channel=preferred[0] if preferred else None,
    )


def _version(lines: Sequence[tuple[int, str]]) -> str:
    for _, line in lines:
        name, _, value = line.partition(":")
        if name.strip().upper() == "VERSION":
            return value.strip()
    return ""


def _line(number: int, written: str) -> _Line:
    head = _HEAD.match(written)
    if head is None:
        raise _Malformed(f"line {number} is not of the form NAME;PARAMETER=VALUE:VALUE")
    params: dict[str, list[str]] = {}
    for one in _PARAM.finditer(head["params"]):
        # vCard 2.1 writes types without a name, and some that write 3.0 do too.
        name, value = (one["name"], one["value"]) if one["value"] else ("TYPE", one["name"])
        parts = value.replace('"', "").lower().split(",")
        params.setdefault(name.upper(), []).extend(parts)
    name = head["name"].upper()
    return _Line(number=number, name=name, params=params, raw=written[head.end() :])


def _check(line: _Line) -> None:
    encodings = {*line.params.get("ENCODING", ()), *line.params.get("TYPE", ())}
    if "quoted-printable" in encodings:
        raise _Malformed(
            f"line {line.number} is quoted-printable, of vCard 2.1; export as vCard 3.0 or 4.0"
        )
    if encodings & {"b", "base64"}:
        raise _Malformed(f"line {line.number} is Base64; names and numbers are text")
    if len(line.raw) > MAX_VALUE:
        raise _Malformed(f"line {line.number} has more than {MAX_VALUE:,} characters")


def _preferred_first(lines: Sequence[_Line]) -> Sequence[_Line]:
    """Put first what the card prefers: PREF=1 of 4.0, TYPE=pref of 3.0."""

    def rank(line: _Line) -> int:
        given = "".join(line.params.get("PREF", ())[:1])
        if given.isascii() and given.isdigit() and len(given) <= 3:  # noqa: PLR2004 - 1 to 100
            return int(given)
        return 1 if "pref" in line.params.get("TYPE", ()) else 101

    return sorted(lines, key=rank)


def _name(found: Mapping[str, Sequence[_Line]]) -> str:
    formatted = _texts(_preferred_first(found.get("FN", ())))
    for name in formatted:
        if name.strip():
            return name
    for line in found.get("N", ()):
        family, given, more, before, after, *_ = [*_components(line.raw), *[""] * 5]
        parts = [part.strip() for part in (before, given, more, family, after)]
        if any(parts):
            return " ".join(part for part in parts if part)
    return next((_components(line.raw)[0] for line in found.get("ORG", ())), "")


def _texts(lines: Sequence[_Line]) -> list[str]:
    return [_unescaped(line.raw) for line in lines]


def _components(raw: str) -> list[str]:
    """Split a structured value at its semicolons, but those that are escaped."""
    return [_unescaped(part) for part in _COMPONENT.findall(raw)]


def _speaks(line: _Line) -> bool:
    return _SILENT.isdisjoint(line.params.get("TYPE", ()))


def _number(line: _Line) -> str:
    """Return the number of a TEL, which may be a tel: URI (RFC 3966)."""
    number = _unescaped(line.raw).strip()
    return number[4:].partition(";")[0] if number[:4].lower() == "tel:" else number


def _unescaped(raw: str) -> str:
    return _ESCAPED.sub(lambda one: "\n" if one[1] in "nN" else one[1], raw)
