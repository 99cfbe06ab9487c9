"""The words of the web client, in every language that it speaks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import chat4all.gateway

LOCALES = Path(chat4all.gateway.__file__).parent / "web" / "static" / "js" / "locales"
WORDS = re.compile(r'^  "([\w.]+)":\s*"(.*)",$', re.MULTILINE)


@pytest.mark.parametrize("part", ["", "admin-", "later-"])
def test_both_languages_have_the_same_words_with_the_same_places(part: str) -> None:
    english, portuguese = (
        {key: sorted(re.findall(r"{\w+}", text)) for key, text in WORDS.findall(_read(part, name))}
        for name in ("en", "pt-br")
    )
    assert len(english) > 20
    assert portuguese == english


def _read(part: str, name: str) -> str:
    return (LOCALES / f"{part}{name}.js").read_text()
