"""Typed identifiers, and how new ones are made."""

from __future__ import annotations

import hashlib
import os
import struct
import threading
import time
import uuid
from typing import NewType

UserId = NewType("UserId", str)
"""A person, a contact or a service. UUID text."""
ConversationId = NewType("ConversationId", str)
"""A private or group conversation; the partition key of everything. UUID text."""
MessageId = NewType("MessageId", str)
"""Globally unique, chosen by the sender or made by the server. UUID text, lower case."""
ChannelId = NewType("ChannelId", str)
"""One external identity of one user: a row of `user_channels`. UUID text."""
AccountId = NewType("AccountId", str)
"""One connector account: a bot, a phone number. UUID text."""
FileId = NewType("FileId", str)
"""One file of one conversation. UUID text."""

EndpointId = NewType("EndpointId", str)
"""One address at which somebody is told of events: an outgoing webhook. UUID text."""
DeliveryId = NewType("DeliveryId", str)
"""One event on its way to one endpoint; sorts by when it was kept. UUID text."""
SubscriptionId = NewType("SubscriptionId", str)
"""One device that takes pushes; follows from its address. UUID text."""

MergeId = NewType("MergeId", str)
"""One merge of contacts. UUID text."""

KeyId = NewType("KeyId", str)
"""One API key; not its text, which is secret. UUID text."""
ActId = NewType("ActId", str)
"""One call made as somebody else; sorts by time. UUID text."""

_DRAWN = struct.Struct("256Q")
_lock = threading.Lock()
_last = 0
_random: list[int] = []
"""Random numbers of 64 bits, each for one id: asking the system for every one of them lets
the other threads in, and waiting for one's turn again costs more than the number."""
os.register_at_fork(after_in_child=_random.clear)  # else both processes make the same ids


def new_id() -> str:
    """Return a new UUIDv7, later than every one this process made before.

    The 12 bits after the millisecond count upwards, as RFC 9562 section 6.2
    (method 1) allows, so ids made in a row sort in the order they were made.
    https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-7
    """
    global _last  # noqa: PLW0603 - one monotonic clock per process is the point
    now = (time.time_ns() // 1_000_000) << 12
    with _lock:
        _last = max(now, _last + 1)
        ticks = _last
        if not _random:
            _random.extend(_DRAWN.unpack(os.urandom(_DRAWN.size)))
        drawn = _random.pop()
    value = ((ticks >> 12) << 80) | (0x7 << 76) | ((ticks & 0xFFF) << 64)
    value |= (0b10 << 62) | (drawn >> 2)
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def derived_id(*parts: str) -> str:
    """Return the UUIDv8 that always follows from `parts`, so a repeat makes no second thing.

    Parts are joined unambiguously: ("a", "bc") and ("ab", "c") differ.
    https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-8
    """
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass")
        digest.update(len(raw).to_bytes(8, "big") + raw)
    value = int.from_bytes(digest.digest()[:16], "big")
    value = (value & ~(0xF << 76)) | (0x8 << 76)
    value = (value & ~(0x3 << 62)) | (0b10 << 62)
    return str(uuid.UUID(int=value))
