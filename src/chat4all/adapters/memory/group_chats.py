"""Groups of platforms in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chat4all.adapters.memory.directory_state import DirectoryState, GroupRow
from chat4all.domain.group_chats import ChatKey, GroupChat, Moment, Standing
from chat4all.domain.ids import ConversationId, UserId


class MemoryGroupChats:
    """`GroupChats` in memory."""

    def __init__(self, state: DirectoryState) -> None:
        self._state = state

    async def keep(
        self, chat: GroupChat, *, at: Moment, gone: ConversationId | None = None
    ) -> GroupChat:
        """See `GroupChats.keep`."""
        key = self._latest(chat.key)
        row = self._state.groups.setdefault(
            key, GroupRow(chat.conversation_id, chat.title, at, chat.present, at)
        )
        if row.conversation_id == gone:
            row.conversation_id = chat.conversation_id
        return self._chat(key)

    async def get(self, key: ChatKey) -> GroupChat | None:
        """See `GroupChats.get`."""
        key = self._latest(key)
        return self._chat(key) if key in self._state.groups else None

    async def of(self, conversation: ConversationId) -> Sequence[GroupChat]:
        """See `GroupChats.of`."""
        return [
            self._chat(key)
            for key, row in self._state.groups.items()
            if row.conversation_id == conversation and row.moved_to is None
        ]

    async def change(
        self, key: ChatKey, *, at: Moment, title: str | None = None, present: bool | None = None
    ) -> bool:
        """See `GroupChats.change`."""
        row = self._state.groups.get(self._latest(key))
        if row is None:
            return False
        before = (row.title, row.present)
        if title is not None and at > row.titled:
            row.title, row.titled = title, at
        if present is not None and at > row.seen:
            row.present, row.seen = present, at
        return before != (row.title, row.present)

    async def move(self, key: ChatKey, to: str) -> GroupChat | None:
        """See `GroupChats.move`."""
        state, target = self._state, replace(key, address=to)
        row = state.groups.get(key)
        if row is None:
            return None
        if row.moved_to == to or key == target:
            return await self.get(key)
        known = state.groups.get(target)
        if known is None:
            state.groups[target] = replace(row, moved_to=None)
        else:
            known.conversation_id, known.moved_to = row.conversation_id, None
        row.moved_to = to
        for (where, person), note in list(state.group_people.items()):
            if where == key:
                state.group_people.setdefault((target, person), note)
                del state.group_people[key, person]
        return self._chat(target)

    def _latest(self, key: ChatKey) -> ChatKey:
        while (row := self._state.groups.get(key)) is not None and row.moved_to is not None:
            key = replace(key, address=row.moved_to)
        return key

    def _chat(self, key: ChatKey) -> GroupChat:
        row = self._state.groups[key]
        members = frozenset(
            standing.user_id
            for (where, _), (standing, _) in self._state.group_people.items()
            if where == key and standing.here and standing.user_id is not None
        )
        return GroupChat(
            key=key,
            conversation_id=row.conversation_id,
            title=row.title,
            present=row.present,
            members=members,
        )


class MemoryGroupPeople:
    """`GroupPeople` in memory."""

    def __init__(self, state: DirectoryState) -> None:
        self._notes = state.group_people

    async def standing(self, key: ChatKey, person: str) -> Standing | None:
        """See `GroupPeople.standing`."""
        kept = self._notes.get((key, person))
        return None if kept is None else kept[0]

    async def note(
        self, key: ChatKey, person: str, user: UserId | None, *, here: bool, at: Moment
    ) -> Standing:
        """See `GroupPeople.note`."""
        standing, last = self._notes.get((key, person), (Standing(user, here), at))
        if at > last:
            standing, last = Standing(user, here), at
        standing = replace(standing, user_id=user)
        self._notes[key, person] = (standing, last)
        return standing
