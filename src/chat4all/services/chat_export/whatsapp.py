"""Reads a chat exported by WhatsApp: a text, or the zip that holds it beside its files.

There is no written format; this follows what iOS and Android phones produce
(https://faq.whatsapp.com/1180414079177245). The text is read three times, so that memory
does not grow with it: for the order of the dates, for a summary, for the messages.

Keys and their limits. A message is known by the chat, the time on the phone, the author's
name, its text, and how many equal ones came before it. So keys change when the
contact is renamed, when a message is edited or deleted between two exports, when one export
has files and the other does not, when it comes from another phone, and, for equal messages of
one minute, when a later export begins in the middle of that minute (WhatsApp exports at most
the last 40,000 messages). The chat is known by `chat_name`, else by the name of the file, so
two contacts of one name are one chat and a renamed group is another; a nameless `_chat.txt`
is known by its opening message, which a later export keeps unless it was cut.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING

from chat4all.services.chat_export.records import (
    ChatKind,
    DateOrder,
    Export,
    ExportedChat,
    ExportedMessage,
    ExportedParticipant,
    ExportFormat,
    MessageKind,
    NotAChatExport,
    UnreadableLine,
)
from chat4all.services.chat_export.safe_text import TextRepair
from chat4all.services.chat_export.whatsapp_assembly import Draft, assemble
from chat4all.services.chat_export.whatsapp_body import Body, read_body
from chat4all.services.chat_export.whatsapp_file import open_text, read_lines, title_of
from chat4all.services.chat_export.whatsapp_header import (
    DIRECTION_MARKS,
    Header,
    Style,
    decide_date_order,
    parse_header,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from chat4all.services.chat_export.whatsapp_file import Line

_MARKS = re.compile(f"[{DIRECTION_MARKS}]")
_PHONE = re.compile(r"\+?[\d\s()./\u2010-\u2015-]{7,}")
_GROUP_NOTICE = re.compile(
    r"created (?:the )?group|created this group| added |changed (?:the|this) (?:subject|group)"
    r"|joined using|criou (?:o|este) grupo| adicionou |adicionad[oa]|entrou usando"
    r"|hat die Gruppe| hinzugefügt|Gruppennamen",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """The decisions that hold for the whole file."""

    path: Path
    title: str
    chat_key: str
    style: Style
    date_order: DateOrder
    timezone: tzinfo


@dataclass(slots=True, kw_only=True)
class _Summary:
    """What the second reading of the file found out."""

    repair: TextRepair = field(default_factory=TextRepair)
    authors: dict[str, None] = field(default_factory=dict)
    unreadable: list[UnreadableLine] = field(default_factory=list)
    messages: int = 0
    group: bool = False

    def kind(self) -> ChatKind:
        """Return what the notices and the number of authors say."""
        pair = 2
        return ChatKind.GROUP if self.group or len(self.authors) > pair else ChatKind.PRIVATE


def read_whatsapp(
    path: Path,
    *,
    timezone: tzinfo = UTC,
    date_order: DateOrder | None = None,
    chat_name: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> Export:
    """Look through the export at `path` and return it ready to be read.

    Times are on the clock of `timezone`; a time that occurs twice when summer time ends is
    taken as the first, and the order of the file is kept. Texts up to 512 MiB, lines up to
    1 MiB. A header of another look than the first one is text that somebody pasted.

    Raises `NotAChatExport` if there is no WhatsApp message in it.
    """
    title = title_of(path) if chat_name is None else chat_name
    reading, why = _decide(path, title=title, timezone=timezone, date_order=date_order)
    summary = _summarise(reading)
    chat = ExportedChat(
        source=ExportFormat.WHATSAPP,
        key=reading.chat_key,
        title=title,
        kind=summary.kind(),
        participants=tuple(
            ExportedParticipant(key=author_key(name), name=name) for name in summary.authors
        ),
        message_count=summary.messages,
    )

    def read_chat(key: str) -> Iterator[ExportedMessage]:
        if key != chat.key:
            raise KeyError(key)
        for record in _records(reading, TextRepair()):
            if progress is not None:
                progress(1)
            if isinstance(record, ExportedMessage):
                yield record

    nameless = () if title else ("The file name does not tell the chat; give chat_name.",)
    return Export(
        format=ExportFormat.WHATSAPP,
        chats=(chat,),
        notes=(f"Dates are read {reading.date_order}: {why}.", *nameless, *summary.repair.notes()),
        unreadable=tuple(summary.unreadable),
        total_units=summary.messages + len(summary.unreadable),
        read_chat=read_chat,
    )


def author_key(name: str) -> str:
    """Return the key of an author: the phone number if the name is one, else the name."""
    if _PHONE.fullmatch(name):
        return "whatsapp:phone:" + re.sub(r"[^\d+]", "", name)
    return "whatsapp:name:" + unicodedata.normalize("NFC", name)


def _decide(
    path: Path, *, title: str, timezone: tzinfo, date_order: DateOrder | None
) -> tuple[_Reading, str]:
    opening: list[Header] = []

    def headers() -> Iterator[Header]:
        for line in _lines(path, TextRepair()):
            header = None if line.problem else parse_header(line.text)
            if header is None:
                continue
            if not opening:
                opening.append(header)
            if header.style == opening[0].style:
                yield header

    order, why = decide_date_order(headers())
    if not opening:
        raise NotAChatExport(
            "No WhatsApp message was found in this file. In WhatsApp open the chat, choose "
            "More > Export chat, and give the .txt or .zip as it is."
        )
    if date_order is not None:
        order, why = date_order, "this order was asked for"
    first = opening[0]
    identity = ["title", _folded(title)] if title else ["opening", *_place_in_time(first)]
    reading = _Reading(
        path=path,
        title=title,
        chat_key=f"whatsapp:{_digest(identity)[:16]}",
        style=first.style,
        date_order=order,
        timezone=timezone,
    )
    return reading, why


def _summarise(reading: _Reading) -> _Summary:
    summary = _Summary()
    for record in _records(reading, summary.repair):
        if isinstance(record, UnreadableLine):
            summary.unreadable.append(record)
            continue
        summary.messages += 1
        if record.kind is MessageKind.NOTICE:
            summary.group = summary.group or bool(_GROUP_NOTICE.search(record.text))
        elif record.author_name is not None:
            summary.authors.setdefault(record.author_name)
    return summary


def _records(reading: _Reading, repair: TextRepair) -> Iterator[ExportedMessage | UnreadableLine]:
    equal_before: dict[str, int] = {}
    order = 0
    assembled = assemble(
        _lines(reading.path, repair),
        style=reading.style,
        date_order=reading.date_order,
        title=reading.title,
    )
    for entry in assembled:
        if isinstance(entry, UnreadableLine):
            yield entry
            continue
        yield _message(entry, reading, order, equal_before)
        order += 1


def _message(
    draft: Draft, reading: _Reading, order: int, equal_before: dict[str, int]
) -> ExportedMessage:
    text = "\n".join(draft.lines)
    if draft.author is None:
        body = Body(kind=MessageKind.NOTICE, text=_MARKS.sub("", text))
    else:
        body = read_body(text, bracket=reading.style.bracket)
    identity = _digest(
        [
            draft.wall_time.isoformat(),
            draft.author or "",
            body.kind,
            body.media_name or "",
            _folded(body.text),
        ]
    )
    occurrence = equal_before.get(identity, 0)
    equal_before[identity] = occurrence + 1
    return ExportedMessage(
        key=f"{reading.chat_key}:{identity}:{occurrence}",
        author_key=None if draft.author is None else author_key(draft.author),
        author_name=draft.author,
        sent_at=draft.wall_time.replace(tzinfo=reading.timezone, fold=0).astimezone(UTC),
        order=order,
        kind=body.kind,
        text=body.text,
        raw_line_number=draft.line_number,
        media_name=body.media_name,
        latitude=body.latitude,
        longitude=body.longitude,
        edited=body.edited,
    )


def _lines(path: Path, repair: TextRepair) -> Iterator[Line]:
    with open_text(path) as file:
        yield from read_lines(file, repair)


def _place_in_time(header: Header) -> list[str]:
    clock = f"{header.first}/{header.second}/{header.third} {header.hour}:{header.minute}"
    return [clock, str(header.seconds), _folded(header.rest)]


def _folded(text: str) -> str:
    """Return `text` as two exports of it agree on: marks, spaces and composition aside."""
    return " ".join(unicodedata.normalize("NFC", _MARKS.sub("", text)).split())


def _digest(parts: list[str]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
