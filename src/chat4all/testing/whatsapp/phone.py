"""A person's WhatsApp: what they do in it and what it shows them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chat4all.testing.whatsapp.errors import NoSuchParticipant, SimulationError
from chat4all.testing.whatsapp.model import Chat, ChatMessage, Json, Person
from chat4all.testing.whatsapp.network import Network

MEDIA = {
    "image": "image/jpeg",
    "video": "video/mp4",
    "audio": "audio/ogg",
    "document": "application/pdf",
    "sticker": "image/webp",
}
"""What can be sent as files, and their types where nothing else is said."""
LONGEST_TEXT = 65_536


@dataclass(frozen=True, kw_only=True, slots=True)
class SeenMessage:
    """A message as the phone shows it; deleted ones are not shown at all.

    `status` of an own message is `read` once the business marked it so.
    """

    id: str
    mine: bool
    kind: str
    text: str | None
    content: Any
    reply_to: str | None
    status: str
    reactions: dict[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class ChatView:
    """A chat as the phone shows it, oldest message first."""

    number: str
    blocked: bool
    window_open: bool
    messages: tuple[SeenMessage, ...]

    @property
    def texts(self) -> list[str]:
        """The texts alone, those of templates too."""
        return [message.text for message in self.messages if message.text is not None]


class Phone:
    """What one person can do.

    `to` is a phone number id; None is "the only number there is". Every act raises
    `SimulationError` when the app would not allow it.
    """

    def __init__(self, network: Network, owner: Person) -> None:
        self._network = network
        self.owner = owner

    # -- doing

    def write(self, text: str, *, to: str | None = None, reply_to: str | None = None) -> str:
        """Send a text; return its id."""
        return self._write("text", {"body": _checked(text)}, to, reply_to)

    def send_location(
        self,
        latitude: float,
        longitude: float,
        *,
        name: str | None = None,
        to: str | None = None,
        reply_to: str | None = None,
    ) -> str:
        """Share a point on the map; return its id."""
        place: Json = {"latitude": latitude, "longitude": longitude}
        return self._write("location", place | ({"name": name} if name else {}), to, reply_to)

    def send_contact(
        self, name: str, phone: str, *, to: str | None = None, reply_to: str | None = None
    ) -> str:
        """Share an address book entry; return its id."""
        card = {
            "name": {"formatted_name": name, "first_name": name},
            "phones": [{"phone": phone, "type": "CELL"}],
        }
        return self._write("contacts", [card], to, reply_to)

    def send_media(
        self,
        kind: str,
        data: bytes,
        *,
        mime_type: str | None = None,
        name: str | None = None,
        caption: str | None = None,
        voice: bool = False,
        to: str | None = None,
        reply_to: str | None = None,
    ) -> str:
        """Send a file as one of `MEDIA`; `name` is for documents. Return the message's id."""
        if kind not in MEDIA or not data:
            raise SimulationError(f"Send bytes as one of {', '.join(sorted(MEDIA))}.")
        number = self._network.number(to).phone_number_id
        file = self._network.files.keep(number, data, mime_type or MEDIA[kind])
        about = file.as_webhook() | ({"caption": caption} if caption else {})
        if kind == "document":
            about["filename"] = name or "file"
        if kind == "audio":
            about["voice"] = voice
        return self._write(kind, about, to, reply_to)

    def download(self, message: SeenMessage) -> bytes:
        """Return the bytes of the file of a message that the phone shows."""
        file = self._network.files.find(str(message.content.get("id")))
        if file is None:
            raise NoSuchParticipant("The file is no longer there.")
        return file.data

    def react(self, message_id: str, emoji: str | None, *, to: str | None = None) -> None:
        """Show `emoji` on a message, or with None take it back."""
        chat = self._chat(to)
        message = self._message(chat, message_id)
        content: Json = {"message_id": message_id}
        if emoji:
            message.reactions["person"] = content["emoji"] = emoji
        else:
            message.reactions.pop("person", None)
        self._network.tell(chat, "reaction", content)

    def edit(self, message_id: str, text: str, *, to: str | None = None) -> None:
        """Change the text or caption of an own message."""
        chat = self._chat(to)
        message = self._own(chat, message_id)
        key = "caption" if message.kind in MEDIA else "body"
        message.content = {**message.content, key: _checked(text)}
        content = {
            "original_message_id": message_id,
            "message": {"type": message.kind, message.kind: message.content},
        }
        self._network.tell(chat, "edit", content)

    def delete(self, message_id: str, *, to: str | None = None) -> None:
        """Delete an own message for everyone."""
        chat = self._chat(to)
        del chat.messages[self._own(chat, message_id).id]
        self._network.tell(chat, "revoke", {"original_message_id": message_id})

    def read(self, *, to: str | None = None) -> None:
        """Read all that has arrived."""
        self._network.read(self._chat(to))

    def go_offline(self) -> None:
        """Disconnect: what comes waits."""
        self.owner.online = False

    def go_online(self) -> None:
        """Connect: what waited arrives."""
        self._network.come_online(self.owner)

    def block(self, *, to: str | None = None) -> None:
        """Block the number: what it sends never arrives, and it is not told."""
        self._chat(to).blocked = True
        self._network.changes.announce()

    def unblock(self, *, to: str | None = None) -> None:
        """Take the number's messages again; those from before do not come."""
        chat = self._chat(to)
        for message in [one for one in chat.messages.values() if one.status == "sent"]:
            if not message.mine:
                del chat.messages[message.id]
        chat.blocked = False
        self._network.changes.announce()

    # -- seeing

    def view(self, number: str | None = None) -> ChatView:
        """Return what the phone shows of a chat."""
        chat = self._chat(number)
        shown = [one for one in chat.messages.values() if one.mine or _arrived(one)]
        return ChatView(
            number=chat.number.phone_number_id,
            blocked=chat.blocked,
            window_open=chat.window_open(self._network.now()),
            messages=tuple(_seen(one) for one in shown),
        )

    async def wait_for(
        self, condition: Callable[[ChatView], bool], *, to: str | None = None, within: float = 30.0
    ) -> ChatView:
        """Wait until the chat is as wanted; raise `TimeoutError` with what it is instead."""
        found = await self._network.changes.until(lambda: condition(self.view(to)), within=within)
        if not found:
            raise TimeoutError(f"The chat is not as wanted: {self.view(to)}")
        return self.view(to)

    def _write(self, kind: str, content: object, to: str | None, reply_to: str | None) -> str:
        return self._network.write(self._chat(to), kind, content, reply_to=reply_to).id

    def _chat(self, number: str | None) -> Chat:
        return self._network.chat(self._network.number(number), self.owner)

    def _message(self, chat: Chat, message_id: str) -> ChatMessage:
        found = chat.messages.get(message_id)
        if found is None:
            raise NoSuchParticipant(f"There is no message {message_id}.")
        return found

    def _own(self, chat: Chat, message_id: str) -> ChatMessage:
        message = self._message(chat, message_id)
        if not message.mine:
            raise SimulationError("It is not your message.")
        return message


def _arrived(message: ChatMessage) -> bool:
    return message.status in ("delivered", "read")


def _seen(message: ChatMessage) -> SeenMessage:
    key = "shown" if message.kind == "template" else "body"
    text = message.content.get(key) if message.kind in ("text", "template") else None
    return SeenMessage(
        id=message.id,
        mine=message.mine,
        kind=message.kind,
        text=text,
        content=message.content,
        reply_to=message.reply_to,
        status=message.status,
        reactions=dict(message.reactions),
    )


def _checked(text: str) -> str:
    if not text.strip() or len(text) > LONGEST_TEXT:
        raise SimulationError(f"A text has 1 to {LONGEST_TEXT} characters.")
    return text
