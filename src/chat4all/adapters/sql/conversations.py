"""Conversations in SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, delete, insert, select, update

from chat4all.adapters.sql.database import Database, rows_in
from chat4all.adapters.sql.members import PAIR, member_of, member_row, oldest_first
from chat4all.adapters.sql.tables import conversations, members
from chat4all.adapters.sql.transactions import Statements
from chat4all.adapters.sql.users import require_users
from chat4all.domain.directory import Conversation, ConversationType, Member
from chat4all.domain.errors import Conflict, ConversationNotFound, InvalidInput
from chat4all.domain.ids import ConversationId, UserId


class SqlConversations:
    """`Conversations` in SQL."""

    def __init__(self, database: Database, max_members: int) -> None:
        self._database = database
        self._max_members = max_members

    async def create(self, conversation: Conversation) -> Conversation:
        """Keep a new conversation; return it, or the private one this pair already has."""
        users = sorted(member.user_id for member in conversation.members)
        pair = self._checked_pair(conversation, users)

        async def work(connection: Statements) -> Conversation:
            if pair is not None:
                kept = await _load(connection, conversations.c.pair == pair)
                if kept is not None:
                    return kept
            await require_users(connection, users)
            await connection.execute(insert(conversations).values(_row(conversation, pair)))
            rows = [member_row(conversation.id, member) for member in conversation.members]
            if rows:
                await connection.execute(insert(members), rows)
            return replace(conversation, members=oldest_first(conversation.members))

        return await self._database.write(work)

    async def get(self, conversation: ConversationId) -> Conversation | None:
        """Return a conversation with its members."""

        async def work(connection: Statements) -> Conversation | None:
            return await _load(connection, conversations.c.id == conversation)

        return await self._database.read(work)

    async def of_user(
        self, user: UserId, *, after: ConversationId | None = None, limit: int | None = None
    ) -> Sequence[Conversation]:
        """Return the conversations `user` is in, newest id first; `after` pages on."""
        query = _ids_of(user)
        if after is not None:
            query = query.where(members.c.conversation_id < after)
        if limit is not None:
            query = query.limit(limit)

        async def work(connection: Statements) -> Sequence[Conversation]:
            ids = list((await connection.execute(query)).scalars())
            return await _load_many(connection, ids)

        return await self._database.read(work)

    async def ids_of_user(self, user: UserId) -> Sequence[ConversationId]:
        """Return the ids of all conversations `user` is in, newest first."""

        async def work(connection: Statements) -> Sequence[ConversationId]:
            return list((await connection.execute(_ids_of(user))).scalars())

        return await self._database.read(work)

    async def update(
        self, conversation: ConversationId, *, name: str | None, metadata: Mapping[str, Any]
    ) -> None:
        """Replace name and metadata. Raises `ConversationNotFound`."""
        change = (
            update(conversations)
            .where(conversations.c.id == conversation)
            .values(name=name, metadata=dict(metadata))
        )

        async def work(connection: Statements) -> None:
            if not (await connection.execute(change)).rowcount:
                raise ConversationNotFound(f"there is no conversation {conversation}")

        await self._database.write(work)

    async def delete(self, conversation: ConversationId) -> None:
        """Forget a conversation and its memberships; unknown ids are no error."""
        gone = delete(conversations).where(conversations.c.id == conversation)

        async def work(connection: Statements) -> None:
            await connection.execute(gone)

        await self._database.write(work)

    def _checked_pair(self, conversation: Conversation, users: Sequence[UserId]) -> str | None:
        if len(set(users)) != len(users):
            raise InvalidInput("a member is named twice")
        if conversation.type is ConversationType.PRIVATE:
            if len(users) != PAIR:
                raise InvalidInput("a private conversation has exactly two members")
            return " ".join(users)
        if len(users) > self._max_members:
            raise Conflict(f"a group has at most {self._max_members} members")
        return None


def _ids_of(user: UserId) -> Select[Any]:
    newest_first = members.c.conversation_id.desc()
    return select(members.c.conversation_id).where(members.c.user_id == user).order_by(newest_first)


async def _load(connection: Statements, which: ColumnElement[bool]) -> Conversation | None:
    row = (await connection.execute(select(conversations).where(which))).one_or_none()
    return None if row is None else (await _with_members(connection, [row]))[0]


async def _load_many(
    connection: Statements, ids: Sequence[ConversationId]
) -> Sequence[Conversation]:
    rows = await rows_in(connection, select(conversations), conversations.c.id, ids)
    return await _with_members(connection, sorted(rows, key=lambda row: row.id, reverse=True))


async def _with_members(connection: Statements, rows: Sequence[Row[Any]]) -> Sequence[Conversation]:
    found: dict[str, list[Member]] = {row.id: [] for row in rows}
    for one in await rows_in(connection, select(members), members.c.conversation_id, list(found)):
        found[one.conversation_id].append(member_of(one))
    return [_conversation(row, oldest_first(found[row.id])) for row in rows]


def _row(conversation: Conversation, pair: str | None) -> dict[str, Any]:
    return {
        "id": conversation.id,
        "type": conversation.type.value,
        "name": conversation.name,
        "created_by": conversation.created_by,
        "created_at": conversation.created_at,
        "metadata": dict(conversation.metadata),
        "pair": pair,
    }


def _conversation(row: Row[Any], members: tuple[Member, ...]) -> Conversation:
    return Conversation(
        id=row.id,
        type=ConversationType(row.type),
        created_by=row.created_by,
        created_at=row.created_at,
        members=members,
        name=row.name,
        metadata=row.metadata,
    )
