"""Keeps one conversation like one group of a platform: its members, its name, its address."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog

from chat4all.domain.commands import AnnounceChange
from chat4all.domain.directory import Account, Conversation, ConversationType, Member, Role
from chat4all.domain.errors import Conflict
from chat4all.domain.group_chats import ChatKey, GroupChat, Moment, Standing
from chat4all.domain.ids import ConversationId, UserId, derived_id
from chat4all.domain.inbound import (
    AccountInGroup,
    GroupEvent,
    GroupJoined,
    GroupLeft,
    GroupMoved,
    GroupPerson,
    GroupRenamed,
    IncomingMessage,
)
from chat4all.ports.directory import Directory
from chat4all.services.identities import Identities

log = structlog.get_logger(__name__)

_MAX_NAME = 200  # characters of a name that a stranger chose


@dataclass(slots=True)
class _Visit:
    """One event of one group, and what it leaves to tell the members."""

    account: Account
    key: ChatKey
    now: datetime
    news: list[AnnounceChange] = field(default_factory=list)

    def tell(self, change: str, group: ConversationId, actor: UserId, user: UserId | None) -> None:
        self.news.append(
            AnnounceChange(
                conversation_id=group, change=change, actor=actor, at=self.now, user_id=user
            )
        )


@dataclass(frozen=True, slots=True)
class Written:
    """Where a message of a group belongs, who wrote it, and what to announce before it."""

    conversation_id: ConversationId
    author: UserId
    news: list[AnnounceChange]


class PlatformGroups:
    """Follows what accounts see of groups. A repeat changes nothing.

    The account's owner owns the conversation and stays in it, whether they are in the group
    or not. Everybody else is a member while the platform says that they are there.
    """

    def __init__(self, directory: Directory, identities: Identities) -> None:
        self._directory = directory
        self._identities = identities

    async def written(self, account: Account, event: IncomingMessage, *, now: datetime) -> Written:
        """Find the group of a message; who writes in it is in it."""
        visit = _Visit(account, _key(account, event.address), now)
        moment = Moment(min(event.sent_at, now))
        chat = await self._chat(visit, event.title or "", moment)
        if not chat.present:
            await self._directory.group_chats.change(chat.key, at=moment, present=True)
        person = GroupPerson(author=event.author, name=event.author_name)
        author = await self._see(visit, chat, person, moment)
        return Written(chat.conversation_id, author, visit.news)

    async def happened(
        self, account: Account, event: GroupEvent, *, now: datetime
    ) -> list[AnnounceChange]:
        """Do what befell a group; return what to announce."""
        visit = _Visit(account, _key(account, event.address), now)
        match event:
            case GroupJoined():
                await self._joined(visit, event)
            case GroupLeft():
                await self._left(visit, event)
            case GroupRenamed():
                await self._renamed(visit, event)
            case GroupMoved():
                await self._moved(visit, event)
            case AccountInGroup():
                await self._presence(visit, event)
        return visit.news

    async def conversation(self, account: Account, address: str) -> ConversationId | None:
        """Return the conversation of a group that is known."""
        chat = await self._directory.group_chats.get(_key(account, address))
        return None if chat is None else chat.conversation_id

    # -- the group

    async def _chat(self, visit: _Visit, title: str, moment: Moment) -> GroupChat:
        """Return the group, made if need be, with the name that `title` says it had then."""
        groups = self._directory.group_chats
        chat = await groups.get(visit.key)
        if chat is None or await self._find(chat.conversation_id) is None:
            gone = chat.conversation_id if chat else None
            offered = _offered(visit.key, chat.title if chat else title, gone)
            await self._create(visit, offered)
            chat = await groups.keep(offered, at=moment, gone=gone)
        if title and title != chat.title:
            await self._rename(visit, chat, title, moment)
        return chat

    async def _create(self, visit: _Visit, chat: GroupChat) -> None:
        owner = visit.account.owner_id
        new = Conversation(
            id=chat.conversation_id,
            type=ConversationType.GROUP,
            created_by=owner,
            created_at=visit.now,
            name=chat.title[:_MAX_NAME] or None,
            members=(Member(user_id=owner, role=Role.OWNER, joined_at=visit.now),),
        )
        try:
            await self._directory.conversations.create(new)
        except Conflict:
            log.debug("the group was made before", conversation=new.id)
        else:
            visit.tell("created", new.id, owner, None)

    async def _rename(self, visit: _Visit, chat: GroupChat, title: str, moment: Moment) -> None:
        if not await self._directory.group_chats.change(chat.key, at=moment, title=title):
            return
        conversation = await self._find(chat.conversation_id)
        if conversation is None:
            return
        await self._directory.conversations.update(
            conversation.id, name=title[:_MAX_NAME], metadata=conversation.metadata
        )
        visit.tell("updated", conversation.id, visit.account.owner_id, None)

    async def _renamed(self, visit: _Visit, event: GroupRenamed) -> None:
        await self._chat(visit, event.title, Moment(event.at, event.number))

    async def _moved(self, visit: _Visit, event: GroupMoved) -> None:
        chat = await self._directory.group_chats.move(visit.key, event.to)
        if chat is not None:
            for user in chat.members:  # perhaps they were heard at the new address before
                await self._enter(visit, chat, user)

    async def _presence(self, visit: _Visit, event: AccountInGroup) -> None:
        moment = Moment(event.at, event.number)
        if event.present:
            await self._chat(visit, event.title, moment)
        else:  # of a group that is not known only this is kept: nobody asked for it
            offered = replace(_offered(visit.key, event.title, None), present=False)
            await self._directory.group_chats.keep(offered, at=moment)
        await self._directory.group_chats.change(visit.key, at=moment, present=event.present)

    # -- who is in it

    async def _joined(self, visit: _Visit, event: GroupJoined) -> None:
        moment = Moment(event.at, event.number)
        chat = await self._chat(visit, event.title, moment)
        for person in event.people:
            user = await self._identities.in_group(
                visit.account, person, event.address, at=visit.now
            )
            await self._stand(visit, chat, person.author, user, here=True, moment=moment)

    async def _left(self, visit: _Visit, event: GroupLeft) -> None:
        moment = Moment(event.at, event.number)
        chat = await self._chat(visit, event.title, moment)
        user = await self._identities.known(visit.account, event.author)
        await self._stand(visit, chat, event.author, user, here=False, moment=moment)

    async def _see(
        self, visit: _Visit, chat: GroupChat, person: GroupPerson, moment: Moment
    ) -> UserId:
        """Return who wrote; that they are there needs to be kept only when it is news."""
        user = await self._identities.in_group(
            visit.account, person, visit.key.address, at=visit.now
        )
        known = await self._directory.group_people.standing(chat.key, person.author)
        if known == Standing(user, here=True):
            await self._enter(visit, chat, user)
        else:
            await self._stand(visit, chat, person.author, user, here=True, moment=moment)
        return user

    async def _stand(
        self,
        visit: _Visit,
        chat: GroupChat,
        person: str,
        user: UserId | None,
        *,
        here: bool,
        moment: Moment,
    ) -> None:
        before = await self._directory.group_people.standing(chat.key, person)
        now = await self._directory.group_people.note(chat.key, person, user, here=here, at=moment)
        if before is not None and before.user_id not in (None, user):
            await self._exit(visit, chat, before.user_id)
        if user is not None and now.here:
            await self._enter(visit, chat, user)
        elif user is not None:
            await self._exit(visit, chat, user)

    async def _enter(self, visit: _Visit, chat: GroupChat, user: UserId) -> None:
        conversation = await self._find(chat.conversation_id)
        if conversation is None or conversation.member(user) is not None:
            return
        member = Member(user_id=user, role=Role.MEMBER, joined_at=visit.now)
        try:
            added = await self._directory.members.add(conversation.id, member)
        except Conflict:  # it is full: what they write is kept all the same
            log.warning("a group of a platform is too large", conversation=conversation.id)
            return
        if added:
            visit.tell("member_added", conversation.id, visit.account.owner_id, user)

    async def _exit(self, visit: _Visit, chat: GroupChat, user: UserId) -> None:
        if user == visit.account.owner_id:
            return
        if await self._directory.members.remove(chat.conversation_id, user):
            visit.tell("member_removed", chat.conversation_id, visit.account.owner_id, user)

    async def _find(self, conversation: ConversationId) -> Conversation | None:
        return await self._directory.conversations.get(conversation)


def _offered(key: ChatKey, title: str, gone: ConversationId | None) -> GroupChat:
    """Return a group that is new, or whose conversation somebody deleted.

    The id of its conversation follows from both, so a repeat after a crash makes no other.
    """
    made = derived_id("group", key.platform, key.account_id, key.address, gone or "")
    return GroupChat(key=key, conversation_id=ConversationId(made), title=title)


def _key(account: Account, address: str) -> ChatKey:
    return ChatKey(account.platform, account.id, address)
