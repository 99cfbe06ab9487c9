"""What a channel can carry, as data: the core reads this and never asks which channel it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from chat4all.domain.payload import PayloadType


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """The limits and powers of one channel.

    `payloads` are the kinds it carries as they are; what is not among them is degraded to
    text. `max_text` and `max_caption` count characters. `max_file_bytes` gives the largest
    file per media kind. `session_window` is how long after a contact's last message free
    text may be sent.

    The pace: `per_second` is how many messages an account may send in any second, `burst`
    how many of them at once. `per_chat_per_second` is how many go to one chat in the long
    run, after `per_chat_burst` at once. `per_group_per_minute` is how many go to a group in
    any minute; a chat is one when its address matches the regular expression `group_address`.
    """

    payloads: frozenset[PayloadType]
    max_text: int
    max_caption: int = 0
    max_file_bytes: Mapping[PayloadType, int] = field(default_factory=dict)
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
