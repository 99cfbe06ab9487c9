"""One entry of a file of contacts, as it is written there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from chat4all.domain.errors import InvalidInput

MAX_CARDS = 50_000
"""Entries of one file."""
MAX_FILE_BYTES = 10 * 1024 * 1024
"""Bytes of one file."""


class FileFormat(StrEnum):
    """What a file of contacts is, by its media type."""

    CSV = "text/csv"
    VCARD = "text/vcard"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """An entry that begins on `line`; its numbers and channels are not looked at yet.

    `channels` are PLATFORM:ID with what has a meaning there percent-encoded, and perhaps
    ?account=UUID. `problem` says why an entry cannot be read; then the rest is empty.
    """

    line: int
    name: str = ""
    phones: Sequence[str] = ()
    channels: Sequence[str] = ()
    preferred_channel: str | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cards:
    """What a file holds; `ignored` are the columns or properties that mean nothing here."""

    items: Sequence[Card]
    ignored: Sequence[str] = ()


def too_many() -> InvalidInput:
    """Return the refusal of a file with more entries than one call takes."""
    return InvalidInput(f"a file has at most {MAX_CARDS:,} contacts; send it in parts")
