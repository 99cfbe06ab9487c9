"""Exported chats as the import call of the API reads them."""

from __future__ import annotations

from typing import Any

from chat4all.services.chat_export import ExportedChat, ExportedMessage

MAX_TITLE = 500


def chat_json(chat: ExportedChat) -> dict[str, Any]:
    """Return the `chat` of a call."""
    return {
        "source": chat.source.value,
        "key": chat.key,
        "kind": chat.kind.value,
        "title": chat.title[:MAX_TITLE],
        "participants": [
            {"key": one.key, "name": one.name and one.name[:MAX_TITLE]} for one in chat.participants
        ],
    }


def message_json(message: ExportedMessage) -> dict[str, Any]:
    """Return one of the `messages` of a call."""
    whole = {
        "key": message.key,
        "author_key": message.author_key,
        "sent_at": message.sent_at.isoformat(),
        "kind": message.kind.value,
        "text": message.text,
        "media_name": message.media_name and message.media_name[:MAX_TITLE],
        "latitude": message.latitude,
        "longitude": message.longitude,
        "reply_to_key": message.reply_to_key,
        "forwarded_from": message.forwarded_from and message.forwarded_from[:MAX_TITLE],
        "edited": message.edited or None,
        "edited_at": message.edited_at and message.edited_at.isoformat(),
        "reactions": [
            {"emoji": one.emoji, "count": one.count, "author_keys": list(one.author_keys)}
            for one in message.reactions
        ]
        or None,
    }
    return {name: value for name, value in whole.items() if value is not None}
