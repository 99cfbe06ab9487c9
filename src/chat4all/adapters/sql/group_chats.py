"""Groups of platforms in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, delete, insert, select, update

from chat4all.adapters.sql.database import Database
from chat4all.adapters.sql.tables import group_chats, group_people
from chat4all.adapters.sql.transactions import Statements
from chat4all.domain.group_chats import ChatKey, GroupChat, Moment, Standing
from chat4all.domain.ids import AccountId, ConversationId, UserId


class SqlGroupChats:
    """`GroupChats` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(
        self, chat: GroupChat, *, at: Moment, gone: ConversationId | None = None
    ) -> GroupChat:
        """See `GroupChats.keep`."""

        async def work(connection: Statements) -> GroupChat:
            row = await _latest(connection, chat.key)
            if row is None:
                await connection.execute(insert(group_chats).values(_new(chat, at)))
            elif row.conversation_id == gone:
                change = update(group_chats).where(*_is(group_chats, _key(row)))
                await connection.execute(change.values(conversation_id=chat.conversation_id))
            return await _chat(connection, chat.key if row is None else _key(row))

        return await self._database.write(work)

    async def get(self, key: ChatKey) -> GroupChat | None:
        """See `GroupChats.get`."""

        async def work(connection: Statements) -> GroupChat | None:
            row = await _latest(connection, key)
            return None if row is None else await _chat(connection, _key(row))

        return await self._database.read(work)

    async def of(self, conversation: ConversationId) -> Sequence[GroupChat]:
        """See `GroupChats.of`."""
        query = select(group_chats).where(
            group_chats.c.conversation_id == conversation, group_chats.c.moved_to.is_(None)
        )

        async def work(connection: Statements) -> Sequence[GroupChat]:
            rows = (await connection.execute(query)).all()
            return [await _chat(connection, _key(row)) for row in rows]

        return await self._database.read(work)

    async def change(
        self, key: ChatKey, *, at: Moment, title: str | None = None, present: bool | None = None
    ) -> bool:
        """See `GroupChats.change`."""

        async def work(connection: Statements) -> bool:
            row = await _latest(connection, key)
            if row is None:
                return False
            new: dict[str, Any] = {}
            if title is not None and at > Moment(row.titled_at, row.titled_number):
                new |= {"title": title, "titled_at": at.at, "titled_number": at.number}
            if present is not None and at > Moment(row.present_at, row.present_number):
                new |= {"present": present, "present_at": at.at, "present_number": at.number}
            if new:
                change = update(group_chats).where(*_is(group_chats, _key(row)))
                await connection.execute(change.values(new))
            return (row.title, row.present) != (
                new.get("title", row.title),
                new.get("present", row.present),
            )

        return await self._database.write(work)

    async def move(self, key: ChatKey, to: str) -> GroupChat | None:
        """See `GroupChats.move`."""
        target = replace(key, address=to)
        row_of = select(group_chats).where(*_is(group_chats, key))
        known_at = select(group_chats.c.address).where(*_is(group_chats, target))

        async def work(connection: Statements) -> GroupChat | None:
            row = (await connection.execute(row_of)).mappings().one_or_none()
            if row is None:
                return None
            if row["moved_to"] != to and key != target:
                if (await connection.execute(known_at)).one_or_none() is None:
                    await connection.execute(insert(group_chats).values({**row, "address": to}))
                taken_over = update(group_chats).where(*_is(group_chats, target))
                values = {"conversation_id": row["conversation_id"], "moved_to": None}
                await connection.execute(taken_over.values(values))
                old = update(group_chats).where(*_is(group_chats, key))
                await connection.execute(old.values(moved_to=to))
                await _move_people(connection, key, target)
            latest = await _latest(connection, key)
            return None if latest is None else await _chat(connection, _key(latest))

        return await self._database.write(work)


class SqlGroupPeople:
    """`GroupPeople` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def standing(self, key: ChatKey, person: str) -> Standing | None:
        """See `GroupPeople.standing`."""
        query = select(group_people).where(*_is_person(key, person))

        async def work(connection: Statements) -> Standing | None:
            row = (await connection.execute(query)).one_or_none()
            return None if row is None else Standing(row.user_id and UserId(row.user_id), row.here)

        return await self._database.read(work)

    async def note(
        self, key: ChatKey, person: str, user: UserId | None, *, here: bool, at: Moment
    ) -> Standing:
        """See `GroupPeople.note`."""
        mine = _is_person(key, person)
        new = {"user_id": user, "here": here, "at": at.at, "number": at.number}

        async def work(connection: Statements) -> Standing:
            row = (await connection.execute(select(group_people).where(*mine))).one_or_none()
            if row is None:
                values = {**_columns(key), "person": person, **new}
                await connection.execute(insert(group_people).values(values))
                return Standing(user, here)
            later = at > Moment(row.at, row.number)
            change = update(group_people).where(*mine)
            await connection.execute(change.values(new if later else {"user_id": user}))
            return Standing(user, here if later else row.here)

        return await self._database.write(work)


async def _latest(connection: Statements, key: ChatKey) -> Row[Any] | None:
    """Return the row of a group where it is now."""
    row = (
        await connection.execute(select(group_chats).where(*_is(group_chats, key)))
    ).one_or_none()
    if row is None or row.moved_to is None:
        return row
    return await _latest(connection, replace(key, address=row.moved_to))


async def _chat(connection: Statements, key: ChatKey) -> GroupChat:
    row = (await connection.execute(select(group_chats).where(*_is(group_chats, key)))).one()
    here = select(group_people.c.user_id).where(
        *_is(group_people, key), group_people.c.here.is_(True)
    )
    members = (await connection.execute(here)).scalars()
    return GroupChat(
        key=key,
        conversation_id=ConversationId(row.conversation_id),
        title=row.title,
        present=row.present,
        members=frozenset(UserId(one) for one in members),
    )


async def _move_people(connection: Statements, key: ChatKey, to: ChatKey) -> None:
    there = select(group_people.c.person).where(*_is(group_people, to))
    kept = set((await connection.execute(there)).scalars())
    rows = await connection.execute(select(group_people).where(*_is(group_people, key)))
    new = [{**row, "address": to.address} for row in rows.mappings() if row["person"] not in kept]
    if new:
        await connection.execute(insert(group_people), new)
    await connection.execute(delete(group_people).where(*_is(group_people, key)))


def _columns(key: ChatKey) -> dict[str, str]:
    return {"platform": key.platform, "account_id": key.account_id, "address": key.address}


def _key(row: Row[Any]) -> ChatKey:
    return ChatKey(row.platform, AccountId(row.account_id), row.address)


def _is(table: Table, key: ChatKey) -> list[ColumnElement[bool]]:
    return [table.c[name] == value for name, value in _columns(key).items()]


def _is_person(key: ChatKey, person: str) -> list[ColumnElement[bool]]:
    return [*_is(group_people, key), group_people.c.person == person]


def _new(chat: GroupChat, at: Moment) -> dict[str, Any]:
    return {
        **_columns(chat.key),
        "conversation_id": chat.conversation_id,
        "title": chat.title,
        "titled_at": at.at,
        "titled_number": at.number,
        "present": chat.present,
        "present_at": at.at,
        "present_number": at.number,
        "moved_to": None,
    }
