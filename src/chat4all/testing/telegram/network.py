"""The simulated Telegram: who there is, who talks with whom, and what was said."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

from chat4all.testing.changes import Changes
from chat4all.testing.telegram.bots import Bot
from chat4all.testing.telegram.errors import NoSuchParticipant, SimulationError, upgraded
from chat4all.testing.telegram.files import Files
from chat4all.testing.telegram.model import Account, Chat, ChatMessage
from chat4all.testing.telegram.updates import UpdateQueue
from chat4all.testing.telegram.wire import chat_json, member_json, message_json, user_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from random import Random

    from chat4all.testing.telegram.model import Content, Json

_FIRST_BOT = 7_000_000_001
_FIRST_PERSON = 100_001
_TOKEN_TAIL = 33  # characters after "AA"
_TOKEN_ALPHABET = string.ascii_letters + string.digits + "-_"


class Network:
    """State, and the updates that follow from changing it.

    `clock` gives Unix seconds. Message ids start at 1 in every chat, so the same id means
    different messages in different chats, as with Telegram's supergroups.
    """

    def __init__(
        self, *, clock: Callable[[], float], random: Random, files: Files | None = None
    ) -> None:
        self.clock = clock
        self.changes = Changes()
        self.people: dict[int, Account] = {}
        self.bots: dict[int, Bot] = {}
        self.groups: dict[int, Chat] = {}
        self.files = files or Files()
        self._private: dict[tuple[int, int], Chat] = {}
        self._random = random
        self._albums = 0

    def now(self) -> int:
        """Return the time in whole Unix seconds, as messages carry it."""
        return int(self.clock())

    # -- who there is

    def add_bot(self, username: str, *, first_name: str = "", token: str | None = None) -> Bot:
        """Create a bot; a `token` of your own must look like `123456:anything`."""
        if token is None:
            bot_id = max(self.bots, default=_FIRST_BOT - 1) + 1
            tail = "".join(self._random.choices(_TOKEN_ALPHABET, k=_TOKEN_TAIL))
            token = f"{bot_id}:AA{tail}"
        number, _, secret = token.partition(":")
        if not (number.isascii() and number.isdigit() and secret):
            raise SimulationError("A bot token looks like 123456:AA...; give one of that shape.")
        bot_id = int(number)
        self._claim(bot_id)
        account = Account(
            id=bot_id, first_name=first_name or username, username=username, is_bot=True
        )
        # Telegram starts anywhere, so clients must not count on 0 or 1.
        first_id = self._random.randrange(100_000_000, 900_000_000)
        updates = UpdateQueue(self.changes, first_id=first_id)
        bot = self.bots[bot_id] = Bot(account=account, token=token, updates=updates)
        self.changes.announce()
        return bot

    def add_person(
        self,
        first_name: str,
        *,
        id: int | None = None,  # noqa: A002 - Telegram's own name for it
        last_name: str | None = None,
        username: str | None = None,
        language_code: str | None = "en",
    ) -> Account:
        """Create a person; without an `id` the next free one is taken."""
        person_id = id if id is not None else max(self.people, default=_FIRST_PERSON - 1) + 1
        if person_id <= 0 or not first_name:
            raise SimulationError("A person needs a positive id and a first name.")
        self._claim(person_id)
        person = self.people[person_id] = Account(
            id=person_id,
            first_name=first_name,
            last_name=last_name,
            username=username,
            language_code=language_code,
        )
        self.changes.announce()
        return person

    def add_group(
        self, title: str, people: Iterable[int], *, bots: Iterable[int] | None = None
    ) -> Chat:
        """Create a group; its id is negative. Without `bots` every bot joins.

        Bots are administrators, so they get every message and reaction. The first person
        is the one who created it.
        """
        members = list(people)
        group_id = min(self.groups, default=-4_000_000_000) - 1
        if not members:
            raise SimulationError("A group needs at least one person.")
        creator = self.person(members[0])
        chat = self.groups[group_id] = Chat(
            id=group_id,
            kind="group",
            title=title,
            people={self.person(member).id for member in members},
            bots={self.bot(bot).account.id for bot in (self.bots if bots is None else bots)},
        )
        for bot_id in chat.bots:
            self.tell_membership(
                chat, self.bots[bot_id], by=creator, old="left", new="administrator"
            )
        self.changes.announce()
        return chat

    def person(self, person_id: int) -> Account:
        """Return the person, or raise `NoSuchParticipant`."""
        if person_id not in self.people:
            raise NoSuchParticipant(f"There is no person {person_id}.")
        return self.people[person_id]

    def bot(self, bot_id: int) -> Bot:
        """Return the bot, or raise `NoSuchParticipant`."""
        if bot_id not in self.bots:
            raise NoSuchParticipant(f"There is no bot {bot_id}.")
        return self.bots[bot_id]

    def bot_by_token(self, token: str) -> Bot | None:
        """Return the bot that `token` belongs to."""
        return next((bot for bot in self.bots.values() if bot.token == token), None)

    def name_of(self, account_id: int) -> str:
        """Return what phones show for a person or a bot."""
        if account_id in self.people:
            return self.people[account_id].name
        return self.bot(account_id).account.name

    def _claim(self, account_id: int) -> None:
        if account_id in self.people or account_id in self.bots:
            raise SimulationError(f"The id {account_id} is taken.")

    # -- who talks with whom

    def chat_of_bot(self, bot: Bot, chat_id: int) -> Chat | None:
        """Return the chat that `chat_id` names to this bot, if the bot may know it.

        Raises `BotApiError` for a group that is a supergroup by now.
        """
        group = self.groups.get(chat_id)
        if group is not None and group.migrated_to is not None:
            raise upgraded(group.migrated_to)
        if group is not None:
            return group if bot.account.id in group.bots else None
        return self._private.get((bot.account.id, chat_id))

    def open_private_chat(self, bot: Bot, person: Account) -> Chat:
        """Return the private chat, which the person's first message creates."""
        chat = self.peek_private_chat(bot, person)
        return self._private.setdefault((bot.account.id, person.id), chat)

    def peek_private_chat(self, bot: Bot, person: Account) -> Chat:
        """Return the private chat, or what it would be, without opening it."""
        chat = self._private.get((bot.account.id, person.id))
        if chat is None:
            chat = Chat(id=person.id, kind="private", people={person.id}, bots={bot.account.id})
        return chat

    def other_side(self, chat: Chat) -> Account | None:
        """Return the person of a private chat."""
        return None if chat.is_group else self.people[chat.id]

    # -- what was said

    def post(
        self, chat: Chat, sender: Account, content: Content, *, reply_to: int | None = None
    ) -> ChatMessage:
        """Put a message into the chat and tell the bots in it, except the sender."""
        chat.last_message_id += 1
        message = chat.messages[chat.last_message_id] = ChatMessage(
            id=chat.last_message_id,
            sender=sender,
            date=self.now(),
            content=content,
            reply_to=reply_to,
        )
        chat.actions.pop(sender.id, None)
        if not sender.is_bot:  # bots never see what bots write
            self.tell_bots(chat, "message", self.message_json(chat, message))
        self.changes.announce()
        return message

    def new_album(self) -> str:
        """Return what a new album is called."""
        self._albums += 1
        return f"{13_000_000_000_000_000 + self._albums}"

    def message_json(self, chat: Chat, message: ChatMessage) -> Json:
        """Return the message as bots see it."""
        return message_json(chat, message, self.other_side(chat))

    def chat_json(self, chat: Chat) -> Json:
        """Return the chat as bots see it."""
        return chat_json(chat, self.other_side(chat))

    def tell_bots(self, chat: Chat, kind: str, body: Json) -> None:
        """Queue an update for every bot of the chat."""
        for bot_id in chat.bots:
            self.bots[bot_id].updates.push(kind, body)

    def tell_membership(self, chat: Chat, bot: Bot, *, by: Account, old: str, new: str) -> None:
        """Tell a bot that its own place in the chat changed."""
        body = {
            "chat": self.chat_json(chat),
            "from": user_json(by),
            "date": self.now(),
            "old_chat_member": member_json(bot.account, old),
            "new_chat_member": member_json(bot.account, new),
        }
        bot.updates.push("my_chat_member", body)
