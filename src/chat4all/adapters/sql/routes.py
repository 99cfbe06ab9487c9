"""Where each chat is talking, in SQL."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Table, insert, select, update

from chat4all.adapters.sql.database import Database
from chat4all.adapters.sql.tables import last_inbound, routes
from chat4all.adapters.sql.transactions import Statements
from chat4all.domain.ids import AccountId, ConversationId


class SqlRoutes:
    """`Routes` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, platform: str, account: AccountId, address: str) -> ConversationId | None:
        """Return the conversation, or None for a chat that never had one."""
        query = select(routes.c.conversation_id).where(*_is(routes, platform, account, address))

        async def work(connection: Statements) -> ConversationId | None:
            found: ConversationId | None = (await connection.execute(query)).scalar_one_or_none()
            return found

        return await self._database.read(work)

    async def set(
        self, platform: str, account: AccountId, address: str, conversation: ConversationId
    ) -> None:
        """Remember that the talk of this chat is now in `conversation`."""
        # Most messages go where the one before went: reading is cheaper than a synced commit.
        if await self.get(platform, account, address) == conversation:
            return
        chat = {"platform": platform, "account_id": account, "address": address}
        change = update(routes).where(*_is(routes, platform, account, address))

        async def work(connection: Statements) -> None:
            changed = await connection.execute(change.values(conversation_id=conversation))
            if not changed.rowcount:
                row = {**chat, "conversation_id": conversation}
                await connection.execute(insert(routes).values(row))

        await self._database.write(work)

    async def last_inbound(
        self, platform: str, account: AccountId, address: str
    ) -> datetime | None:
        """Return when the person last wrote in this chat, or None when that is not known."""
        query = select(last_inbound.c.at).where(*_is(last_inbound, platform, account, address))

        async def work(connection: Statements) -> datetime | None:
            found: datetime | None = (await connection.execute(query)).scalar_one_or_none()
            return found

        return await self._database.read(work)

    async def heard(self, platform: str, account: AccountId, address: str, at: datetime) -> None:
        """Remember that the person wrote at `at`; an earlier time than is known is ignored."""
        chat = _is(last_inbound, platform, account, address)
        query = select(last_inbound.c.at).where(*chat)

        async def work(connection: Statements) -> None:
            known = (await connection.execute(query)).scalar_one_or_none()
            if known is None:
                row = {"platform": platform, "account_id": account, "address": address, "at": at}
                await connection.execute(insert(last_inbound).values(row))
            elif known < at:
                await connection.execute(update(last_inbound).where(*chat).values(at=at))

        await self._database.write(work)


def _is(
    table: Table, platform: str, account: AccountId, address: str
) -> tuple[ColumnElement[bool], ...]:
    return (
        table.c.platform == platform,
        table.c.account_id == account,
        table.c.address == address,
    )
