"""Puts the lines of a WhatsApp text together into messages, and accounts for every line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from chat4all.services.chat_export.records import DateOrder, UnreadableLine
from chat4all.services.chat_export.safe_text import excerpt
from chat4all.services.chat_export.whatsapp_header import (
    Header,
    Style,
    parse_header,
    split_author,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from chat4all.services.chat_export.whatsapp_file import Line

MAX_MESSAGE_CHARS = 1 << 20


@dataclass(slots=True, kw_only=True)
class Draft:
    """A message whose following lines may still come; `author` is None for a notice.

    Empty lines count only once another line follows: WhatsApp trims the end of a message.
    """

    wall_time: datetime
    line_number: int
    author: str | None
    lines: list[str]
    size: int
    blanks: int = 0

    def add(self, text: str) -> bool:
        """Take a line that continues the message; return False if it would grow too long."""
        if not text:
            self.blanks += 1
            return True
        if self.size + self.blanks + len(text) > MAX_MESSAGE_CHARS:
            return False
        self.lines.extend([""] * self.blanks)
        self.lines.append(text)
        self.size += self.blanks + len(text) + 1
        self.blanks = 0
        return True


def assemble(
    lines: Iterable[Line], *, style: Style, date_order: DateOrder, title: str
) -> Iterator[Draft | UnreadableLine]:
    """Yield a draft for each header of `style`; whatever is not a part of one is unreadable.

    `title` is the chat's, see `split_author`.
    """
    draft: Draft | None = None
    orphaned_by = "comes before the first message"
    for line in lines:
        header = parse_header(line.text)
        if header is None or header.style != style:
            reason = line.problem or _continue(draft, line, orphaned_by)
            if reason:
                yield _unreadable(line, reason)
            continue
        if draft is not None:
            yield draft
        draft = None if line.problem else _begin(header, line, date_order, title)
        if draft is None:
            impossible = f"there is no such date or time, read {date_order}"
            yield _unreadable(line, line.problem or impossible)
            orphaned_by = f"continues line {line.number}, which could not be read"
    if draft is not None:
        yield draft


def _begin(header: Header, line: Line, date_order: DateOrder, title: str) -> Draft | None:
    wall_time = header.wall_time(date_order)
    if wall_time is None:
        return None
    author, text = split_author(header.rest, title=title)
    return Draft(
        wall_time=wall_time,
        line_number=line.number,
        author=author,
        lines=[text],
        size=len(text),
    )


def _continue(draft: Draft | None, line: Line, orphaned_by: str) -> str | None:
    """Add `line` to `draft`, or return why that cannot be."""
    if draft is None:
        return orphaned_by if line.text else None
    if draft.add(line.text):
        return None
    return f"the message would be longer than {MAX_MESSAGE_CHARS} characters"


def _unreadable(line: Line, reason: str) -> UnreadableLine:
    return UnreadableLine(line_number=line.number, text=excerpt(line.text), reason=reason)
