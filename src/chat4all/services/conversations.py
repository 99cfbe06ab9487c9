"""Start conversations, see them, change them, leave them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from chat4all.domain.commands import AnnounceChange
from chat4all.domain.directory import (
    MAX_MEMBERS,
    Conversation,
    ConversationType,
    Member,
    Role,
    UserKind,
)
from chat4all.domain.errors import (
    Conflict,
    ConversationNotFound,
    InvalidInput,
    NotPermitted,
    UserNotFound,
)
from chat4all.domain.ids import ConversationId, UserId, new_id
from chat4all.ports.conversations import Conversations, Members
from chat4all.ports.users import Users
from chat4all.services.clock import Clock, utc_now
from chat4all.services.unset import UNSET, Unset


class Announce(Protocol):
    """Tells the members of a change, through the log."""

    async def __call__(self, change: AnnounceChange) -> None:
        """Append the command; returns once it is durable."""
        ...


class ConversationBook:
    """Conversations as their members see and change them.

    Somebody who is not a member gets `ConversationNotFound`; a member whose role is too low
    gets `NotPermitted`.
    """

    def __init__(
        self,
        conversations: Conversations,
        members: Members,
        users: Users,
        announce: Announce,
        *,
        now: Clock = utc_now,
    ) -> None:
        self._conversations = conversations
        self._members = members
        self._users = users
        self._announce = announce
        self._now = now

    async def create(
        self,
        caller: UserId,
        *,
        type_: ConversationType,
        member_ids: Sequence[UserId],
        name: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> tuple[Conversation, bool]:
        """Start a conversation; return it, and False when this pair already had one."""
        others = [user for user in dict.fromkeys(member_ids) if user != caller]
        _check_shape(type_, others, name)
        await self._check_reachable(caller, others)
        now = self._now()
        new = Conversation(
            id=ConversationId(new_id()),
            type=type_,
            created_by=caller,
            created_at=now,
            name=name,
            metadata=metadata or {},
            members=(
                Member(user_id=caller, role=Role.OWNER, joined_at=now),
                *(Member(user_id=user, role=Role.MEMBER, joined_at=now) for user in others),
            ),
        )
        kept = await self._conversations.create(new)
        if kept.id != new.id:
            return kept, False
        await self._tell(kept.id, "created", caller, at=now)
        return kept, True

    async def get(self, caller: UserId, conversation_id: ConversationId) -> Conversation:
        """Return a conversation of the caller."""
        return (await self._as_member(caller, conversation_id))[0]

    async def list(
        self, caller: UserId, *, after: ConversationId | None = None, limit: int
    ) -> Sequence[Conversation]:
        """Return the caller's conversations, newest id first."""
        return await self._conversations.of_user(caller, after=after, limit=limit)

    async def change(
        self,
        caller: UserId,
        conversation_id: ConversationId,
        *,
        name: str | Unset | None = UNSET,
        metadata: Mapping[str, Any] | Unset = UNSET,
    ) -> Conversation:
        """Rename a group or replace its metadata: administrators. In a pair, either may."""
        conversation, me = await self._as_member(caller, conversation_id)
        if conversation.type is ConversationType.GROUP:
            _require(me, Role.ADMIN)
        elif not isinstance(name, Unset) and name is not None:
            raise Conflict("a private conversation has no name of its own")
        await self._conversations.update(
            conversation_id,
            name=conversation.name if isinstance(name, Unset) else name,
            metadata=conversation.metadata if isinstance(metadata, Unset) else metadata,
        )
        await self._tell(conversation_id, "updated", caller)
        return await self._again(conversation_id)

    async def delete(self, caller: UserId, conversation_id: ConversationId) -> None:
        """Delete the conversation for everyone: owners."""
        conversation, me = await self._as_member(caller, conversation_id)
        _require(me, Role.OWNER)
        members = tuple(one.user_id for one in conversation.members)
        await self._tell(conversation_id, "deleted", caller, audience=members)
        await self._conversations.delete(conversation_id)

    async def add_member(
        self, caller: UserId, conversation_id: ConversationId, user: UserId, role: Role
    ) -> Conversation:
        """Add somebody to a group, ranking at most as high as the caller: administrators."""
        _, me = await self._as_group_member(caller, conversation_id)
        _require(me, Role.ADMIN)
        if role.rank > me.role.rank:
            raise NotPermitted("nobody gives a role above their own")
        await self._check_reachable(caller, [user])
        now = self._now()
        if not await self._members.add(
            conversation_id, Member(user_id=user, role=role, joined_at=now)
        ):
            raise Conflict("already a member")
        await self._tell(conversation_id, "member_added", caller, user, at=now)
        return await self._again(conversation_id)

    async def remove_member(
        self, caller: UserId, conversation_id: ConversationId, user: UserId
    ) -> None:
        """Remove somebody who ranks below the caller; removing oneself is leaving."""
        conversation, me = await self._as_group_member(caller, conversation_id)
        if user != caller:
            _require(me, Role.ADMIN)
            them = _member(conversation, user)
            if them.role.rank >= me.role.rank:
                raise NotPermitted("only somebody of a lower role can be removed")
        await self._members.remove(conversation_id, user)
        await self._tell(conversation_id, "member_removed", caller, user)

    async def set_role(
        self, caller: UserId, conversation_id: ConversationId, user: UserId, role: Role
    ) -> Conversation:
        """Give a member of a group another role: owners. A group keeps an owner."""
        conversation, me = await self._as_group_member(caller, conversation_id)
        _require(me, Role.OWNER)
        them = _member(conversation, user)
        owners = [one for one in conversation.members if one.role is Role.OWNER]
        if role is not Role.OWNER and owners == [them]:
            raise Conflict("a group keeps an owner: make somebody else owner first")
        await self._members.set_role(conversation_id, user, role)
        await self._tell(conversation_id, "role_changed", caller, user)
        return await self._again(conversation_id)

    async def leave(self, caller: UserId, conversation_id: ConversationId) -> None:
        """Leave a group; when the last owner goes, the eldest administrator or member is."""
        await self.remove_member(caller, conversation_id, caller)

    async def archive(
        self, caller: UserId, conversation_id: ConversationId, *, archived: bool
    ) -> Conversation:
        """Hide a conversation from the caller's list, or show it again."""
        await self._as_member(caller, conversation_id)
        await self._members.set_archived(conversation_id, caller, archived=archived)
        return await self._again(conversation_id)

    async def _as_member(
        self, caller: UserId, conversation_id: ConversationId
    ) -> tuple[Conversation, Member]:
        conversation = await self._conversations.get(conversation_id)
        me = conversation.member(caller) if conversation is not None else None
        if conversation is None or me is None:
            raise ConversationNotFound("no such conversation")
        return conversation, me

    async def _as_group_member(
        self, caller: UserId, conversation_id: ConversationId
    ) -> tuple[Conversation, Member]:
        conversation, me = await self._as_member(caller, conversation_id)
        if conversation.type is not ConversationType.GROUP:
            raise Conflict("a private conversation has exactly its two members; make a group")
        return conversation, me

    async def _check_reachable(self, caller: UserId, users: Sequence[UserId]) -> None:
        known = await self._users.get_many(users)
        for user in users:
            found = known.get(user)
            foreign = found is not None and found.kind is UserKind.CONTACT
            if found is None or (foreign and found.owner_id != caller):
                raise UserNotFound(f"no user {user}")

    async def _again(self, conversation_id: ConversationId) -> Conversation:
        conversation = await self._conversations.get(conversation_id)
        if conversation is None:
            raise ConversationNotFound("the conversation was deleted meanwhile")
        return conversation

    async def _tell(
        self,
        conversation_id: ConversationId,
        change: str,
        actor: UserId,
        user: UserId | None = None,
        *,
        at: datetime | None = None,
        audience: tuple[UserId, ...] = (),
    ) -> None:
        await self._announce(
            AnnounceChange(
                conversation_id=conversation_id,
                change=change,
                actor=actor,
                at=at or self._now(),
                user_id=user,
                audience=audience,
            )
        )


def _require(member: Member, role: Role) -> None:
    if member.role.rank < role.rank:
        raise NotPermitted(f"this takes the role {role}; yours is {member.role}")


def _member(conversation: Conversation, user: UserId) -> Member:
    member = conversation.member(user)
    if member is None:
        raise UserNotFound("no such member")
    return member


def _check_shape(type_: ConversationType, others: Sequence[UserId], name: str | None) -> None:
    if type_ is ConversationType.PRIVATE:
        if len(others) != 1:
            raise InvalidInput(
                "a private conversation has exactly one other member",
                [("/member_ids", "name exactly one other user")],
            )
        if name is not None:
            raise InvalidInput(
                "a private conversation has no name of its own", [("/name", "leave it out")]
            )
    elif len(others) + 1 > MAX_MEMBERS:
        raise InvalidInput(
            f"a group has at most {MAX_MEMBERS} members", [("/member_ids", "too many")]
        )
