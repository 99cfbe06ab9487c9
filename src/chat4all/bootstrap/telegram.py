"""Connects the bot of the setting `telegram_token`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import structlog

from chat4all.bootstrap.connectors import Kind, account_id, complete_config
from chat4all.bootstrap.fleet import Changed
from chat4all.domain.directory import Account, User, UserKind
from chat4all.ports.directory import Directory

log = structlog.get_logger(__name__)

WAIT_SECONDS = 1.0


async def connect_telegram(
    directory: Directory, kinds: Mapping[str, Kind], changed: Changed, token: str
) -> None:
    """Make or update the bot's account; its owner is the first administrator.

    `changed` is told of it: every process that builds connectors has to follow.

    Waits for one to sign up on a new installation. The account's id follows from the bot's
    number, so the same bot stays the same account when its token is renewed.
    """
    name = account_id(kinds, "telegram", complete_config(kinds, "telegram", {"token": token}))
    found = await directory.accounts.get(name)
    config = complete_config(kinds, "telegram", {**(found.config if found else {}), "token": token})
    now = datetime.now(UTC)
    if found is not None:
        account = replace(found, config=config, updated_at=now)
    else:
        owner = await _first_administrator(directory)
        account = Account(
            id=name,
            platform="telegram",
            name="Telegram bot",
            owner_id=owner.id,
            config=config,
            created_at=now,
            updated_at=now,
        )
    if found is None or found.config != config:
        await directory.accounts.put(account)
        await changed(name)
        log.info("telegram bot connected", account=name)
    await asyncio.Event().wait()


async def _first_administrator(directory: Directory) -> User:
    told = False
    while True:
        people = await directory.users.search("", kind=UserKind.PERSON, limit=100)
        for user in people:
            if user.admin:
                return user
        if not told:
            log.info("the telegram bot waits for the first person to sign up")
            told = True
        await asyncio.sleep(WAIT_SECONDS)
