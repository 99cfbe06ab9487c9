"""The simulator's values as the JSON objects of the Bot API.

https://core.telegram.org/bots/api#available-types
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chat4all.testing.telegram.files import Media
    from chat4all.testing.telegram.model import Account, Chat, ChatMessage, Json

_MEMBER_RIGHTS = (
    "can_be_edited", "is_anonymous", "can_manage_chat", "can_delete_messages",
    "can_manage_video_chats", "can_restrict_members", "can_promote_members",
    "can_change_info", "can_invite_users", "can_post_stories", "can_edit_stories",
    "can_delete_stories", "can_send_welcome_messages", "can_pin_messages", "can_manage_tags",
)  # fmt: skip
_GIFTS = (
    "unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription",
    "gifts_from_channels",
)  # fmt: skip
_BOT_POWERS = (
    "can_read_all_group_messages", "supports_inline_queries", "can_connect_to_business",
    "has_main_web_app", "has_topics_enabled", "allows_users_to_create_topics", "can_manage_bots",
)  # fmt: skip


def without_nothing(values: Json) -> Json:
    """Return the object without its absent fields, which Telegram leaves out."""
    return {name: value for name, value in values.items() if value is not None}


def user_json(account: Account) -> Json:
    """Return a User."""
    return without_nothing(asdict(account))


def me_json(account: Account) -> Json:
    """Return the User of getMe."""
    return user_json(account) | {"can_join_groups": True} | dict.fromkeys(_BOT_POWERS, False)


def chat_json(chat: Chat, person: Account | None) -> Json:
    """Return a Chat; `person` is the other side of a private one."""
    if person is None:
        return {"id": chat.id, "type": chat.kind, "title": chat.title}
    return without_nothing(
        {
            "id": chat.id,
            "type": chat.kind,
            "first_name": person.first_name,
            "last_name": person.last_name,
            "username": person.username,
        }
    )


def full_chat_json(chat: Chat, person: Account | None) -> Json:
    """Return the ChatFullInfo of getChat."""
    return chat_json(chat, person) | {
        "accent_color_id": 0,
        "max_reaction_count": 11,
        "accepted_gift_types": dict.fromkeys(_GIFTS, False),
    }


def message_json(
    chat: Chat, message: ChatMessage, person: Account | None, *, with_reply: bool = True
) -> Json:
    """Return a Message; the message it replies to comes without its own reply."""
    content = message.content
    values: dict[str, Any] = {
        "message_id": message.id,
        "from": user_json(message.sender),
        "chat": chat_json(chat, person),
        "date": message.date,
        "edit_date": message.edit_date,
        "text": content.text,
        "entities": (list(content.entities) or None) if content.media is None else None,
        "location": content.location and without_nothing(asdict(content.location)),
        "contact": content.contact and without_nothing(asdict(content.contact)),
        "media_group_id": content.album,
        "caption": content.caption,
    }
    values |= content.notice or {}
    if content.media is not None:
        values |= media_json(content.media)
        values["caption_entities"] = list(content.entities) or None
    target = chat.messages.get(message.reply_to or 0)
    if with_reply and target is not None:
        values["reply_to_message"] = message_json(chat, target, person, with_reply=False)
    return without_nothing(values)


def media_json(media: Media) -> Json:
    """Return the fields by which a message shows a file; sizes of pictures are made up."""
    basics = {"file_id": media.file_id, "file_unique_id": media.unique_id}
    file: Json = {**basics, "file_size": media.size}
    if media.kind == "photo":
        small = {
            "file_id": f"Thumb{media.file_id}",
            "file_unique_id": f"T{media.unique_id}",
            "width": 90,
            "height": 67,
            "file_size": min(media.size, 1000),
        }
        return {"photo": [small, {**file, "width": 1280, "height": 960}]}
    if media.kind == "sticker":
        shape = {"type": "regular", "is_animated": False, "is_video": False}
        return {"sticker": {**file, **shape, "width": 512, "height": 512}}
    if media.kind == "video_note":
        return {"video_note": {**file, "length": 240, "duration": 3}}
    about = without_nothing({"file_name": media.name, "mime_type": media.mime_type})
    if media.kind in ("voice", "audio"):
        about["duration"] = 3
    if media.kind in ("video", "animation"):
        about |= {"duration": 3, "width": 640, "height": 480}
    if media.kind == "animation":  # clients that know no animations show a document
        return {"animation": {**file, **about}, "document": {**file, "mime_type": media.mime_type}}
    return {media.kind: {**file, **about}}


def member_json(account: Account, status: str) -> Json:
    """Return the ChatMember with `status`: member, administrator, left or kicked."""
    member: Json = {"user": user_json(account), "status": status}
    if status == "administrator":
        member |= dict.fromkeys(_MEMBER_RIGHTS, True) | {"is_anonymous": False}
    elif status == "kicked":
        member["until_date"] = 0
    return member
