"""The date, time and author that begin each message of a WhatsApp export.

WhatsApp writes them as the phone's language and region do, so the same chat can begin its
lines with `[12/31/24, 11:59:01 PM] `, `31.12.24, 23:59 - ` or `2024-12-31, 23:59 - `.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from chat4all.services.chat_export.records import DateOrder

if TYPE_CHECKING:
    from collections.abc import Iterable

DIRECTION_MARKS = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"

# iOS puts U+202F before AM/PM; some languages put U+2009 or U+00A0 into the time.
_SPACE = "[ \u00a0\u2009\u202f]"
_HEADER = re.compile(
    rf"[{DIRECTION_MARKS}]*(?P<open>\[)?"
    rf"(?P<first>\d{{1,4}})(?P<separator>[./-]){_SPACE}?"
    rf"(?P<second>\d{{1,2}})(?P=separator){_SPACE}?(?P<third>\d{{1,4}})\.?"
    rf",?{_SPACE}+(?:(?:klo|kl\.|um|às|at){_SPACE})?"
    r"(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<seconds>\d{2}))?"
    rf"(?:{_SPACE}*(?P<half>[AaPp])\.?{_SPACE}?[Mm]\.?)?"
    rf"(?(open)\]|{_SPACE}[-\u2013])(?:{_SPACE}(?P<rest>.*))?$",
    re.DOTALL,
)
_LAST_MONTH = 12
_NOON = 12
_CENTURY = 2000
_SHORT_YEARS = 100
_YEARS = range(1970, 2200)
_PLAIN_NAME = dict.fromkeys(map(ord, DIRECTION_MARKS)) | dict.fromkeys((0x202F, 0xA0), " ")
# A name longer than this is the beginning of a notice that happens to contain ": ".
_LONGEST_AUTHOR = 128
# Notices whose own text contains ": "; the part before it looks like an author.
_NOTICE_BEGINNING = re.compile(
    r" (?:changed (?:the|this) (?:subject|group)|created (?:the )?group"
    r"|(?:mudou|alterou) (?:o assunto|o nome do grupo|a descrição)|criou (?:o|este) grupo"
    r"|hat (?:den (?:Betreff|Gruppennamen)|die Gruppe(?:nbeschreibung)?)) ?",
)
_QUOTES = (("\u201c", "\u201d"), ("\u201e", "\u201c"), ("\u00ab", "\u00bb"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """The look of a header. One export has one, so a pasted line of another look is text."""

    bracket: bool
    separator: str
    seconds: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The beginning of a message as it is written, before the order of the date is known."""

    style: Style
    first: int
    second: int
    third: int
    year_first: bool
    hour: int
    minute: int
    seconds: int
    rest: str

    def day(self, order: DateOrder) -> tuple[int, int, int]:
        """Return year, month and day as `order` reads them; they may be impossible."""
        if order is DateOrder.YEAR_FIRST:
            return self.first, self.second, self.third
        year = self.third + _CENTURY if self.third < _SHORT_YEARS else self.third
        if order is DateOrder.MONTH_FIRST:
            return year, self.first, self.second
        return year, self.second, self.first

    def wall_time(self, order: DateOrder) -> datetime | None:
        """Return the time on the phone's clock, or None if there is no such time."""
        year, month, day = self.day(DateOrder.YEAR_FIRST if self.year_first else order)
        if year not in _YEARS:
            return None
        try:
            # Naive on purpose: the export does not say the zone, the caller does.
            return datetime(  # noqa: DTZ001  (see above)
                year, month, day, self.hour, self.minute, self.seconds
            )
        except ValueError:
            return None


def parse_header(line: str) -> Header | None:
    """Return the header that begins `line`, or None if it continues a message."""
    found = _HEADER.match(line)
    if found is None:
        return None
    hour = int(found["hour"])
    if found["half"]:
        afternoon = found["half"] in "Pp"
        if hour == _NOON and not afternoon:
            hour = 0
        elif hour < _NOON and afternoon:
            hour += _NOON
    return Header(
        style=Style(
            bracket=bool(found["open"]),
            separator=found["separator"],
            seconds=bool(found["seconds"]),
        ),
        first=int(found["first"]),
        second=int(found["second"]),
        third=int(found["third"]),
        year_first=len(found["first"]) == len("2024"),
        hour=hour,
        minute=int(found["minute"]),
        seconds=int(found["seconds"] or 0),
        rest=found["rest"] or "",
    )


def decide_date_order(headers: Iterable[Header]) -> tuple[DateOrder, str]:
    """Return the order of day and month in the whole file, and why it was chosen.

    A number over 12 is a day and settles it. Otherwise the reading in which time goes
    back less often wins, and day-first if both read equally well. Dates that contradict
    the choice are read as impossible, so they are reported, never misread.
    """
    day_first = month_first = year_first = total = 0
    steps_back = {DateOrder.DAY_FIRST: 0, DateOrder.MONTH_FIRST: 0}
    previous: Header | None = None
    for header in headers:
        total += 1
        year_first += header.year_first
        day_first += header.first > _LAST_MONTH
        month_first += header.second > _LAST_MONTH
        if previous is not None:
            for order in steps_back:
                steps_back[order] += header.day(order) < previous.day(order)
        previous = header
    if year_first * 2 > total:
        return DateOrder.YEAR_FIRST, "dates begin with the year"
    if day_first or month_first:
        return _by_days_over_twelve(day_first, month_first)
    back_day, back_month = steps_back[DateOrder.DAY_FIRST], steps_back[DateOrder.MONTH_FIRST]
    if back_day == back_month:
        return DateOrder.DAY_FIRST, "no date tells day from month; this is the default"
    chosen = DateOrder.DAY_FIRST if back_day < back_month else DateOrder.MONTH_FIRST
    return chosen, (
        f"time goes back {min(back_day, back_month)} times that way "
        f"and {max(back_day, back_month)} times the other way"
    )


def _by_days_over_twelve(day_first: int, month_first: int) -> tuple[DateOrder, str]:
    if day_first >= month_first:
        why = f"{day_first} dates have a first number over 12"
        but = month_first
        order = DateOrder.DAY_FIRST
    else:
        why = f"{month_first} dates have a second number over 12"
        but = day_first
        order = DateOrder.MONTH_FIRST
    return order, f"{why}, though {but} contradict it" if but else why


def split_author(rest: str, *, title: str) -> tuple[str | None, str]:
    """Return the author and the text of what follows the time; None for a notice.

    The first `: ` ends the author. A name that itself contains `: ` is understood only if
    it is the title of the chat, since nothing else in the file tells where it ends.
    """
    if title and rest.startswith(f"{title}: "):
        return clean_author(title), rest[len(title) + 2 :]
    author, colon, text = rest.partition(": ")
    if not colon:
        if not rest.endswith(":"):
            return None, rest
        author, text = rest[:-1], ""
    name = clean_author(author)
    if not name or len(name) > _LONGEST_AUTHOR or _is_notice_beginning(name):
        return None, rest
    return name, text


def clean_author(name: str) -> str:
    """Return `name` without direction marks and without the `~` of people not in the phone book."""
    if not name.isascii():
        name = name.translate(_PLAIN_NAME)
    return name.strip().removeprefix("~").strip()


def _is_notice_beginning(name: str) -> bool:
    if _NOTICE_BEGINNING.search(name):
        return True
    # `Ana changed the subject to "Trip: Rome"` is cut inside its quotation, in any language.
    return name.count('"') % 2 == 1 or any(
        name.count(opening) > name.count(closing) for opening, closing in _QUOTES
    )
