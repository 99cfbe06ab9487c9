"""The bot of the setting becomes an account that every process is told of."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from chat4all.adapters.memory.directory import MemoryDirectory
from chat4all.bootstrap.connectors import installed_connectors
from chat4all.bootstrap.telegram import connect_telegram
from chat4all.connectors.mock import PhoneNetwork
from chat4all.domain.directory import User, UserKind
from chat4all.domain.ids import AccountId, UserId, new_id
from chat4all.settings import load_settings

TOKEN = "123456:AAtoken-of-a-bot-of-this-test-000000000"


async def test_a_new_bot_is_told_of_once_and_a_renewed_token_again() -> None:
    directory, told = MemoryDirectory(), asyncio.Queue[AccountId]()
    ana = User(
        id=UserId(new_id()),
        kind=UserKind.PERSON,
        display_name="Ana",
        username="ana",
        admin=True,
        created_at=datetime.now(UTC),
    )
    await directory.users.add(ana, secret_hash="none")
    kinds = installed_connectors(load_settings({}, {}), PhoneNetwork())
    for token, times in ((TOKEN, 1), (TOKEN, 0), (TOKEN[:-1] + "1", 1)):
        connecting = asyncio.create_task(connect_telegram(directory, kinds, told.put, token))
        async with asyncio.timeout(30):
            for _ in range(times):
                account = await directory.accounts.get(await told.get())
                assert account is not None
                assert account.config["token"] == token
        for _ in range(100):
            await asyncio.sleep(0)
        connecting.cancel()
        assert told.empty()
