"""What is given by mistake, and what the user is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from chat4all.services.chat_export import ExportFormat, NotAChatExport, detect_format

FIXTURES = Path(__file__).parent / "fixtures"
WHATSAPP_LINE = "31/12/24, 10:00 - Ana: oi\n"


@pytest.mark.parametrize("path", sorted(FIXTURES.iterdir()), ids=lambda path: path.name)
def test_each_fixture_is_recognised(path: Path) -> None:
    assert detect_format(path) == ExportFormat(path.name.partition("-")[0])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf \r\n", "empty"),
        (WHATSAPP_LINE.encode("utf-16"), "UTF-16"),
        (WHATSAPP_LINE.encode("utf-16-le"), "UTF-16"),
        (b"Dear diary\n", "Export chat"),
        (b"<!DOCTYPE html><html></html>", "Machine-readable JSON"),
        (b'{"participants": [], "messages": []}', "not from Telegram"),
        (b'{"type": "x"}', "not from Telegram"),
        (b"[1, 2]", "Export chat"),
        (b"PK\x05\x06" + bytes(18), "zip holds no WhatsApp chat"),
    ],
)
def test_anything_else_is_refused_with_a_remedy(content: bytes, told: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(NotAChatExport, match=told):
        detect_format(path)


def test_a_folder_is_refused_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(NotAChatExport, match=r"result\.json"):
        detect_format(tmp_path)


def test_a_refusal_is_a_value_error() -> None:
    assert issubclass(NotAChatExport, ValueError)
