"""What a channel can carry, as data: the core reads this and never asks which channel it is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from chat4all.domain.payload import PayloadType


class AddressForm(StrEnum):
    """What the addresses of people are: ids of the platform's own, or phone numbers.

    `E164` is +5511987654321, `E164_DIGITS` the same without the plus. Either kind of platform
    may have ids of its own besides; those have a letter in them.
    """

    OPAQUE = "opaque"
    E164 = "e164"
    E164_DIGITS = "e164_digits"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """The limits and powers of one channel.

    `payloads` are the kinds it carries as they are; what is not among them is degraded to
    text. `max_text` and `max_caption` count characters; the kinds in `uncaptioned` have no
    caption. `max_file_bytes` gives the largest file per media kind, and `media_types` the
    MIME types of a kind, where it takes not all of them. `session_window` is how long after
    a contact's last message free text may be sent.

    The pace: `per_second` is how many messages an account may send in any second, `burst`
    how many of them at once. `per_chat_per_second` is how many go to one chat in the long
    run, after `per_chat_burst` at once. `per_group_per_minute` is how many go to a group in
    any minute; a chat is one when its address matches the regular expression `group_address`.

    `writes_first` says whether an account may write to somebody who never wrote to it.
    `addresses` says how it names people: the form in which its callbacks do.
    """

    payloads: frozenset[PayloadType]
    max_text: int
    max_caption: int = 0
    uncaptioned: frozenset[PayloadType] = frozenset()
    max_file_bytes: Mapping[PayloadType, int] = field(default_factory=dict)
    media_types: Mapping[PayloadType, frozenset[str]] = field(default_factory=dict)
    replies: bool = False
    edits: bool = False
    deletes: bool = False
    reactions: bool = False
    typing: bool = False
    delivery_receipts: bool = False
    read_receipts: bool = False
    session_window: timedelta | None = None
    per_second: float | None = None
    burst: int = 1
    per_chat_per_second: float | None = None
    per_chat_burst: int = 1
    per_group_per_minute: float | None = None
    group_address: str | None = None
    writes_first: bool = True
    addresses: AddressForm = AddressForm.OPAQUE

    def caption_of(self, kind: PayloadType) -> int:
        """Return how many characters a caption of a media kind may have."""
        return 0 if kind in self.uncaptioned else self.max_caption

    def obstacle(self, kind: PayloadType, *, size: int, mime_type: str) -> str | None:
        """Return why a file is not carried as a media kind, in words; None when it is."""
        if kind not in self.payloads:
            return f"{kind} is not carried"
        most = self.max_file_bytes[kind]
        if size > most:
            return f"{megabytes(size)} is over {megabytes(most)}"
        bare = mime_type.partition(";")[0].strip().lower()
        if bare not in self.media_types.get(kind, {bare}):
            return f"{bare} is not carried as {kind}"
        return None


def megabytes(size: int) -> str:
    """Return bytes as people say them, rounded up: `1.5 MB`, `120 KB`."""
    if size < 1024**2:
        return f"{math.ceil(size / 1024)} KB"
    return f"{math.ceil(size * 10 / 1024**2) / 10:g} MB"
