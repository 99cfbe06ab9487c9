"""Real-world shapes of WhatsApp exports, in three languages and from both phones."""

from __future__ import annotations

import zipfile
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from chat4all.services.chat_export import (
    ChatKind,
    DateOrder,
    Export,
    ExportedMessage,
    ExportFormat,
    MessageKind,
    NotAChatExport,
    read_export,
)

FIXTURES = Path(__file__).parent / "fixtures"


def messages_of(export: Export) -> list[ExportedMessage]:
    (chat,) = export.chats
    return list(export.messages(chat))


def written(folder: Path, text: str, name: str = "WhatsApp Chat with Ana.txt") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    return path


def test_an_iphone_export_in_english_is_read_in_every_detail() -> None:
    export = read_export(FIXTURES / "whatsapp-ios-en.txt", chat_name="Hiking club")
    found = [(each.author_name, each.kind, each.text) for each in messages_of(export)]
    assert found == [
        (
            "Hiking club",
            MessageKind.NOTICE,
            "Messages and calls are end-to-end encrypted. No one outside of this chat can read it.",
        ),
        ("Hiking club", MessageKind.NOTICE, "Ana added Bob"),
        ("Ana", MessageKind.TEXT, "Good morning!\nWho brings the map?\n\nI have the tent."),
        ("Bob", MessageKind.TEXT, "me: the old one"),
        ("Bob", MessageKind.IMAGE, ""),
        ("Bob", MessageKind.DOCUMENT, "route.pdf • 2 pages"),
        ("Carla", MessageKind.IMAGE, "image omitted"),
        ("Carla", MessageKind.TEXT, "Happy new year"),
        ("Ana", MessageKind.DELETED, "This message was deleted."),
        (
            "Ana",
            MessageKind.LOCATION,
            "Location: https://maps.google.com/?q=-16.680880,-49.253270",
        ),
        (
            "Ana",
            MessageKind.TEXT,
            "POLL:\nWhere next?\n\u200eOPTION: Sea (2 votes)\n\u200eOPTION: Hills (0 votes)",
        ),
        ("Bob", MessageKind.NOTICE, "Missed voice call"),
        ("Bob", MessageKind.CONTACT, ""),
        ("+55 62 90000-0001", MessageKind.STICKER, "sticker omitted"),
    ]
    assert export.format is ExportFormat.WHATSAPP
    assert export.unreadable == ()


def test_what_belongs_to_a_message_beside_its_text_is_kept() -> None:
    export = read_export(FIXTURES / "whatsapp-ios-en.txt", chat_name="Hiking club")
    messages = messages_of(export)
    assert messages[4].media_name == "00000012-PHOTO-2024-12-30-12-01-00.jpg"
    assert messages[6].media_name is None
    assert [each.raw_line_number for each in messages if each.edited] == [11]
    assert (messages[9].latitude, messages[9].longitude) == (-16.68088, -49.25327)
    assert messages[12].media_name == "00000014-Dora.vcf"
    assert messages[13].author_key == "whatsapp:phone:+5562900000001"
    assert [each.order for each in messages] == list(range(14))


def test_noon_and_midnight_of_the_twelve_hour_clock_are_told_apart() -> None:
    messages = messages_of(read_export(FIXTURES / "whatsapp-ios-en.txt"))
    assert messages[4].sent_at == datetime(2024, 12, 30, 12, 1, tzinfo=UTC)
    assert messages[6].sent_at == datetime(2024, 12, 31, 0, 0, 5, tzinfo=UTC)
    assert messages[7].sent_at == datetime(2024, 12, 31, 23, 59, 1, tzinfo=UTC)


def test_the_participants_are_those_who_wrote() -> None:
    (chat,) = read_export(FIXTURES / "whatsapp-ios-en.txt", chat_name="Hiking club").chats
    assert [each.name for each in chat.participants] == [
        "Ana",
        "Bob",
        "Carla",
        "+55 62 90000-0001",
    ]
    assert chat.kind is ChatKind.GROUP
    assert chat.message_count == 14


def test_an_android_export_in_portuguese_is_read_in_every_detail() -> None:
    messages = messages_of(read_export(FIXTURES / "whatsapp-android-pt.txt"))
    assert [(each.author_name, each.kind, each.text) for each in messages] == [
        (
            None,
            MessageKind.NOTICE,
            "As mensagens e as chamadas são protegidas com a criptografia de ponta a ponta.",
        ),
        (None, MessageKind.NOTICE, 'Ana criou o grupo "Praia: 2025"'),
        ("Ana", MessageKind.TEXT, "oi"),
        ("Bruno", MessageKind.TEXT, "ok"),
        ("Bruno", MessageKind.TEXT, "ok"),
        ("Bruno", MessageKind.IMAGE, "olha que vista"),
        ("Ana", MessageKind.DOCUMENT, "<Mídia oculta>"),
        ("Ana", MessageKind.DELETED, "Você apagou esta mensagem"),
        ("Bruno", MessageKind.TEXT, "chego às 9"),
        (
            "Bruno",
            MessageKind.LOCATION,
            "localização: https://maps.google.com/?q=-3.71722,-38.54337",
        ),
        ("Ana", MessageKind.CONTACT, ""),
        ("Ana", MessageKind.AUDIO, ""),
        ("+55 62 90000-0002", MessageKind.TEXT, "feliz ano novo"),
        ("Bruno", MessageKind.TEXT, ""),
    ]
    assert messages[5].media_name == "IMG-20241231-WA0001.jpg"
    assert messages[8].edited


def test_two_equal_messages_of_one_minute_are_two() -> None:
    messages = messages_of(read_export(FIXTURES / "whatsapp-android-pt.txt"))
    assert messages[3].key != messages[4].key


def test_an_android_export_in_german_keeps_a_pasted_line_of_another_phone_as_text() -> None:
    export = read_export(FIXTURES / "whatsapp-android-de.txt")
    messages = messages_of(export)
    assert [each.kind for each in messages] == [
        MessageKind.NOTICE,
        MessageKind.TEXT,
        MessageKind.DOCUMENT,
        MessageKind.DOCUMENT,
        MessageKind.DELETED,
        MessageKind.TEXT,
        MessageKind.TEXT,
        MessageKind.STICKER,
    ]
    assert messages[6].text == "Er schrieb:\n12/31/24, 11:59 PM - Peter: das hier"
    assert export.chats[0].kind is ChatKind.PRIVATE


@pytest.mark.parametrize(
    "beginning",
    [
        "[31/12/2024, 23:59:01] ",
        "\u200e[31/12/2024 23:59:01] ",
        "[31.12.24, 11:59:01\u202fPM] ",
        "[31.12.2024 klo 23.59.01] ",
        "31/12/2024 23:59 - ",
        "31/12/24, 11:59 PM - ",
        "31/12/24, 11:59 p.m. - ",
        "31/12/24, 11:59 p.\xa0m. - ",
        "31.12.24, 23:59 - ",
        "31.12.24., 23:59 - ",
        "31-12-2024 23:59 \u2013 ",
        "2024-12-31, 23:59 - ",
        "2024/12/31, 11:59 pm - ",
        "[2024-12-31, 11:59:01 p.m.] ",
        "31/12/24, 23:59:01 - ",
    ],
)
def test_every_known_look_of_a_header_is_understood(beginning: str, tmp_path: Path) -> None:
    (message,) = messages_of(read_export(written(tmp_path, f"{beginning}Ana: olá: tudo?\n")))
    assert (message.author_name, message.text) == ("Ana", "olá: tudo?")
    assert message.sent_at.replace(second=0) == datetime(2024, 12, 31, 23, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("dates", "order", "why"),
    [
        (["01/02/24", "13/02/24"], DateOrder.DAY_FIRST, "over 12"),
        (["01/02/24", "02/13/24"], DateOrder.MONTH_FIRST, "over 12"),
        (["01/12/24", "02/01/24"], DateOrder.MONTH_FIRST, "goes back 0 times"),
        (["12/01/24", "01/02/24"], DateOrder.DAY_FIRST, "goes back 0 times"),
        (["01/02/24", "03/04/24"], DateOrder.DAY_FIRST, "default"),
        (["2024-01-02", "2024-01-03"], DateOrder.YEAR_FIRST, "begin with the year"),
    ],
)
def test_the_order_of_day_and_month_is_decided_from_the_whole_file_and_told(
    dates: list[str], order: DateOrder, why: str, tmp_path: Path
) -> None:
    text = "".join(f"{date}, 10:00 - Ana: oi\n" for date in dates)
    export = read_export(written(tmp_path, text))
    assert order in export.notes[0]
    assert why in export.notes[0]
    times = [each.sent_at for each in messages_of(export)]
    assert times == sorted(times)


def test_the_order_of_day_and_month_can_be_given(tmp_path: Path) -> None:
    path = written(tmp_path, "01/02/24, 10:00 - Ana: oi\n")
    (message,) = messages_of(read_export(path, date_order=DateOrder.MONTH_FIRST))
    assert message.sent_at == datetime(2024, 1, 2, 10, tzinfo=UTC)


def test_an_hour_that_occurs_twice_keeps_the_order_of_the_file(tmp_path: Path) -> None:
    text = "".join(
        f"27/10/24, {time} - Ana: {number}\n"
        for number, time in enumerate(["02:30", "02:45", "02:10", "03:00"])
    )
    export = read_export(written(tmp_path, text), timezone=ZoneInfo("Europe/Berlin"))
    messages = messages_of(export)
    assert [each.text for each in messages] == ["0", "1", "2", "3"]
    assert messages[2].sent_at == datetime(2024, 10, 27, 0, 10, tzinfo=UTC)
    assert messages[3].sent_at == datetime(2024, 10, 27, 2, 0, tzinfo=UTC)


def test_the_time_zone_moves_the_time_but_not_the_key(tmp_path: Path) -> None:
    path = written(tmp_path, "31/12/24, 23:59 - Ana: oi\n")
    (in_utc,) = messages_of(read_export(path))
    (in_brazil,) = messages_of(read_export(path, timezone=ZoneInfo("America/Sao_Paulo")))
    assert in_brazil.sent_at == datetime(2025, 1, 1, 2, 59, tzinfo=UTC)
    assert in_brazil.key == in_utc.key


def test_a_name_with_a_colon_is_understood_when_it_is_the_title(tmp_path: Path) -> None:
    text = "31/12/24, 23:59 - Dr: Silva: bom dia\n31/12/24, 23:59 - Eva: nota: um\n"
    messages = messages_of(read_export(written(tmp_path, text), chat_name="Dr: Silva"))
    assert [(each.author_name, each.text) for each in messages] == [
        ("Dr: Silva", "bom dia"),
        ("Eva", "nota: um"),
    ]


def test_lines_that_belong_nowhere_are_reported_with_their_reason(tmp_path: Path) -> None:
    text = (
        "pasted by hand\n\n"
        "31/12/24, 10:00 - Ana: oi\n"
        "31/31/24, 10:00 - Ana: never\n"
        "its second line\n"
        "31/12/24, 10:01 - Ana: fim\n"
    )
    export = read_export(written(tmp_path, text))
    assert [(each.line_number, each.reason) for each in export.unreadable] == [
        (1, "comes before the first message"),
        (4, "there is no such date or time, read day-first"),
        (5, "continues line 4, which could not be read"),
    ]
    assert [each.text for each in messages_of(export)] == ["oi", "fim"]


def test_a_huge_line_is_reported_and_does_not_fill_the_memory(tmp_path: Path) -> None:
    text = f"31/12/24, 10:00 - Ana: {'x' * (3 << 20)}\nits end\n31/12/24, 10:01 - Ana: fim\n"
    export = read_export(written(tmp_path, text))
    assert [each.line_number for each in export.unreadable] == [1, 2]
    assert len(export.unreadable[0].text) == 200
    (message,) = messages_of(export)
    assert message.raw_line_number == 3


def test_a_message_of_endless_lines_is_cut_and_the_rest_reported(tmp_path: Path) -> None:
    text = "31/12/24, 10:00 - Ana: oi\n" + ("y" * 999_999 + "\n") * 3
    export = read_export(written(tmp_path, text))
    assert [each.line_number for each in export.unreadable] == [3, 4]


def test_characters_that_cannot_be_stored_are_replaced_and_told(tmp_path: Path) -> None:
    path = tmp_path / "WhatsApp Chat with Ana.txt"
    path.write_bytes(b"31/12/24, 10:00 - Ana: a\xffb\x00c\xe2\x80\xa8d\r\n")
    export = read_export(path)
    (message,) = messages_of(export)
    assert message.text == "a\ufffdb\ufffdc\u2028d"
    assert "2 characters" in export.notes[-1]


@pytest.mark.parametrize(
    ("zip_name", "text_name", "title"),
    [
        ("WhatsApp Chat with Ana.zip", "_chat.txt", "Ana"),
        ("WhatsApp Chat - Ana (2).zip", "_chat.txt", "Ana"),
        ("Conversa do WhatsApp com Ana.zip", "Conversa do WhatsApp com Ana.txt", "Ana"),
        ("export.zip", "WhatsApp-Chat mit Ana.txt", "Ana"),
        ("export.zip", "_chat.txt", ""),
    ],
)
def test_a_zip_is_read_beside_its_files(
    zip_name: str, text_name: str, title: str, tmp_path: Path
) -> None:
    path = tmp_path / zip_name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("00000001-notes.txt", "not the chat")
        archive.writestr(text_name, "[31/12/2024, 23:59:01] Ana: oi\n")
        archive.writestr("IMG.jpg", b"\xff\xd8")
    export = read_export(path)
    assert export.chats[0].title == title
    assert [each.text for each in messages_of(export)] == ["oi"]


def test_a_damaged_zip_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "WhatsApp Chat with Ana.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("_chat.txt", "[31/12/2024, 23:59:01] Ana: first\n")
    path.write_bytes(path.read_bytes().replace(b"first", b"forst", 1))
    with pytest.raises(NotAChatExport, match="again"):
        read_export(path)


def test_a_file_name_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    text = "[31/12/2024, 23:59:01] Ana: \u200e<attached: ../../../etc/cron.d/x.jpg>\n"
    (message,) = messages_of(read_export(written(tmp_path, text)))
    assert message.media_name == "x.jpg"


def test_progress_adds_up_to_the_total() -> None:
    steps: list[int] = []
    export = read_export(FIXTURES / "whatsapp-android-pt.txt", progress=steps.append)
    assert steps == []
    messages_of(export)
    assert sum(steps) == export.total_units == 14
