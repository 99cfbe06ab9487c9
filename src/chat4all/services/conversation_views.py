"""A conversation with what a screen shows of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from chat4all.domain.directory import Channel, Conversation, Member, User
from chat4all.domain.ids import ConversationId, UserId
from chat4all.domain.messages import Cursor
from chat4all.ports.conversations import Channels
from chat4all.ports.message_store import MessageHistory, Summary
from chat4all.ports.users import Users
from chat4all.services.messages import Messages, MessageView
from chat4all.services.session_windows import SessionWindow, SessionWindows


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberView:
    """A member, who they are, where they can be reached, and how far they got.

    `windows` are those of their channels that limit when one may write; they are told for
    one conversation, not in lists.
    """

    member: Member
    user: User | None
    channels: Sequence[Channel]
    cursor: Cursor
    windows: Mapping[str, SessionWindow] = field(default_factory=dict)

    @property
    def platforms(self) -> Sequence[str]:
        """Where they can be reached, the first channel first."""
        return list(dict.fromkeys(one.platform for one in self.channels))


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationView:
    """A conversation as one member sees it.

    `summary` is None while it is empty; `last_message` is the last that the member may see.
    """

    conversation: Conversation
    members: Sequence[MemberView]
    summary: Summary | None
    last_message: MessageView | None
    archived: bool


class ConversationViews:
    """Joins the directory's and the message store's knowledge of conversations."""

    def __init__(
        self,
        users: Users,
        channels: Channels,
        history: MessageHistory,
        messages: Messages,
        windows: SessionWindows,
    ) -> None:
        self._windows = windows
        self._users = users
        self._channels = channels
        self._history = history
        self._messages = messages

    async def of(
        self, viewer: UserId, conversations: Sequence[Conversation]
    ) -> Sequence[ConversationView]:
        """Return one view per conversation, in the order given."""
        people = list({one.user_id for each in conversations for one in each.members})
        users = await self._users.get_many(people)
        channels = await self._channels.of_users(people)
        summaries = await self._history.summaries(viewer, [one.id for one in conversations])
        cursors = await asyncio.gather(
            *(self._history.conversation_cursors(one.id) for one in conversations)
        )
        last = await asyncio.gather(
            *(self._last(viewer, one.id) for one in conversations if one.id in summaries)
        )
        lasts = dict(last)
        return [
            ConversationView(
                conversation=one,
                members=_members(one, users, channels, of_one),
                summary=summaries.get(one.id),
                last_message=lasts.get(one.id),
                archived=any(each.archived for each in one.members if each.user_id == viewer),
            )
            for one, of_one in zip(conversations, cursors, strict=True)
        ]

    async def with_windows(self, view: ConversationView) -> ConversationView:
        """Return `view` with the session windows of its members' channels."""
        members = [
            replace(one, windows=await self._windows.by_platform(one.channels))
            if one.channels
            else one
            for one in view.members
        ]
        return replace(view, members=members)

    async def _last(
        self, viewer: UserId, conversation_id: ConversationId
    ) -> tuple[ConversationId, MessageView | None]:
        seen = await self._messages.page(
            viewer, conversation_id, after_seq=None, before_seq=None, limit=1
        )
        return conversation_id, seen[-1] if seen else None


def _members(
    conversation: Conversation,
    users: Mapping[UserId, User],
    channels: Mapping[UserId, Sequence[Channel]],
    cursors: Sequence[Cursor],
) -> Sequence[MemberView]:
    moved = {cursor.user_id: cursor for cursor in cursors}
    return [
        MemberView(
            member=one,
            user=users.get(one.user_id),
            channels=channels.get(one.user_id, ()),
            cursor=moved.get(one.user_id) or _start(conversation.id, one.user_id),
        )
        for one in conversation.members
    ]


def _start(conversation_id: ConversationId, user_id: UserId) -> Cursor:
    return Cursor(conversation_id=conversation_id, user_id=user_id)
