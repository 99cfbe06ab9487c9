"""Memberships in SQL."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Row, case, delete, func, insert, select, update

from chat4all.adapters.sql.database import Database
from chat4all.adapters.sql.tables import conversations, members
from chat4all.adapters.sql.transactions import Statements
from chat4all.adapters.sql.users import require_users
from chat4all.domain.directory import ConversationType, Member, Role
from chat4all.domain.errors import Conflict, ConversationNotFound, UserNotFound
from chat4all.domain.ids import ConversationId, UserId

PAIR = 2
"""Members of a private conversation."""


class SqlMembers:
    """`Members` in SQL."""

    def __init__(self, database: Database, max_members: int) -> None:
        self._database = database
        self._max_members = max_members

    async def add(self, conversation: ConversationId, member: Member) -> bool:
        """Add a member; False when already one."""
        kind_of = select(conversations.c.type).where(conversations.c.id == conversation)

        async def work(connection: Statements) -> bool:
            kind = (await connection.execute(kind_of)).scalar_one_or_none()
            if kind is None:
                raise ConversationNotFound(f"there is no conversation {conversation}")
            present = (await connection.execute(_users_in(conversation))).scalars().all()
            if member.user_id in present:
                return False
            limit = PAIR if kind == ConversationType.PRIVATE else self._max_members
            if len(present) >= limit:
                raise Conflict(f"the conversation is full: it has {limit} members")
            await require_users(connection, [member.user_id])
            await connection.execute(insert(members).values(member_row(conversation, member)))
            return True

        return await self._database.write(work)

    async def remove(self, conversation: ConversationId, user: UserId) -> bool:
        """Remove a member; False when not one. The last owner leaves an heir."""
        gone = delete(members).where(*_is(conversation, user)).returning(members.c.role)

        async def work(connection: Statements) -> bool:
            role = (await connection.execute(gone)).scalar_one_or_none()
            if role == Role.OWNER:
                await _ensure_owner(connection, conversation)
            return role is not None

        return await self._database.write(work)

    async def set_role(self, conversation: ConversationId, user: UserId, role: Role) -> None:
        """Give a member another role. Raises `UserNotFound` when not a member."""
        await self._change(conversation, user, role=role.value)

    async def set_archived(
        self, conversation: ConversationId, user: UserId, *, archived: bool
    ) -> None:
        """Hide or show the conversation. Raises `UserNotFound` when not a member."""
        await self._change(conversation, user, archived=archived)

    async def _change(self, conversation: ConversationId, user: UserId, **values: Any) -> None:
        change = update(members).where(*_is(conversation, user)).values(values)

        async def work(connection: Statements) -> None:
            if not (await connection.execute(change)).rowcount:
                raise UserNotFound(f"{user} is not a member of {conversation}")

        await self._database.write(work)


async def _ensure_owner(connection: Statements, conversation: ConversationId) -> None:
    here = members.c.conversation_id == conversation
    owners = (
        select(func.count()).select_from(members).where(here, members.c.role == Role.OWNER.value)
    )
    if (await connection.execute(owners)).scalar_one():
        return
    admins_first = case((members.c.role == Role.ADMIN.value, 0), else_=1)
    heir = (
        select(members.c.user_id)
        .where(here)
        .order_by(admins_first, members.c.joined_at, members.c.user_id)
        .limit(1)
    )
    user = (await connection.execute(heir)).scalar_one_or_none()
    if user is not None:
        promote = update(members).where(*_is(conversation, user)).values(role=Role.OWNER.value)
        await connection.execute(promote)


def oldest_first(present: Collection[Member]) -> tuple[Member, ...]:
    """Order members by when they joined; those who joined together by id."""
    return tuple(sorted(present, key=lambda one: (one.joined_at, one.user_id)))


def member_row(conversation: ConversationId, member: Member) -> dict[str, Any]:
    """Return the row of a membership."""
    return {
        "conversation_id": conversation,
        "user_id": member.user_id,
        "role": member.role.value,
        "joined_at": member.joined_at,
        "archived": member.archived,
    }


def member_of(row: Row[Any]) -> Member:
    """Return the membership of a row."""
    return Member(
        user_id=row.user_id, role=Role(row.role), joined_at=row.joined_at, archived=row.archived
    )


def _is(conversation: ConversationId, user: UserId) -> tuple[Any, Any]:
    return members.c.conversation_id == conversation, members.c.user_id == user


def _users_in(conversation: ConversationId) -> Any:
    return select(members.c.user_id).where(members.c.conversation_id == conversation)
