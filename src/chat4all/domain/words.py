"""Whether a text holds words, as FTS5 with `unicode61 remove_diacritics 2` sees it."""

from __future__ import annotations

import unicodedata


def tokens(text: str) -> list[str]:
    """Return the words of `text` without case and accents."""
    found: list[str] = []
    word = ""
    for character in unicodedata.normalize("NFD", text):
        category = unicodedata.category(character)
        if category[0] in "LN" or category == "Co":
            word += character.lower()
        elif category != "Mn" and word:
            found.append(word)
            word = ""
    return [*found, word] if word else found


def holds(text: str, words: str) -> bool:
    """Say whether `text` holds every word of `words`, the last one as a prefix.

    What stands together in `words` (`well-known`) has to stand together in `text`.
    """
    phrases = [phrase for phrase in map(tokens, words.split()) if phrase]
    there = tokens(text)
    return bool(phrases) and all(
        _has(there, phrase, prefix=number == len(phrases))
        for number, phrase in enumerate(phrases, 1)
    )


def _has(there: list[str], phrase: list[str], *, prefix: bool) -> bool:
    size = len(phrase)
    for start in range(len(there) - size + 1):
        *found, last = there[start : start + size]
        if found == phrase[:-1] and (last.startswith(phrase[-1]) if prefix else last == phrase[-1]):
            return True
    return False
