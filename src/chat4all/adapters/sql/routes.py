"""Where each chat is talking, in SQL."""

from __future__ import annotations

from sqlalchemy import ColumnElement, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from chat4all.adapters.sql.database import Database
from chat4all.adapters.sql.tables import routes
from chat4all.domain.ids import AccountId, ConversationId


class SqlRoutes:
    """`Routes` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, platform: str, account: AccountId, address: str) -> ConversationId | None:
        """Return the conversation, or None for a chat that never had one."""
        query = select(routes.c.conversation_id).where(*_is(platform, account, address))

        async def work(connection: AsyncConnection) -> ConversationId | None:
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
        change = update(routes).where(*_is(platform, account, address))

        async def work(connection: AsyncConnection) -> None:
            changed = await connection.execute(change.values(conversation_id=conversation))
            if not changed.rowcount:
                row = {**chat, "conversation_id": conversation}
                await connection.execute(insert(routes).values(row))

        await self._database.write(work)


def _is(platform: str, account: AccountId, address: str) -> tuple[ColumnElement[bool], ...]:
    return (
        routes.c.platform == platform,
        routes.c.account_id == account,
        routes.c.address == address,
    )
