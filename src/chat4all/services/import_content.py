"""What an exported record says, in our own payloads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from typing import Any

from chat4all.domain.ids import MessageId, UserId
from chat4all.domain.payload import MAX_TEXT, Payload, PayloadType, text
from chat4all.services.chat_export import ExportedMessage, MessageKind

MAX_NAME = 200
"""Characters of the name of a place, a person or a conversation."""
_MAX_NOTE = 500


def content_of(message: ExportedMessage) -> list[Payload]:
    """Return the payloads of one record: none when it is empty, several for a very long text.

    Files stay where the export is, so a picture becomes a text that names it.
    """
    words = message.text
    if message.latitude is not None and message.longitude is not None:
        # WhatsApp's text is the link to the map, which the place says already.
        name = words if words and "://" not in words and len(words) <= MAX_NAME else None
        return [
            Payload(
                type=PayloadType.LOCATION,
                latitude=message.latitude,
                longitude=message.longitude,
                name=name,
            )
        ]
    if message.kind is MessageKind.CONTACT and words and len(words) <= MAX_NAME:
        return [Payload(type=PayloadType.CONTACT, name=words)]
    return [text(part) for part in _pieces(_in_words(message))]


def notes_on(message: ExportedMessage, known: Collection[str]) -> dict[str, Any]:
    """Return what the export tells besides, for the message's metadata.

    `known` are the keys of those whose reactions are kept as reactions; others are counted.
    """
    counts = {
        one.emoji: one.count
        for one in message.reactions
        if one.count > sum(key in known for key in one.author_keys)
    }
    notes: dict[str, Any] = {
        "kind": message.kind.value,
        "media_name": message.media_name and message.media_name[:_MAX_NOTE],
        "forwarded_from": message.forwarded_from and message.forwarded_from[:_MAX_NOTE],
        "edited": message.edited or None,
        "edited_at": message.edited_at and message.edited_at.isoformat(),
        "reactions": counts or None,
    }
    return {name: value for name, value in notes.items() if value is not None}


def digest_of(payload: Payload, sender: UserId, reply_to: MessageId | None) -> str:
    """Return what tells an imported message from another one of the same id."""
    content = json.dumps([sender, payload.as_dict(), reply_to], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def _in_words(message: ExportedMessage) -> str:
    shown = message.text.strip("\n")
    if message.media_name is not None:
        label = f"[{message.kind.value}: {message.media_name}]"
        return f"{label}\n{shown}" if shown else label
    plain = message.kind in (MessageKind.TEXT, MessageKind.NOTICE)
    return shown if shown.strip() or plain else f"[{message.kind.value}]"


def _pieces(words: str) -> list[str]:
    if not words.strip():
        return []
    return [words[start : start + MAX_TEXT] for start in range(0, len(words), MAX_TEXT)]
