"""Texts that a platform approved beforehand, and may be sent when nothing else may."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a template takes a word: what it is called there, and one that would fit."""

    name: str
    example: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One text in one language.

    `text` is all that a person gets to read of it, with `{{1}}`, `{{2}}` ... for its
    `places`. `category` is the platform's own word for what it may be used for.
    """

    name: str
    language: str
    text: str
    places: tuple[Place, ...] = ()
    category: str | None = None

    def filled(self, parameters: Sequence[str]) -> str:
        """Return how it reads with one of `parameters` in each of its places."""
        pieces = self.text.split("{{")
        shown = pieces[:1]
        for piece in pieces[1:]:
            number, closed, rest = piece.partition("}}")
            known = closed and number.isdecimal() and 0 < int(number) <= len(parameters)
            shown.append(parameters[int(number) - 1] + rest if known else "{{" + piece)
        return "".join(shown)


def named(templates: Sequence[Template]) -> str:
    """Return the names of `templates` for a sentence: `order_update (en, pt_BR), welcome (en)`."""
    languages: dict[str, list[str]] = {}
    for one in templates:
        languages.setdefault(one.name, []).append(one.language)
    return ", ".join(f"{name} ({', '.join(found)})" for name, found in languages.items())
