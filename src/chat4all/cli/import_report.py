"""What became of an import, as people and programs read it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from chat4all.cli.terminal import clean, print_json, print_table, say
from chat4all.services.chat_export import Export, ExportedChat

SHOWN_LINES = 20
"""Unreadable lines shown in full; JSON tells all."""


@dataclass(slots=True)
class Imported:
    """One chat: how many records were new, there already, or became no message."""

    chat: ExportedChat
    conversation_id: str | None = None
    added: int = 0
    existing: int = 0
    notices: int = 0
    skipped: list[dict[str, str]] = field(default_factory=list)
    error: str | None = None

    def add(self, answer: dict[str, Any]) -> None:
        """Count what the server says of one batch."""
        self.conversation_id = answer["conversation_id"]
        self.added += answer["added"]
        self.existing += answer["existing"]
        self.skipped += answer["skipped"]


@dataclass(slots=True)
class Report:
    """All chats of an export."""

    export: Export
    chats: list[Imported] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """Say whether a chat was refused."""
        return any(one.error for one in self.chats)

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON."""
        return {
            "format": self.export.format.value,
            "chats": [
                {
                    "title": one.chat.title,
                    "key": one.chat.key,
                    "conversation_id": one.conversation_id,
                    "added": one.added,
                    "existing": one.existing,
                    "notices": one.notices,
                    "skipped": one.skipped,
                    "error": one.error,
                }
                for one in self.chats
            ],
            **_findings(self.export),
        }


def print_report(report: Report) -> None:
    """Print what was imported."""
    print_table(
        ("chat", "new", "already there", "notices", "skipped", "conversation"),
        (
            (
                one.chat.title or one.chat.key,
                str(one.added),
                str(one.existing),
                str(one.notices),
                str(len(one.skipped)),
                f"refused: {one.error}" if one.error else one.conversation_id or "",
            )
            for one in report.chats
        ),
    )
    added = sum(one.added for one in report.chats)
    existing = sum(one.existing for one in report.chats)
    say(f"{added} new messages in {len(report.chats)} chats, {existing} were there already.")
    for imported in report.chats:
        for skipped in imported.skipped[:SHOWN_LINES]:
            say(f"skipped {clean(skipped['key'])}: {skipped['reason']}")
    _print_findings(report.export)


def print_plan(export: Export, *, as_json: bool) -> None:
    """Print what an export holds, nothing imported."""
    chats = [
        {
            "title": chat.title,
            "key": chat.key,
            "kind": chat.kind.value,
            "messages": chat.message_count,
            "participants": [{"key": one.key, "name": one.name} for one in chat.participants],
        }
        for chat in export.chats
    ]
    if as_json:
        print_json({"format": export.format.value, "chats": chats, **_findings(export)})
        return
    print_table(
        ("chat", "kind", "records", "people"),
        (
            (
                chat.title or chat.key,
                chat.kind.value,
                str(chat.message_count),
                ", ".join(one.name or one.key for one in chat.participants),
            )
            for chat in export.chats
        ),
    )
    say(f"A {export.format.value} export; nothing was imported.")
    _print_findings(export)


def _findings(export: Export) -> dict[str, Any]:
    return {
        "notes": list(export.notes),
        "unreadable": [
            {"line": one.line_number, "text": one.text, "reason": one.reason}
            for one in export.unreadable
        ],
    }


def _print_findings(export: Export) -> None:
    for note in export.notes:
        told = note.replace("chat_name", "--chat-name").replace("date_order", "--date-order")
        say(f"note: {clean(told)}")
    if export.unreadable:
        say(f"{len(export.unreadable)} lines could not be read:")
    for line in export.unreadable[:SHOWN_LINES]:
        say(f"  line {line.line_number}: {clean(line.reason)}: {clean(line.text)}")
    if len(export.unreadable) > SHOWN_LINES:
        say(f"  and {len(export.unreadable) - SHOWN_LINES} more; --json tells all")
