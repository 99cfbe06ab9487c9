"""What holds for every conversation: it is read back, keys stay, no line is lost."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from chat4all.services.chat_export import (
    DateOrder,
    Export,
    ExportedMessage,
    MessageKind,
    read_export,
)

BEGINNING = datetime(2024, 1, 1, tzinfo=UTC)
# Carriage returns belong to the line ends, marks and NUL are taken away by design.
LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\x00\u200e")
# Not beginning or ending with line ends: WhatsApp trims messages.
TEXTS = (
    st.lists(st.text(LETTERS, max_size=20), min_size=1, max_size=4)
    .map("\n".join)
    .filter(lambda text: not text.endswith("\n"))
)
NAMES = st.from_regex(r"\A[A-ZÀ-Ý][a-zà-ý]{1,8}( [A-Z][a-z]{1,5})?\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    name: str
    minute: int
    text: str


Writer: TypeAlias = Callable[[Said], str]
CONVERSATIONS = st.lists(
    st.builds(Said, name=NAMES, minute=st.integers(0, 500_000), text=TEXTS), min_size=1, max_size=8
)
# Few names, minutes and texts, so that equal messages happen.
REPETITIVE = st.lists(
    st.builds(
        Said,
        name=st.sampled_from(["Ana", "Bruno"]),
        minute=st.integers(0, 1),
        text=st.sampled_from(["ok", "ok ", "sim"]),
    ),
    min_size=1,
    max_size=12,
)


def ios(said: Said) -> str:
    at = BEGINNING + timedelta(minutes=said.minute)
    return f"[{at:%d/%m/%Y, %H:%M:%S}] {said.name}: {said.text}\r\n"


def ios_american(said: Said) -> str:
    at = BEGINNING + timedelta(minutes=said.minute)
    return f"[{at:%m/%d/%y, %I:%M:%S}\u202f{at:%p}] {said.name}: {said.text}\n"


def android(said: Said) -> str:
    at = BEGINNING + timedelta(minutes=said.minute)
    return f"{at:%d.%m.%y, %H:%M} - {said.name}: {said.text}\n"


def telegram(conversation: list[Said]) -> str:
    messages = [
        {
            "id": number,
            "type": "message",
            "date_unixtime": str(int((BEGINNING + timedelta(minutes=said.minute)).timestamp())),
            "from": said.name,
            "from_id": f"user{sum(map(ord, said.name))}",
            "text": [{"type": "bold", "text": said.text[:3]}, said.text[3:]],
        }
        for number, said in enumerate(conversation)
    ]
    return json.dumps({"name": "x", "type": "personal_chat", "id": 1, "messages": messages})


def read_text(
    text: str, date_order: DateOrder | None = None
) -> tuple[Export, list[ExportedMessage]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "WhatsApp Chat with Ana.txt"
        path.write_text(text, encoding="utf-8", newline="")
        export = read_export(path, date_order=date_order)
        return export, list(export.messages(export.chats[0]))


def as_said(messages: list[ExportedMessage]) -> list[Said]:
    return [
        Said(
            name=each.author_name or "",
            minute=int((each.sent_at - BEGINNING).total_seconds() // 60),
            text=each.text,
        )
        for each in messages
    ]


@settings(deadline=None)
@given(conversation=CONVERSATIONS, writer=st.sampled_from([ios, ios_american, android]))
def test_whatever_was_said_is_read_back_from_whatsapp(
    conversation: list[Said], writer: Writer
) -> None:
    order = DateOrder.MONTH_FIRST if writer is ios_american else DateOrder.DAY_FIRST
    export, messages = read_text("".join(map(writer, conversation)), order)
    assert as_said(messages) == conversation
    assert export.unreadable == ()


@settings(deadline=None)
@given(conversation=CONVERSATIONS)
def test_whatever_was_said_is_read_back_from_telegram(conversation: list[Said]) -> None:
    _, messages = read_text(telegram(conversation))
    said = [each for each in conversation if each.text]
    assert as_said([each for each in messages if each.text]) == said
    assert len(messages) == len(conversation)


@settings(deadline=None)
@given(conversation=REPETITIVE, more=REPETITIVE, writer=st.sampled_from([ios, android]))
def test_a_longer_export_gives_old_messages_their_old_keys(
    conversation: list[Said], more: list[Said], writer: Writer
) -> None:
    before, after = (
        [each.key for each in read_text("".join(map(writer, part)), DateOrder.DAY_FIRST)[1]]
        for part in (conversation, conversation + more)
    )
    assert after[: len(before)] == before
    assert len(set(after)) == len(after)


@settings(deadline=None)
@given(
    lines=st.lists(
        st.one_of(
            st.sampled_from(
                ["", "31/12/24, 10:00 - Ana: a", "31/31/24, 10:00 - Ana: b", "31/12/24, 10:01 - c"]
            ),
            st.text(LETTERS, max_size=30),
        ),
        max_size=20,
    )
)
def test_every_line_becomes_a_message_a_part_of_one_or_a_report(lines: list[str]) -> None:
    lines = ["31/12/24, 09:00 - Ana: first", *lines]
    export, messages = read_text("\n".join(lines), DateOrder.DAY_FIRST)
    told = sum(1 for each in messages for line in each.text.split("\n")[1:] if line)
    accounted = len(messages) + told + len(export.unreadable)
    assert accounted == sum(1 for line in lines if line)
    assert export.total_units == len(messages) + len(export.unreadable)


@settings(deadline=None)
@given(content=st.binary(max_size=300))
def test_no_bytes_after_a_message_break_the_reading(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "chat.txt"
        path.write_bytes(b"31/12/24, 09:00 - Ana: first\n" * 20 + content)
        export = read_export(path)
        messages = list(export.messages(export.chats[0]))
    assert len(messages) >= 20
    assert all(each.kind in MessageKind for each in messages)
    for each in messages:
        each.text.encode()
