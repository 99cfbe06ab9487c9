"""A conversation with what a screen shows of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
        cursors = await self._messages.cursors(conversations)
        lasts = await self._lasts(viewer, summaries.values(), cursors)
        return [
            ConversationView(
                conversation=one,
                members=_members(one, users, channels, cursors.get(one.id, ())),
                summary=summaries.get(one.id),
                last_message=lasts.get(one.id),
                archived=any(each.archived for each in one.members if each.user_id == viewer),
            )
            for one in conversations
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

    async def _lasts(
        self,
        viewer: UserId,
        summaries: Iterable[Summary],
        cursors: Mapping[ConversationId, Sequence[Cursor]],
    ) -> Mapping[ConversationId, MessageView]:
        """Return the last message of each that the viewer may see."""
        last = [one.last_message for one in summaries if one.last_message is not None]
        theirs = [one for one in last if one.is_for(viewer)]
        statuses = await self._messages.now(theirs, cursors)
        found = {}
        for one in last:
            if one.message_id in statuses:
                view = MessageView(message=one, status=statuses[one.message_id])
                found[one.conversation_id] = view
            elif not one.is_for(viewer):
                page = await self._messages.page(
                    viewer, one.conversation_id, after_seq=None, before_seq=one.seq, limit=1
                )
                found |= {each.message.conversation_id: each for each in page}
        return found


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
