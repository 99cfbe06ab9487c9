"""The Bot API methods about chats and messages.

https://core.telegram.org/bots/api#available-methods. Keyboards, link previews and
notification settings are accepted and ignored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chat4all.testing.telegram.errors import BotApiError, bad_request, forbidden
from chat4all.testing.telegram.formatting import text_content
from chat4all.testing.telegram.model import Contact, Content, Location
from chat4all.testing.telegram.reactions import REACTIONS, plain_emoji
from chat4all.testing.telegram.wire import full_chat_json, member_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from chat4all.testing.telegram.bots import Bot
    from chat4all.testing.telegram.limits import RateLimiter
    from chat4all.testing.telegram.model import Chat, ChatMessage, Json
    from chat4all.testing.telegram.network import Network
    from chat4all.testing.telegram.parameters import Parameters

DELETABLE_FOR = 48 * 3600  # seconds
ACTION_SHOWN_FOR = 5.0  # seconds
MOST_IDS = 100
ACTIONS = frozenset(
    {
        "typing", "upload_photo", "record_video", "upload_video", "record_voice",
        "upload_voice", "upload_document", "choose_sticker", "find_location",
        "record_video_note", "upload_video_note",
    }
)  # fmt: skip


class Call:
    """One request of a bot, with the checks that the methods share."""

    def __init__(
        self, network: Network, bot: Bot, parameters: Parameters, *, limiter: RateLimiter
    ) -> None:
        self.network = network
        self.bot = bot
        self.parameters = parameters
        self._limiter = limiter

    def spend(self, chat: Chat) -> None:
        """Count what is about to be put into the chat; raise 429 when it is too much."""
        self._limiter.spend(self.bot.account.id, chat)

    def chat(self) -> Chat:
        """Return the chat `chat_id` names; raise 400 when this bot knows none such."""
        chat_id = self.chat_id()
        chat = self.network.chat_of_bot(self.bot, chat_id)
        if chat is None:
            raise bad_request("chat not found")
        return chat

    def writable_chat(self) -> Chat:
        """Return the chat; raise 403 when the bot may not write there."""
        chat_id = self.chat_id()
        chat = self.network.chat_of_bot(self.bot, chat_id)
        if chat is None:
            raise self._closed_door(chat_id)
        if chat.blocked:
            raise forbidden("bot was blocked by the user")
        return chat

    def _closed_door(self, chat_id: int) -> BotApiError:
        if chat_id in self.network.people:
            return forbidden("bot can't initiate conversation with a user")
        if chat_id in self.network.bots:
            return forbidden("bot can't send messages to bots")
        if chat_id in self.network.groups:
            return forbidden("bot is not a member of the group chat")
        return bad_request("chat not found")

    def chat_id(self) -> int:
        """Return `chat_id`; names of public chats find nothing, there are none."""
        if not self.parameters.string("chat_id"):
            raise bad_request("chat_id is empty")
        return self.parameters.integer("chat_id")

    def message(self, chat: Chat, what: str) -> ChatMessage:
        """Return the message `message_id` names, or raise 400 that `what` was not found."""
        message = chat.messages.get(self.parameters.integer("message_id"))
        if message is None:
            raise bad_request(f"{what} not found")
        return message

    def text(self) -> Content:
        """Return the parsed `text`."""
        parameters = self.parameters
        return text_content(parameters.string("text"), parse_mode=parameters.string("parse_mode"))

    def post(self, content: Content) -> Json:
        """Send `content` and return the message."""
        chat = self.writable_chat()
        reply_to = self._reply_to(chat)
        self.spend(chat)
        message = self.network.post(chat, self.bot.account, content, reply_to=reply_to)
        return self.network.message_json(chat, message)

    def change(self, chat: Chat, message: ChatMessage, content: Content) -> Json:
        """Edit a message of the bot's and return it; raise 400 when nothing would change."""
        if message.content == content:
            raise bad_request(
                "message is not modified: specified new message content and reply markup are"
                " exactly the same as a current content and reply markup of the message"
            )
        self.spend(chat)
        message.content = content
        message.edit_date = self.network.now()
        self.network.changes.announce()
        return self.network.message_json(chat, message)

    def _reply_to(self, chat: Chat) -> int | None:
        legacy = {
            "message_id": self.parameters.integer("reply_to_message_id"),
            "allow_sending_without_reply": self.parameters.boolean("allow_sending_without_reply"),
        }
        wanted = self.parameters.json("reply_parameters")
        if wanted is None:
            wanted = legacy
        if not isinstance(wanted, dict) or not isinstance(wanted.get("message_id", 0), int):
            raise bad_request("can't parse reply parameters JSON object")
        message_id = int(wanted.get("message_id", 0))
        same_chat = str(wanted.get("chat_id", chat.id)) == str(chat.id)
        if message_id <= 0:
            return None
        if same_chat and message_id in chat.messages:
            return message_id
        if wanted.get("allow_sending_without_reply"):
            return None
        raise bad_request("message to be replied not found")


def send_message(call: Call) -> Json:
    """https://core.telegram.org/bots/api#sendmessage."""
    return call.post(call.text())


def send_location(call: Call) -> Json:
    """https://core.telegram.org/bots/api#sendlocation."""
    numbers: dict[str, float] = {}
    for name in ("latitude", "longitude", "horizontal_accuracy"):
        value = call.parameters.string(name)
        if not value and name != "horizontal_accuracy":
            raise bad_request(f"{name} is empty")
        try:
            numbers[name] = float(value or 0)
        except ValueError:
            numbers[name] = 0.0
    location = Location(
        latitude=numbers["latitude"],
        longitude=numbers["longitude"],
        horizontal_accuracy=numbers["horizontal_accuracy"] or None,
    )
    if not location.is_on_earth():
        raise bad_request("wrong location specified")
    return call.post(Content(location=location))


def send_contact(call: Call) -> Json:
    """https://core.telegram.org/bots/api#sendcontact."""
    contact = Contact(
        phone_number=call.parameters.required("phone_number"),
        first_name=call.parameters.required("first_name"),
        last_name=call.parameters.string("last_name") or None,
        vcard=call.parameters.string("vcard") or None,
    )
    return call.post(Content(contact=contact))


def edit_message_text(call: Call) -> Json:
    """https://core.telegram.org/bots/api#editmessagetext."""
    content = call.text()
    chat = call.writable_chat()
    message = call.message(chat, "message to edit")
    if message.sender.id != call.bot.account.id:
        raise bad_request("message can't be edited")
    if message.content.text is None:
        raise bad_request("there is no text in the message to edit")
    return call.change(chat, message, content)


def delete_message(call: Call) -> bool:
    """https://core.telegram.org/bots/api#deletemessage."""
    chat = call.chat()
    message = call.message(chat, "message to delete")
    if call.network.now() - message.date > DELETABLE_FOR:
        raise bad_request("message can't be deleted")
    del chat.messages[message.id]
    call.network.changes.announce()
    return True


def delete_messages(call: Call) -> bool:
    """https://core.telegram.org/bots/api#deletemessages; unknown ids are skipped."""
    chat = call.chat()
    ids = call.parameters.json("message_ids")
    if not ids:
        raise bad_request("message identifiers are not specified")
    if not isinstance(ids, list) or not all(isinstance(item, int) for item in ids):
        raise bad_request("expected an Array of message identifiers")
    if len(ids) > MOST_IDS:
        raise bad_request("too many message identifiers specified")
    oldest = call.network.now() - DELETABLE_FOR
    for message in [chat.messages[item] for item in ids if item in chat.messages]:
        if message.date >= oldest:
            chat.messages.pop(message.id, None)
    call.network.changes.announce()
    return True


def set_message_reaction(call: Call) -> bool:
    """https://core.telegram.org/bots/api#setmessagereaction; a bot may set one at most."""
    chat = call.writable_chat()
    message = call.message(chat, "message to react")
    types = call.parameters.json("reaction") or []
    if not isinstance(types, list) or not all(isinstance(item, dict) for item in types):
        raise bad_request("can't parse reaction types JSON object")
    emojis = tuple(plain_emoji(str(item.get("emoji", ""))) for item in types)
    if not REACTIONS.issuperset(emojis):
        raise bad_request("REACTION_INVALID")
    if len(emojis) > 1:
        raise bad_request("REACTIONS_TOO_MANY")
    message.reactions.pop(call.bot.account.id, None)
    if emojis:
        message.reactions[call.bot.account.id] = emojis
    call.network.changes.announce()
    return True


def send_chat_action(call: Call) -> bool:
    """https://core.telegram.org/bots/api#sendchataction; shown until a message or 5 s."""
    action = call.parameters.string("action").lower()
    if action not in ACTIONS:
        raise bad_request("wrong parameter action in request")
    chat = call.writable_chat()
    chat.actions[call.bot.account.id] = (action, call.network.clock() + ACTION_SHOWN_FOR)
    call.network.changes.announce()
    return True


def get_chat(call: Call) -> Json:
    """https://core.telegram.org/bots/api#getchat."""
    chat = call.chat()
    return full_chat_json(chat, call.network.other_side(chat))


def get_chat_member(call: Call) -> Json:
    """https://core.telegram.org/bots/api#getchatmember."""
    chat = call.chat()
    user_id = call.parameters.integer("user_id")
    if user_id in chat.bots:
        status = "administrator" if chat.is_group else "member"
        return member_json(call.network.bots[user_id].account, status)
    if user_id not in call.network.people:
        raise bad_request("user not found")
    person = call.network.people[user_id]
    return member_json(person, "member" if user_id in chat.people else "left")


METHODS: dict[str, Callable[[Call], Any]] = {
    "sendmessage": send_message,
    "sendlocation": send_location,
    "sendcontact": send_contact,
    "editmessagetext": edit_message_text,
    "deletemessage": delete_message,
    "deletemessages": delete_messages,
    "setmessagereaction": set_message_reaction,
    "sendchataction": send_chat_action,
    "getchat": get_chat,
    "getchatmember": get_chat_member,
}
