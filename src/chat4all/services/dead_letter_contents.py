"""What a dead letter is about: kind and ids of the parked record, never what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from chat4all.domain.commands import PlanAgain
from chat4all.domain.errors import UnreadableRecord
from chat4all.domain.ids import ConversationId, MessageId
from chat4all.ports.event_log import COMMANDS, EARLY_RECEIPTS, EVENTS
from chat4all.services.records import decode_command, decode_event, decode_receipt, decode_task

_IDS = (
    "task_id",
    "message_id",
    "conversation_id",
    "sender",
    "actor",
    "user_id",
    "channel",
    "account_id",
    "address",
    "external_id",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """Kind and ids of a parked record. `kind` is its tag in the log: submit, delivery ..."""

    kind: str
    ids: Mapping[str, str]

    @property
    def message_id(self) -> MessageId | None:
        """Return the message that it is about, if any."""
        found = self.ids.get("message_id")
        return MessageId(found) if found else None

    @property
    def conversation_id(self) -> ConversationId | None:
        """Return where it belongs."""
        found = self.ids.get("conversation_id")
        return ConversationId(found) if found else None


class _Kind(msgspec.Struct):
    type: str


def contents(stream: str, value: bytes) -> Contents | None:
    """Return what the record `value` of `stream` is about; None when it cannot be read."""
    try:
        found = _decode(stream, value)
        if isinstance(found, PlanAgain):
            found = decode_event(found.event.encode())
    except UnreadableRecord:
        return None
    kind = msgspec.json.decode(value, type=_Kind).type
    ids: dict[str, str] = {}
    parts = (getattr(found, name, None) for name in ("message", "entry", "receipt"))
    for part in (found, *parts):
        for name in _IDS:
            one = getattr(part, name, None)
            if one is not None:
                ids[name] = str(one)
    return Contents(kind=kind, ids=ids)


def _decode(stream: str, value: bytes) -> Any:
    if stream == COMMANDS:
        return decode_command(value)
    if stream == EARLY_RECEIPTS:
        return decode_receipt(value)
    return decode_event(value) if stream == EVENTS else decode_task(value)
