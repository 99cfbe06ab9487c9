"""Telegram Desktop's result.json: one chat, a whole account, and damaged ones."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from chat4all.services.chat_export import (
    ChatKind,
    Export,
    ExportedMessage,
    ExportedReaction,
    ExportFormat,
    MessageKind,
    NotAChatExport,
    json_stream,
    read_export,
)
from chat4all.services.chat_export.json_stream import JsonStream

FIXTURES = Path(__file__).parent / "fixtures"


def messages_of(export: Export) -> dict[str, ExportedMessage]:
    (chat,) = export.chats
    return {each.key.rpartition(":")[2]: each for each in export.messages(chat)}


def written(folder: Path, *entries: Any) -> Path:
    path = folder / "result.json"
    chat = {"name": "Ana", "type": "personal_chat", "id": 1, "messages": list(entries)}
    path.write_text(json.dumps(chat), encoding="utf-8")
    return path


def test_a_chat_is_read_in_every_detail() -> None:
    export = read_export(FIXTURES / "telegram-chat.json")
    assert export.format is ExportFormat.TELEGRAM
    found = {key: (each.kind, each.text) for key, each in messages_of(export).items()}
    assert found == {
        "1": (MessageKind.NOTICE, "phone call: duration seconds 62; discard reason hangup"),
        "2": (MessageKind.TEXT, "look at https://example.org 🎉"),
        "3": (MessageKind.IMAGE, "a vista"),
        "4": (MessageKind.AUDIO, ""),
        "5": (MessageKind.STICKER, "😄"),
        "6": (MessageKind.LOCATION, "Praia"),
        "7": (MessageKind.CONTACT, "Clara Lima +55 62 90000-0003"),
        "8": (MessageKind.TEXT, "POLL: Quando?\n- Sábado (1)\n- Domingo (0)"),
        "9": (MessageKind.DOCUMENT, "der Plan"),
        "10": (MessageKind.NOTICE, "game title Lumberjack"),
        "12": (MessageKind.DOCUMENT, "old \ufffd and \ufffd"),
    }


def test_what_belongs_to_a_message_beside_its_text_is_kept() -> None:
    messages = messages_of(read_export(FIXTURES / "telegram-chat.json"))
    assert messages["2"].edited_at == datetime(2024, 12, 31, 23, 2, tzinfo=UTC)
    assert messages["2"].reactions == (
        ExportedReaction(emoji="👍", count=2, author_keys=("telegram:user77",)),
    )
    assert messages["3"].reply_to_key == messages["2"].key
    assert messages["3"].media_name == "photos/photo_1@31-12-2024_20-03-00.jpg"
    assert messages["4"].media_name is None
    assert (messages["6"].latitude, messages["6"].longitude) == (-3.71722, -38.54337)
    assert (messages["9"].author_key, messages["9"].author_name) == ("telegram:user99", None)
    assert messages["9"].forwarded_from == "Jonas"
    assert messages["12"].author_key == "telegram:user4242"
    assert not messages["12"].edited
    assert messages["12"].media_name == "passwd"


def test_entries_that_are_no_message_are_reported() -> None:
    export = read_export(FIXTURES / "telegram-chat.json")
    assert [(each.line_number, each.reason) for each in export.unreadable] == [
        (11, "telegram:user4242: has no readable date"),
        (12, "telegram:user4242: is not an object"),
    ]
    assert "2 characters" in export.notes[0]


def test_a_date_without_unix_time_is_on_the_given_clock() -> None:
    export = read_export(FIXTURES / "telegram-chat.json", timezone=ZoneInfo("America/Sao_Paulo"))
    assert messages_of(export)["12"].sent_at == datetime(2024, 12, 31, 23, 11, tzinfo=UTC)


def test_the_chats_of_an_account_are_read_one_by_one() -> None:
    export = read_export(FIXTURES / "telegram-account.json")
    assert [(each.title, each.kind, each.message_count) for each in export.chats] == [
        ("Ana", ChatKind.PRIVATE, 2),
        ("Wandern", ChatKind.GROUP, 1),
        ("Empty", ChatKind.GROUP, 0),
    ]
    texts = [[each.text for each in export.messages(chat)] for chat in export.chats]
    assert texts == [["olá", "tudo bem?"], ["Hallo"], []]


def test_a_user_and_a_group_of_the_same_number_are_two_chats() -> None:
    export = read_export(FIXTURES / "telegram-account.json")
    assert len({each.key for each in export.chats}) == 3


def test_a_message_has_the_same_key_in_both_kinds_of_export() -> None:
    alone = read_export(FIXTURES / "telegram-chat.json")
    (account, _, _) = read_export(FIXTURES / "telegram-account.json").chats
    assert alone.chats[0].key == account.key


def test_progress_adds_up_to_the_total() -> None:
    steps: list[int] = []
    export = read_export(FIXTURES / "telegram-chat.json", progress=steps.append)
    messages_of(export)
    assert sum(steps) == export.total_units == 13


@pytest.mark.parametrize("kept", [10, 200, 900, 3000])
def test_a_cut_export_says_so(kept: int, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_bytes((FIXTURES / "telegram-chat.json").read_bytes()[:kept])
    with pytest.raises(NotAChatExport, match="ends in the middle"):
        read_export(path)


def test_something_behind_the_export_is_not_passed_over(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_text(path.read_text(encoding="utf-8") + "{}", encoding="utf-8")
    with pytest.raises(NotAChatExport, match="something follows"):
        read_export(path)


def test_a_value_nested_without_end_is_damage_not_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text(
        '{"name": "A", "type": "personal_chat", "id": 1, "messages": [' + "[" * 100_000,
        encoding="utf-8",
    )
    with pytest.raises(NotAChatExport):
        read_export(path)


@pytest.mark.parametrize(
    "strange",
    [
        {"id": "1"},
        {"id": 1, "date_unixtime": "1" * 40},
        {"id": 1, "date_unixtime": []},
        {"id": 1, "date": "0001-01-01T00:00:00+23:00"},
        [],
        None,
        7,
    ],
)
def test_a_strange_entry_is_unreadable_and_the_next_is_read(strange: Any, tmp_path: Path) -> None:
    good = {"id": 2, "type": "message", "date_unixtime": "1735686000", "text": "ok"}
    export = read_export(written(tmp_path, strange, good))
    assert [each.line_number for each in export.unreadable] == [1]
    assert [each.text for each in messages_of(export).values()] == ["ok"]


@pytest.mark.parametrize(
    "fields",
    [
        {"text": {"text": "x"}},
        {"text": [None, {"text": 3}, "x"]},
        {"text": "x", "reactions": [3, {"recent": [4, {}], "count": "many"}]},
        {"text": "x", "location_information": {"latitude": 1e400, "longitude": 0}},
        {"text": "x", "poll": 3, "from": 3, "from_id": ["user1"]},
        {"text": "x", "file": 3, "media_type": [], "reply_to_message_id": "3"},
    ],
)
def test_fields_of_a_wrong_type_are_passed_over(fields: dict[str, Any], tmp_path: Path) -> None:
    entry = {"id": 2, "type": "message", "date_unixtime": "1735686000", **fields}
    (message,) = messages_of(read_export(written(tmp_path, entry))).values()
    assert message.text == "x"


def test_a_reply_to_another_chat_names_no_message_of_this_one(tmp_path: Path) -> None:
    entry = {
        "id": 2,
        "type": "message",
        "date_unixtime": "1735686000",
        "text": "x",
        "reply_to_message_id": 1,
        "reply_to_peer_id": "channel5",
    }
    (message,) = messages_of(read_export(written(tmp_path, entry))).values()
    assert message.reply_to_key is None


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 64])
@pytest.mark.parametrize("name", ["telegram-chat.json", "telegram-account.json"])
def test_it_does_not_matter_where_the_file_is_cut_into_pieces(
    name: str, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def everything() -> list[list[ExportedMessage]]:
        export = read_export(FIXTURES / name)
        return [list(export.messages(chat)) for chat in export.chats]

    whole = everything()
    monkeypatch.setattr(json_stream, "_CHUNK", chunk)
    assert everything() == whole


@pytest.mark.parametrize("beginning", ["", "\ufeff"])
def test_a_place_in_the_file_can_be_found_again(
    beginning: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "numbers.json"
    path.write_text(f'{beginning}["é€🎉",12345,["€🎉"]]', encoding="utf-8")
    for chunk in range(1, 30):
        monkeypatch.setattr(json_stream, "_CHUNK", chunk)
        with path.open("rb") as file:
            stream = JsonStream(file)
            offsets, values = zip(
                *((stream.offset(), stream.value()) for _ in stream.elements()), strict=True
            )
            assert values == ("é€🎉", 12345, ["€🎉"])
            again = [JsonStream(file, offset=offset).value() for offset in offsets]
            assert again == list(values)


def test_memory_does_not_grow_with_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = {"id": 2, "type": "message", "date_unixtime": "1735686000", "text": "é" * 100}
    path = written(tmp_path, *([entry] * 20_000))
    largest = 0
    more = JsonStream._more

    def watched(self: JsonStream, size: int) -> bool:
        nonlocal largest
        found = more(self, size)
        largest = max(largest, len(self._buffer))
        return found

    monkeypatch.setattr(JsonStream, "_more", watched)
    assert read_export(path).chats[0].message_count == 20_000
    assert path.stat().st_size > 10 << 20
    assert largest < 1 << 20
