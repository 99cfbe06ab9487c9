"""A Telegram update as our events. Pure: the same update gives the same events.

https://core.telegram.org/bots/api#update
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any

from aiogram.enums import ContentType
from aiogram.types import (
    Chat,
    Message,
    MessageReactionUpdated,
    ReactionTypeEmoji,
    Update,
    User,
)
from pydantic import ValidationError

from chat4all.connectors.telegram.attachments import Found, attachment_of
from chat4all.connectors.telegram.groups import presence, service_event
from chat4all.connectors.telegram.names import full_name, group_title, utc
from chat4all.connectors.telegram.reactions import from_telegram
from chat4all.domain.inbound import Inbound, IncomingEdit, IncomingMessage, IncomingReaction
from chat4all.domain.payload import Payload, PayloadType, text

ALLOWED_UPDATES = ["message", "edited_message", "message_reaction", "my_chat_member"]
"""What we ask Telegram for; reactions come only to those who name them."""

_LINK = re.compile(r"/start(?:@\w+)?\s+([A-Za-z0-9_-]{1,64})\s*")
"""A deep link's START. https://core.telegram.org/bots/features#deep-linking."""

_OTHERS = {
    ContentType.LIVE_PHOTO: "live photo",
    ContentType.PAID_MEDIA: "paid media",
    ContentType.STORY: "story",
    ContentType.GAME: "game",
    ContentType.CHECKLIST: "checklist",
    ContentType.INVOICE: "invoice",
    ContentType.GIVEAWAY: "giveaway",
    ContentType.RICH_MESSAGE: "rich message",
    ContentType.UNKNOWN: "unsupported message",
}
"""What a placeholder says. Kinds that are missing are notices such as a joined member."""

_ESSENTIAL = ("message_id", "date", "edit_date", "chat", "from", "text", "caption")

_log = logging.getLogger(__name__)


def events_of(raw: object) -> Sequence[Inbound]:
    """Return what an update says to us; nothing when it is none of our business.

    Raises `ValueError` for an object that is no update at all.
    """
    number = raw.get("update_id") if isinstance(raw, dict) else None
    if not isinstance(raw, dict) or type(number) is not int:
        raise ValueError("not an object with an update_id")
    event = _read(raw, number)
    return [] if event is None else [event]


def _read(raw: Mapping[str, Any], number: int) -> Inbound | None:
    if "my_chat_member" in raw:
        return presence(raw["my_chat_member"], number)
    update = _parsed(raw, number)
    return None if update is None else _event(update)


def _event(update: Update) -> Inbound | None:
    if update.message is not None:
        return service_event(update.message) or _message(update.message)
    if update.edited_message is not None:
        return _edit(update.edited_message)
    if update.message_reaction is not None:
        return _reaction(update.message_reaction)
    return None


def _parsed(raw: Mapping[str, Any], number: int) -> Update | None:
    """Read an update; of one that is newer than our library, what every message has."""
    try:
        return Update.model_validate(raw)
    except ValidationError:
        _log.warning("update %d has a form this version does not know; reading its basics", number)
    basics = {
        kind: {name: body[name] for name in _ESSENTIAL if name in body}
        for kind in ("message", "edited_message")
        if isinstance(body := raw.get(kind), dict)
    }
    try:
        return Update.model_validate({"update_id": number, **basics}) if basics else None
    except ValidationError as error:
        # Not chained by its text, which would quote what people wrote.
        problem = error.errors(include_input=False, include_url=False, include_context=False)
        raise ValueError(f"unreadable {problem[0]['loc']}") from None


def _message(message: Message) -> IncomingMessage | None:
    found = attachment_of(message)
    payload = _payload(message, found)
    if payload is None:
        return None
    private = message.chat.type == "private"
    code = _LINK.fullmatch(message.text) if private and message.text else None
    return IncomingMessage(
        external_id=str(message.message_id),
        address=str(message.chat.id),
        author=_author(message),
        author_name=_author_name(message),
        payload=payload,
        sent_at=utc(message.date),
        reply_to=_reply_to(message),
        link_code=code[1] if code else None,
        title=None if private else group_title(message.chat),
        attachment=found[1] if found else None,
    )


def _edit(message: Message) -> IncomingEdit | None:
    payload = _payload(message, attachment_of(message))
    if payload is None:
        return None
    return IncomingEdit(
        external_id=str(message.message_id),
        address=str(message.chat.id),
        author=_author(message),
        payload=payload,
        edited_at=utc(message.edit_date or message.date),
    )


def _reaction(reaction: MessageReactionUpdated) -> IncomingReaction:
    actor: User | Chat = reaction.user or reaction.actor_chat or reaction.chat
    kinds = reaction.new_reaction
    emojis = (kind.emoji for kind in kinds if isinstance(kind, ReactionTypeEmoji))
    return IncomingReaction(
        external_id=str(reaction.message_id),
        address=str(reaction.chat.id),
        author=str(actor.id),
        emojis=tuple(from_telegram(emoji) for emoji in emojis),
        at=utc(reaction.date),
    )


def _payload(message: Message, found: Found | None) -> Payload | None:
    if message.text is not None:
        return text(message.text)
    if found is not None:
        return Payload(type=found[0], caption=message.caption or None)
    if message.location is not None:  # a venue has one too
        return Payload(
            type=PayloadType.LOCATION,
            latitude=message.location.latitude,
            longitude=message.location.longitude,
            name=message.venue.title if message.venue else None,
        )
    if message.contact is not None:
        contact = message.contact
        return Payload(
            type=PayloadType.CONTACT,
            name=full_name(contact.first_name, contact.last_name),
            phone=contact.phone_number,
        )
    words = _placeholder(message)
    return None if words is None else text(words)


def _placeholder(message: Message) -> str | None:
    if message.dice is not None:
        return f"[dice {message.dice.emoji} {message.dice.value}]"
    if message.poll is not None:
        return f"[poll] {message.poll.question}"
    kind = next((label for kind, label in _OTHERS.items() if kind == message.content_type), None)
    if kind is None:
        return None
    return f"[{kind}] {message.caption}" if message.caption else f"[{kind}]"


def _reply_to(message: Message) -> str | None:
    target = message.reply_to_message
    # Within a topic every message seems to answer the notice that opened the topic.
    if target is None or getattr(target, "forum_topic_created", None) is not None:
        return None
    return str(target.message_id)


def _author(message: Message) -> str:
    # Who writes as a chat comes with a stand-in as `from`.
    actor: User | Chat = message.sender_chat or message.from_user or message.chat
    return str(actor.id)


def _author_name(message: Message) -> str:
    user = message.from_user
    if user is not None and message.sender_chat is None:
        return full_name(user.first_name, user.last_name) or user.username or str(user.id)
    chat = message.sender_chat or message.chat
    return chat.title or chat.username or str(chat.id)
