"""What a device is told of a message: short, and read by nobody on the way."""

from __future__ import annotations

import base64
import hashlib

import msgspec

from chat4all.domain.directory import Conversation, ConversationType, User
from chat4all.domain.ids import ConversationId, SubscriptionId
from chat4all.domain.messages import Message
from chat4all.domain.payload import Payload, PayloadType
from chat4all.domain.push import ELLIPSIS
from chat4all.ports.push import Push, Urgency

MAX_TITLE = 100
MAX_BODY = 300
"""Characters of each; every push service takes so many, also when each has to be escaped."""
DAY = 86_400
"""Seconds for which a push service keeps a push for a device that is switched off."""
TOPIC_CHARACTERS = 32
SOMEBODY = "Chat4All"
NEW_MESSAGE = "New message"
_WORDS = {
    PayloadType.IMAGE: "Photo",
    PayloadType.VIDEO: "Video",
    PayloadType.AUDIO: "Audio",
    PayloadType.DOCUMENT: "Document",
    PayloadType.LOCATION: "Location",
    PayloadType.CONTACT: "Contact",
}


def message_push(
    message: Message,
    sender: User | None,
    conversation: Conversation,
    *,
    device: SubscriptionId,
    unread: int,
    show_content: bool,
) -> Push:
    """Return the push that tells a device of `message`; `unread` is for the app's badge."""
    title, body = SOMEBODY, NEW_MESSAGE
    if show_content:
        title, body = _title(sender, conversation), _body(message.payload)
    return Push(
        title=title,
        text=body,
        data={
            "kind": "message",
            "conversation_id": message.conversation_id,
            "message_id": message.message_id,
            "seq": message.seq,
            "at": msgspec.to_builtins(message.created_at),
        },
        unread=unread,
        thread=message.conversation_id,
        topic=topic_of(device, message.conversation_id),
        ttl=DAY,
        urgency=Urgency.HIGH,
    )


def trial_push(device: SubscriptionId) -> Push:
    """Return a push of no meaning, to see whether one arrives."""
    return Push(
        title=SOMEBODY,
        text="Notifications reach this device",
        data={"kind": "test"},
        thread="test",
        topic=topic_of(device, ConversationId("test")),
        ttl=60,
        urgency=Urgency.NORMAL,
    )


def topic_of(device: SubscriptionId, conversation: ConversationId) -> str:
    """Return the topic of a conversation on one device; a push service learns nothing by it."""
    digest = hashlib.sha256(f"{device} {conversation}".encode()).digest()
    return base64.urlsafe_b64encode(digest).decode()[:TOPIC_CHARACTERS]


def _title(sender: User | None, conversation: Conversation) -> str:
    name = sender.display_name if sender else SOMEBODY
    if conversation.type is ConversationType.GROUP and conversation.name:
        name = f"{name} \N{MIDDLE DOT} {conversation.name}"
    return _cut(name, MAX_TITLE)


def _body(payload: Payload | None) -> str:
    if payload is None:
        return NEW_MESSAGE
    words = payload.text or payload.caption or payload.name
    kind = _WORDS.get(payload.type)
    if kind is None:
        return _cut(words or NEW_MESSAGE, MAX_BODY)
    return _cut(f"{kind}: {words}" if words else kind, MAX_BODY)


def _cut(text: str, most: int) -> str:
    shown = " ".join(text.split())
    return shown if len(shown) <= most else shown[: most - 1] + ELLIPSIS
