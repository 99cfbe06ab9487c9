"""Everybody and everything said, and what follows from an act: statuses and callbacks."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from random import Random

from chat4all.testing.changes import Changes
from chat4all.testing.whatsapp.callbacks import CallbackQueue
from chat4all.testing.whatsapp.errors import NoSuchParticipant, SimulationError
from chat4all.testing.whatsapp.files import Files
from chat4all.testing.whatsapp.model import Chat, ChatMessage, Json, Number, Person
from chat4all.testing.whatsapp.payloads import message_value, status_value

UNDELIVERABLE, WINDOW_CLOSED = 131026, 131047


class Network:
    """The state of a simulated WhatsApp. `clock` gives Unix seconds."""

    def __init__(
        self, *, clock: Callable[[], float], random: Random, files: Files | None = None
    ) -> None:
        self.files = files or Files()
        self.changes = Changes()
        self.numbers: dict[str, Number] = {}
        self.people: dict[str, Person] = {}
        self.queues: dict[str, CallbackQueue] = {}
        self._chats: dict[tuple[str, str], Chat] = {}
        self._clock = clock
        self._random = random

    def now(self) -> float:
        """Return the time of this world."""
        return self._clock()

    def number(self, phone_number_id: str | None) -> Number:
        """Return a number, or with None the only one there is."""
        if phone_number_id is None and len(self.numbers) == 1:
            return next(iter(self.numbers.values()))
        found = self.numbers.get(phone_number_id or "")
        if found is None:
            raise NoSuchParticipant(f"There is no number {phone_number_id}.")
        return found

    def person(self, phone: str) -> Person:
        """Return somebody by phone number."""
        found = self.people.get(phone)
        if found is None:
            raise NoSuchParticipant(f"Nobody has the phone number {phone}.")
        return found

    def known_as(self, name: str) -> Person | None:
        """Return whom a business means by a phone number or a user id."""
        by_id = (one for one in self.people.values() if one.user_id == name)
        return self.people.get(name) or next(by_id, None)

    def chat(self, number: Number, person: Person) -> Chat:
        """Return what the two say to each other."""
        key = (number.phone_number_id, person.phone)
        return self._chats.setdefault(key, Chat(number=number, person=person))

    def new_id(self) -> str:
        """Return an id as those of messages look."""
        return "wamid." + base64.b64encode(self._random.randbytes(36)).decode()

    # -- what businesses do

    def send(
        self, number: Number, to: str, kind: str, content: Json, *, reply_to: str | None = None
    ) -> ChatMessage:
        """Take a message of a business; what becomes of it is told by callbacks."""
        message = ChatMessage(
            id=self.new_id(),
            mine=False,
            kind=kind,
            content=content,
            at=self.now(),
            reply_to=reply_to,
        )
        person = self.known_as(to)
        if person is None:
            nobody = Chat(number=number, person=Person(phone=to, name="", user_id=""))
            self._fail(nobody, message, UNDELIVERABLE)
            return message
        chat = self.chat(number, person)
        if kind != "template" and not chat.window_open(self.now()):
            chat.messages[message.id] = message
            self._fail(chat, message, WINDOW_CLOSED)
            return message
        if kind == "reaction":
            self._business_reacts(chat, content)
        else:
            chat.messages[message.id] = message
        self._advance(chat, message, "sent")
        self._arrive(chat)
        return message

    def mark_read(self, number: Number, message_id: str) -> bool:
        """Show a person that the business read their message; say whether there is one."""
        found = [
            chat.messages[message_id]
            for chat in self._chats_of(number)
            if message_id in chat.messages and chat.messages[message_id].mine
        ]
        for message in found:
            message.status = "read"
        self.changes.announce()
        return bool(found)

    # -- what people do

    def write(
        self, chat: Chat, kind: str, content: object, *, reply_to: str | None = None
    ) -> ChatMessage:
        """Take a message of a person, which opens the window."""
        if chat.blocked:
            raise SimulationError("The number is blocked: unblock it first.")
        if reply_to is not None and reply_to not in chat.messages:
            raise NoSuchParticipant("There is no such message to reply to.")
        message = ChatMessage(
            id=self.new_id(),
            mine=True,
            kind=kind,
            content=content,
            at=self.now(),
            reply_to=reply_to,
            status="sent",
        )
        chat.messages[message.id] = message
        self.tell(chat, kind, content, message_id=message.id, reply_to=reply_to)
        return message

    def tell(
        self,
        chat: Chat,
        kind: str,
        content: object,
        *,
        message_id: str = "",
        reply_to: str | None = None,
    ) -> None:
        """Call back with what a person did."""
        chat.last_heard = self.now()
        value = message_value(
            chat,
            message_id=message_id or self.new_id(),
            at=self.now(),
            kind=kind,
            content=content,
            reply_to=reply_to,
        )
        self.queues[chat.number.phone_number_id].put(value)

    def read(self, chat: Chat) -> None:
        """Have the person read all that has arrived."""
        for message in chat.messages.values():
            if message.mine or message.status != "delivered":
                continue
            message.status = "read"
            if chat.person.read_receipts:
                self._report(chat, message, "read")
        self.changes.announce()

    def come_online(self, person: Person) -> None:
        """Connect somebody's phone: what waited arrives."""
        person.online = True
        for chat in self._chats.values():
            if chat.person is person:
                self._arrive(chat)
        self.changes.announce()

    # -- what follows

    def _business_reacts(self, chat: Chat, content: Json) -> None:
        about = chat.messages.get(content["message_id"])
        if about is not None and content.get("emoji"):
            about.reactions["business"] = content["emoji"]
        elif about is not None:
            about.reactions.pop("business", None)

    def _arrive(self, chat: Chat) -> None:
        """Deliver what waits for the phone; of who blocked the number nothing is told."""
        if not chat.person.online or chat.blocked:
            return
        for message in chat.messages.values():
            if not message.mine and message.status == "sent":
                self._advance(chat, message, "delivered")

    def _fail(self, chat: Chat, message: ChatMessage, code: int) -> None:
        message.error = code
        self._advance(chat, message, "failed")

    def _advance(self, chat: Chat, message: ChatMessage, status: str) -> None:
        message.status = status
        self._report(chat, message, status)

    def _report(self, chat: Chat, message: ChatMessage, status: str) -> None:
        value = status_value(chat, message, at=self.now(), status=status)
        self.queues[chat.number.phone_number_id].put(value)

    def _chats_of(self, number: Number) -> Iterator[Chat]:
        return (chat for chat in self._chats.values() if chat.number is number)
