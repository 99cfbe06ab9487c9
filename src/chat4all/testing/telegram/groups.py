"""What people do with a group besides writing in it; bots hear of it by service messages.

https://core.telegram.org/bots/api#message
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chat4all.testing.telegram.errors import NoSuchParticipant, SimulationError
from chat4all.testing.telegram.model import Chat, Content
from chat4all.testing.telegram.wire import user_json

if TYPE_CHECKING:
    from chat4all.testing.telegram.model import Account, Json
    from chat4all.testing.telegram.network import Network

_SUPERGROUP = -1_000_000_000_000


class Groups:
    """Acts of the administrators and members of groups. Groups are named by their ids."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def join(self, group: int, person: int) -> None:
        """Let a person join."""
        chat, who = self._chat(group), self._network.person(person)
        if person in chat.people:
            raise SimulationError(f"{who.name} is in this group.")
        chat.people.add(person)
        self._notice(chat, who, {"new_chat_members": [user_json(who)]})

    def leave(self, group: int, person: int) -> None:
        """Let a person leave."""
        chat, who = self._chat(group), self._network.person(person)
        if person not in chat.people:
            raise NoSuchParticipant(f"{who.name} is not in this group.")
        chat.people.discard(person)
        self._notice(chat, who, {"left_chat_member": user_json(who)})

    def rename(self, group: int, title: str) -> None:
        """Give the group another name."""
        chat = self._chat(group)
        chat.title = title
        self._notice(chat, self._somebody(chat), {"new_chat_title": title})

    def remove_bot(self, group: int, bot: int) -> None:
        """Remove a bot: it hears so, and of nothing more in the group."""
        chat, gone = self._chat(group), self._network.bot(bot)
        chat.bots.discard(bot)
        by = self._somebody(chat)
        self._network.tell_membership(chat, gone, by=by, old="administrator", new="kicked")
        self._network.changes.announce()

    def add_bot(self, group: int, bot: int) -> None:
        """Add a bot, as an administrator."""
        chat, new = self._chat(group), self._network.bot(bot)
        chat.bots.add(bot)
        by = self._somebody(chat)
        self._network.tell_membership(chat, new, by=by, old="left", new="administrator")
        self._network.changes.announce()

    def upgrade(self, group: int) -> int:
        """Turn a group into a supergroup and return its new id; the old one answers so.

        The messages stay behind: in the supergroup their numbers begin anew.
        """
        old = self._chat(group)
        if old.kind != "group":
            raise SimulationError("It is a supergroup already.")
        new = Chat(
            id=_SUPERGROUP - abs(old.id),
            kind="supergroup",
            title=old.title,
            people=set(old.people),
            bots=set(old.bots),
        )
        self._network.groups[new.id] = new
        by = self._somebody(old)
        self._notice(old, by, {"migrate_to_chat_id": new.id})
        old.migrated_to = new.id
        self._notice(new, by, {"migrate_from_chat_id": old.id})
        return new.id

    def _chat(self, group: int) -> Chat:
        chat = self._network.groups.get(group)
        if chat is None:
            raise NoSuchParticipant(f"There is no group {group}.")
        return chat

    def _somebody(self, chat: Chat) -> Account:
        return self._network.person(min(chat.people))

    def _notice(self, chat: Chat, by: Account, notice: Json) -> None:
        self._network.post(chat, by, Content(notice=notice))
