"""A message before it is accepted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chat4all.domain.failover import Deadlines
from chat4all.domain.ids import ConversationId, MessageId, UserId
from chat4all.domain.payload import Payload


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A message as its sender wrote it."""

    conversation_id: ConversationId
    payload: Payload
    message_id: MessageId | None = None
    to: tuple[UserId, ...] | None = None
    channels: tuple[str, ...] = ()
    reply_to: MessageId | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    failover: Deadlines | None = None
