"""What befalls a group: who comes and goes, its name, its address, whether the bot is in it.

Telegram tells most of it by service messages. https://core.telegram.org/bots/api#message
"""

from __future__ import annotations

from aiogram.types import Message, User
from pydantic import BaseModel, ValidationError

from chat4all.connectors.telegram.names import full_name, group_title, utc
from chat4all.domain.inbound import (
    AccountInGroup,
    GroupEvent,
    GroupJoined,
    GroupLeft,
    GroupMoved,
    GroupPerson,
    GroupRenamed,
)

_GROUPS = frozenset({"group", "supergroup"})
_INSIDE = frozenset({"creator", "administrator", "member"})
"""What a bot that is in a group is there. https://core.telegram.org/bots/api#chatmember"""


class _Chat(BaseModel):
    id: int
    type: str
    title: str = ""


class _Member(BaseModel):
    status: str
    is_member: bool = False


class _Presence(BaseModel):
    """What we need of a `my_chat_member`, so that new rights of administrators do no harm."""

    chat: _Chat
    date: int
    new_chat_member: _Member


def service_event(message: Message) -> GroupEvent | None:
    """Return what a service message tells; None for messages that somebody wrote.

    Bots are left out: what they write never reaches another bot, and of our own
    `my_chat_member` tells.
    """
    address, at, number = str(message.chat.id), utc(message.date), message.message_id
    if message.new_chat_members:
        people = tuple(_person(one) for one in message.new_chat_members if not one.is_bot)
        title = group_title(message.chat)
        joined = GroupJoined(address=address, title=title, people=people, at=at, number=number)
        return joined if people else None
    if message.left_chat_member is not None:
        return _left(message, message.left_chat_member)
    if message.new_chat_title is not None:
        return GroupRenamed(address=address, title=message.new_chat_title, at=at, number=number)
    # Both sides of an upgrade to a supergroup tell of it.
    if message.migrate_to_chat_id is not None:
        return GroupMoved(address=address, to=str(message.migrate_to_chat_id))
    if message.migrate_from_chat_id is not None:
        return GroupMoved(address=str(message.migrate_from_chat_id), to=address)
    return None


def _left(message: Message, gone: User) -> GroupLeft | None:
    if gone.is_bot:
        return None
    return GroupLeft(
        address=str(message.chat.id),
        title=group_title(message.chat),
        author=str(gone.id),
        at=utc(message.date),
        number=message.message_id,
    )


def presence(raw: object, number: int) -> AccountInGroup | None:
    """Return whether the bot is in a group; that a person blocked it shows at the next send.

    `raw` is a `my_chat_member`, `number` that of the update: this kind has no message. Raises
    `ValueError` for one that cannot be read.
    """
    try:
        told = _Presence.model_validate(raw)
    except ValidationError:
        raise ValueError("unreadable my_chat_member") from None  # theirs would quote it
    if told.chat.type not in _GROUPS:
        return None
    new = told.new_chat_member
    return AccountInGroup(
        address=str(told.chat.id),
        title=told.chat.title,
        present=new.status in _INSIDE or (new.status == "restricted" and new.is_member),
        at=utc(told.date),
        number=number,
    )


def _person(user: User) -> GroupPerson:
    name = full_name(user.first_name, user.last_name)
    return GroupPerson(author=str(user.id), name=name or user.username or str(user.id))
