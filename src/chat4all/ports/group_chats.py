"""Which conversation a group of a platform is, and who is in it there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from chat4all.domain.group_chats import ChatKey, GroupChat, Moment, Standing
from chat4all.domain.ids import ConversationId, UserId


class GroupChats(Protocol):
    """The groups. Durable; each kind of change moves forward in time only."""

    async def keep(
        self, chat: GroupChat, *, at: Moment, gone: ConversationId | None = None
    ) -> GroupChat:
        """Keep a group that is new; return it, or the one that is kept under its key.

        With `gone`, the conversation of a kept group that has it becomes that of `chat`. Its
        `members` are not kept: see `GroupPeople.note`.
        """
        ...

    async def get(self, key: ChatKey) -> GroupChat | None:
        """Return the group, by the address it has now or one that it had; None when unknown."""
        ...

    async def of(self, conversation: ConversationId) -> Sequence[GroupChat]:
        """Return the groups that `conversation` is, each with its latest address."""
        ...

    async def change(
        self, key: ChatKey, *, at: Moment, title: str | None = None, present: bool | None = None
    ) -> bool:
        """Change what is given; False when that changes nothing, or was overtaken before."""
        ...

    async def move(self, key: ChatKey, to: str) -> GroupChat | None:
        """Give the group another address; return it, or None for one that is not known.

        A repeat changes nothing. A group that is kept under the new address already gets the
        conversation and the people of this one.
        """
        ...


class GroupPeople(Protocol):
    """Who is in which group there; `key` has the group's latest address."""

    async def standing(self, key: ChatKey, person: str) -> Standing | None:
        """Return what is known of the person with this id on the platform."""
        ...

    async def note(
        self, key: ChatKey, person: str, user: UserId | None, *, here: bool, at: Moment
    ) -> Standing:
        """Keep that the person, who is `user`, was in the group or not; return what holds now.

        Who left before anything else was heard of them is no `user` yet.

        What is earlier than the last note about the person changes only which user they are.
        """
        ...
