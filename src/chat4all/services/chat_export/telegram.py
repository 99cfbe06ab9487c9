"""Reads `result.json` of Telegram Desktop: one chat, or the export of the whole account.

https://telegram.org/blog/export-and-more. The file is walked, never loaded: memory is that
of the largest entry (at most 64 Mi characters) and of the lists of chats, participants and
unreadable entries, so its size has no limit. A message is known by Telegram's own ids, so
keys survive renames, edits and overlapping exports.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, Any

from chat4all.services.chat_export.json_stream import JsonStream
from chat4all.services.chat_export.records import (
    ChatKind,
    Export,
    ExportedChat,
    ExportedMessage,
    ExportedParticipant,
    ExportFormat,
    MessageKind,
    NotAChatExport,
    UnreadableLine,
)
from chat4all.services.chat_export.safe_text import TextRepair, excerpt
from chat4all.services.chat_export.telegram_entry import (
    EntryReader,
    UnreadableEntryError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_PRIVATE_TYPES = frozenset(
    {"personal_chat", "bot_chat", "saved_messages", "replies", "verify_codes"}
)
_LISTS_OF_CHATS = frozenset({"chats", "left_chats"})


@dataclass(slots=True, kw_only=True)
class _Chat:
    """A chat and the bytes at which its arrays of messages begin."""

    key: str
    title: str
    kind: ChatKind
    offsets: list[int] = field(default_factory=list)
    authors: dict[str, str | None] = field(default_factory=dict)
    messages: int = 0
    entries: int = 0


@dataclass(slots=True, kw_only=True)
class _Summary:
    """What the first reading of the file found out."""

    timezone: tzinfo
    repair: TextRepair = field(default_factory=TextRepair)
    chats: dict[str, _Chat] = field(default_factory=dict)
    unreadable: list[UnreadableLine] = field(default_factory=list)

    def report(self, value: Any, reason: str) -> None:
        """Remember something that stands where a chat was expected; it has no number."""
        self.unreadable.append(UnreadableLine(line_number=0, text=_shown(value), reason=reason))


def read_telegram(
    path: Path, *, timezone: tzinfo = UTC, progress: Callable[[int], None] | None = None
) -> Export:
    """Look through the export at `path` and return it ready to be read.

    `timezone` matters only for old exports whose dates carry no Unix time. Raises
    `NotAChatExport` if the JSON is damaged, cut, or not an export of chats.
    """
    summary = _Summary(timezone=timezone)
    with path.open("rb") as file:
        stream = JsonStream(file)
        _scan(stream, summary, account=True)
        stream.end()
    if not summary.chats:
        raise NotAChatExport(
            "This JSON is not a chat exported by Telegram Desktop. Use Export chat history there, "
            "choose Machine-readable JSON, and give the result.json."
        )

    def read_chat(key: str) -> Iterator[ExportedMessage]:
        chat = summary.chats[key]
        for record in _records(path, chat, timezone):
            if progress is not None:
                progress(1)
            if isinstance(record, ExportedMessage):
                yield record

    return Export(
        format=ExportFormat.TELEGRAM,
        chats=tuple(_exported(chat) for chat in summary.chats.values()),
        notes=summary.repair.notes(),
        unreadable=tuple(summary.unreadable),
        total_units=len(summary.unreadable) + sum(chat.messages for chat in summary.chats.values()),
        read_chat=read_chat,
    )


def is_telegram(path: Path) -> bool:
    """Return whether the JSON at `path` has the shape of an export, looking no further."""
    with path.open("rb") as file:
        stream = JsonStream(file)
        if stream.peek() != "{":
            return False
        seen: set[str] = set()
        for key in stream.members():
            if key in _LISTS_OF_CHATS and stream.peek() == "{":
                return True
            # Other programs export "messages" too; only Telegram tells the type before them.
            if key == "messages":
                return "type" in seen and stream.peek() == "["
            seen.add(key)
            stream.value()
    return False


def _scan(stream: JsonStream, summary: _Summary, *, account: bool = False) -> None:
    """Walk the object of a chat or, if `account`, possibly of an account with chats."""
    header: dict[str, Any] = {}
    for key in stream.members():
        following = stream.peek()
        if key == "messages" and following == "[":
            _scan_messages(stream, _chat(header, summary), summary)
        elif account and key in _LISTS_OF_CHATS and following == "{":
            _scan_list(stream, summary)
        elif key == "messages":
            summary.report(stream.value(), "messages that are not a list")
        else:
            header[key] = stream.value()
    if not account:
        _chat(header, summary)  # one without messages is a chat all the same


def _scan_list(stream: JsonStream, summary: _Summary) -> None:
    for key in stream.members():
        if key != "list" or stream.peek() != "[":
            stream.value()
            continue
        for _ in stream.elements():
            if stream.peek() == "{":
                _scan(stream, summary)
            else:
                summary.report(stream.value(), "is not a chat")


def _scan_messages(stream: JsonStream, chat: _Chat, summary: _Summary) -> None:
    chat.offsets.append(stream.offset())
    reader = EntryReader(chat_key=chat.key, timezone=summary.timezone, repair=summary.repair)
    for record in _entries(stream, reader):
        chat.entries += 1
        if isinstance(record, UnreadableLine):
            summary.unreadable.append(record)
            continue
        chat.messages += 1
        if record.kind is not MessageKind.NOTICE and record.author_key is not None:
            # The last name wins: it is the one the account has now.
            chat.authors[record.author_key] = record.author_name


def _chat(header: dict[str, Any], summary: _Summary) -> _Chat:
    chat_type = str(header.get("type", ""))
    name = header.get("name")
    title = summary.repair(name) if isinstance(name, str) else ""
    key = _chat_key(chat_type, header.get("id"), title)
    kind = ChatKind.PRIVATE if chat_type in _PRIVATE_TYPES else ChatKind.GROUP
    return summary.chats.setdefault(key, _Chat(key=key, title=title, kind=kind))


def _chat_key(chat_type: str, identity: Any, title: str) -> str:
    # Users, basic groups and channels are numbered separately, so the number alone is
    # ambiguous; a group that turns from private to public keeps its number.
    if chat_type in _PRIVATE_TYPES:
        space = "user"
    else:
        space = "chat" if chat_type == "private_group" else "channel"
    if isinstance(identity, int):
        return f"telegram:{space}{identity}"
    # Only in hand-made files: the title is all that is left.
    return f"telegram:{space}-{hashlib.sha256(title.encode()).hexdigest()[:16]}"


def _exported(chat: _Chat) -> ExportedChat:
    return ExportedChat(
        source=ExportFormat.TELEGRAM,
        key=chat.key,
        title=chat.title,
        kind=chat.kind,
        participants=tuple(
            ExportedParticipant(key=key, name=name) for key, name in chat.authors.items()
        ),
        message_count=chat.messages,
    )


def _records(
    path: Path, chat: _Chat, timezone: tzinfo
) -> Iterator[ExportedMessage | UnreadableLine]:
    reader = EntryReader(chat_key=chat.key, timezone=timezone, repair=TextRepair())
    order = 0
    with path.open("rb") as file:
        for offset in chat.offsets:
            for record in _entries(JsonStream(file, offset=offset), reader, order=order):
                order += isinstance(record, ExportedMessage)
                yield record


def _entries(
    stream: JsonStream, reader: EntryReader, *, order: int = 0
) -> Iterator[ExportedMessage | UnreadableLine]:
    for number, _ in enumerate(stream.elements(), start=1):
        entry = stream.value()
        try:
            message = reader.read(entry, order=order, number=number)
        except UnreadableEntryError as error:
            yield UnreadableLine(
                line_number=number, text=_shown(entry), reason=f"{reader.chat_key}: {error}"
            )
            continue
        order += 1
        yield message


def _shown(value: Any) -> str:
    return excerpt(json.dumps(value, ensure_ascii=False))
