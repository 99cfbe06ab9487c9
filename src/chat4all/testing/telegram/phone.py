"""A person's Telegram app: what they do in it and what it shows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chat4all.testing.telegram.errors import BotApiError, NoSuchParticipant, SimulationError
from chat4all.testing.telegram.files import DEFAULT_TYPES, Media
from chat4all.testing.telegram.formatting import media_content, text_content
from chat4all.testing.telegram.model import Contact, Content, Location
from chat4all.testing.telegram.reactions import REACTIONS, plain_emoji, reaction_types
from chat4all.testing.telegram.wire import user_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from chat4all.testing.telegram.bots import Bot
    from chat4all.testing.telegram.model import Account, Chat, ChatMessage
    from chat4all.testing.telegram.network import Network


@dataclass(frozen=True, kw_only=True, slots=True)
class SeenReaction:
    """A reaction under a message."""

    by: str
    emoji: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SeenMessage:
    """A message as the phone shows it; deleted ones are not shown at all."""

    message_id: int
    sender_id: int
    sender: str
    mine: bool
    sent_at: datetime
    edited: bool
    reply_to: int | None
    text: str | None
    location: Location | None
    contact: Contact | None
    media: Media | None
    caption: str | None
    album: str | None
    reactions: tuple[SeenReaction, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ChatView:
    """A chat as the phone shows it, oldest message first."""

    chat: int
    title: str
    blocked: bool
    doing: tuple[str, ...]
    """What the bots are seen doing, such as `typing`."""
    messages: tuple[SeenMessage, ...]

    @property
    def texts(self) -> list[str]:
        """The texts alone."""
        return [message.text for message in self.messages if message.text is not None]


class Phone:
    """What one person can do.

    A chat is named as the app knows it: a private one by the bot's id, a group by its
    negative id, and None by "the only bot there is". Every act raises `SimulationError`
    when the app would not allow it.
    """

    def __init__(self, network: Network, owner: Account) -> None:
        self._network = network
        self.owner = owner

    # -- doing

    def start(self, payload: str = "", *, to: int | None = None) -> int:
        """Press START, or open a `t.me/bot?start=payload` link; unblocks the bot first."""
        bot = self._bot(to)
        if self._chat(bot.account.id).blocked:
            self.unblock(bot.account.id)
        return self.write(f"/start {payload}".strip(), to=bot.account.id)

    def write(self, text: str, *, to: int | None = None, reply_to: int | None = None) -> int:
        """Send a text; return its message id in that chat."""
        return self._send(self._text(text), to=to, reply_to=reply_to)

    def send_location(
        self, location: Location, *, to: int | None = None, reply_to: int | None = None
    ) -> int:
        """Share a point on the map; return its message id."""
        if not location.is_on_earth():
            raise SimulationError("There is no such place: check latitude and longitude.")
        return self._send(Content(location=location), to=to, reply_to=reply_to)

    def send_contact(
        self, contact: Contact, *, to: int | None = None, reply_to: int | None = None
    ) -> int:
        """Share an address book entry; return its message id."""
        return self._send(Content(contact=contact), to=to, reply_to=reply_to)

    def send_media(
        self,
        kind: str,
        data: bytes,
        *,
        caption: str = "",
        name: str | None = None,
        mime_type: str | None = None,
        album: str | None = None,
        to: int | None = None,
        reply_to: int | None = None,
    ) -> int:
        """Send a file as one of `DEFAULT_TYPES`; return its message id.

        Those with the same `album`, a name that `new_album` gives, are shown together.
        """
        if kind not in DEFAULT_TYPES or not data:
            raise SimulationError(f"Send bytes as one of {', '.join(DEFAULT_TYPES)}.")
        self._writable(to)
        media = self._network.files.keep(kind, data, name=name, mime_type=mime_type)
        return self._send(self._media(media, caption, album), to=to, reply_to=reply_to)

    def new_album(self) -> str:
        """Return what a new album is called."""
        return self._network.new_album()

    def download(self, media: Media) -> bytes:
        """Return the bytes of a file that the phone shows."""
        try:
            return self._network.files.data(media.file_id)
        except KeyError as error:
            raise NoSuchParticipant("The file is no longer there.") from error

    def edit(self, message_id: int, text: str, *, to: int | None = None) -> None:
        """Change the text or caption of an own message; bots get an `edited_message` update."""
        chat = self._writable(to)
        message = self._own(chat, message_id)
        old = message.content
        content = self._text(text) if old.media is None else self._media(old.media, text, old.album)
        if (old.text is None and old.media is None) or old == content:
            raise SimulationError("Only words can be edited, and only into other words.")
        message.content = content
        message.edit_date = self._network.now()
        body = self._network.message_json(chat, message)
        self._network.tell_bots(chat, "edited_message", body)
        self._network.changes.announce()

    def delete(self, message_id: int, *, to: int | None = None) -> None:
        """Delete an own message for everyone; Telegram tells bots nothing about it."""
        chat = self._chat(to)
        del chat.messages[self._own(chat, message_id).id]
        self._network.changes.announce()

    def react(self, message_id: int, emoji: str | None, *, to: int | None = None) -> None:
        """Set the one reaction this person has on a message; None takes it away."""
        chat = self._writable(to)
        message = self._message(chat, message_id)
        new = (plain_emoji(emoji),) if emoji else ()
        if not REACTIONS.issuperset(new):
            raise SimulationError("Telegram has no such reaction.")
        old = message.reactions.pop(self.owner.id, ())
        if new:
            message.reactions[self.owner.id] = new
        if old != new:
            body = {
                "chat": self._network.chat_json(chat),
                "message_id": message.id,
                "user": user_json(self.owner),
                "date": self._network.now(),
                "old_reaction": reaction_types(old),
                "new_reaction": reaction_types(new),
            }
            self._network.tell_bots(chat, "message_reaction", body)
        self._network.changes.announce()

    def block(self, to: int | None = None) -> None:
        """Block a bot: it can write no more and gets a `my_chat_member` update."""
        self._set_blocked(to, blocked=True)

    def unblock(self, to: int | None = None) -> None:
        """Let a blocked bot write again."""
        self._set_blocked(to, blocked=False)

    # -- seeing

    def chats(self) -> list[int]:
        """Return the chats the app can open: every bot, and this person's groups."""
        groups = (one for one in self._network.groups.values() if one.migrated_to is None)
        return [*self._network.bots, *(g.id for g in groups if self.owner.id in g.people)]

    def view(self, to: int | None = None) -> ChatView:
        """Return what the chat shows now."""
        chat = self._chat(to)
        bot = None if chat.is_group else self._bot(to)
        now = self._network.clock()
        actions = (action for action, until in chat.actions.values() if until > now)
        return ChatView(
            chat=chat.id if bot is None else bot.account.id,
            title=chat.title or "" if bot is None else bot.account.name,
            blocked=chat.blocked,
            doing=tuple(actions),
            messages=tuple(self._seen(message) for message in chat.messages.values()),
        )

    async def wait_for(
        self, condition: Callable[[ChatView], bool], *, to: int | None = None, within: float = 30.0
    ) -> ChatView:
        """Wait until the chat shows what `condition` asks for, and return it.

        Raises `TimeoutError` with what it shows instead after `within` seconds.
        """
        changes = self._network.changes
        if not await changes.until(lambda: condition(self.view(to)), within=within):
            raise TimeoutError(f"{self.owner.name} still sees {self.view(to)}")
        return self.view(to)

    # -- underneath

    def _bot(self, to: int | None) -> Bot:
        if to is not None:
            return self._network.bot(to)
        bots = list(self._network.bots.values())
        if len(bots) != 1:
            raise NoSuchParticipant("Name the chat: there is not exactly one bot.")
        return bots[0]

    def _chat(self, to: int | None) -> Chat:
        if to is None or to >= 0:
            # Looking at a bot opens no conversation: only a message lets the bot write.
            return self._network.peek_private_chat(self._bot(to), self.owner)
        group = self._network.groups.get(to)
        while group is not None and group.migrated_to is not None:
            group = self._network.groups.get(group.migrated_to)
        if group is None or self.owner.id not in group.people:
            raise NoSuchParticipant(f"{self.owner.name} is in no group {to}.")
        return group

    def _writable(self, to: int | None) -> Chat:
        chat = self._chat(to)
        if chat.blocked:
            raise SimulationError(f"{self.owner.name} blocked this bot; unblock it first.")
        return chat

    def _send(self, content: Content, *, to: int | None, reply_to: int | None) -> int:
        chat = self._writable(to)
        if reply_to is not None:
            self._message(chat, reply_to)
        if not chat.is_group:
            chat = self._network.open_private_chat(self._bot(to), self.owner)
        return self._network.post(chat, self.owner, content, reply_to=reply_to).id

    def _message(self, chat: Chat, message_id: int) -> ChatMessage:
        if message_id not in chat.messages:
            raise NoSuchParticipant(f"There is no message {message_id} in this chat.")
        return chat.messages[message_id]

    def _own(self, chat: Chat, message_id: int) -> ChatMessage:
        message = self._message(chat, message_id)
        if message.sender.id != self.owner.id:
            raise SimulationError("That message is somebody else's.")
        return message

    def _text(self, text: str) -> Content:
        try:
            text.encode()
            return text_content(text)
        except (BotApiError, UnicodeError) as error:
            raise SimulationError(f"The app does not send this text: {error}") from error

    def _media(self, media: Media, caption: str, album: str | None) -> Content:
        try:
            caption.encode()
            return media_content(media, caption, album=album)
        except (BotApiError, UnicodeError) as error:
            raise SimulationError(f"The app does not send this caption: {error}") from error

    def _set_blocked(self, to: int | None, *, blocked: bool) -> None:
        bot = self._bot(to)
        chat = self._network.open_private_chat(bot, self.owner)
        if chat.blocked == blocked:
            return
        chat.blocked = blocked
        old, new = ("member", "kicked") if blocked else ("kicked", "member")
        self._network.tell_membership(chat, bot, by=self.owner, old=old, new=new)
        self._network.changes.announce()

    def _seen(self, message: ChatMessage) -> SeenMessage:
        content = message.content
        return SeenMessage(
            message_id=message.id,
            sender_id=message.sender.id,
            sender=message.sender.name,
            mine=message.sender.id == self.owner.id,
            sent_at=datetime.fromtimestamp(message.date, UTC),
            edited=message.edit_date is not None,
            reply_to=message.reply_to,
            text=content.text,
            location=content.location,
            contact=content.contact,
            media=content.media,
            caption=content.caption,
            album=content.album,
            reactions=tuple(
                SeenReaction(by=self._network.name_of(user), emoji=emoji)
                for user, emojis in message.reactions.items()
                for emoji in emojis
            ),
        )
