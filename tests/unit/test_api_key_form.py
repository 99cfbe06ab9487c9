"""The form of an API key: scanners find it, and a slip of the pen is noticed."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from chat4all.domain.api_keys import PREFIX, hash_of, is_key, new_key

KEY = new_key()
LETTERS = st.sampled_from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


def test_keys_have_one_form_and_are_never_the_same() -> None:
    keys = {new_key() for _ in range(100)}
    assert len(keys) == len({hash_of(key) for key in keys}) == 100
    for key in keys:
        assert re.fullmatch(r"c4a_[0-9A-Za-z]{38}", key)
        assert is_key(key)


@given(st.integers(len(PREFIX), len(KEY) - 1), LETTERS)
def test_a_key_with_another_letter_is_none(place: int, letter: str) -> None:
    slip = KEY[:place] + letter + KEY[place + 1 :]
    assert is_key(slip) is (slip == KEY)


@given(st.text())
def test_other_text_is_no_key(text: str) -> None:
    assert not is_key(text)
    assert not is_key(PREFIX + text)
    assert not is_key(f"{KEY}{text}") or not text
