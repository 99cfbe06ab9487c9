"""Administer the bots and numbers that connectors speak through."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from chat4all.domain.directory import Account
from chat4all.domain.errors import AccountNotFound, Conflict, InvalidInput, UserNotFound
from chat4all.domain.ids import AccountId, UserId, new_id
from chat4all.ports.accounts import Accounts
from chat4all.ports.users import Users
from chat4all.services.clock import Clock, utc_now

CompleteConfig = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]
"""Takes a platform and a config; returns the config with what its connector adds to it.

Raises `InvalidInput` when the connector cannot read it.
"""
NameAccount = Callable[[str, Mapping[str, Any]], AccountId]
"""Returns the id of the account that a platform's complete config describes."""
OnChange = Callable[[AccountId], Awaitable[None]]
"""Called after an account changed or went, so the connectors that run can follow."""


async def nobody_listens(account: AccountId) -> None:
    """Do nothing: no connector runs here."""


class ConnectorAccounts:
    """Connector accounts; for administrators, which the edge checks."""

    def __init__(
        self,
        accounts: Accounts,
        users: Users,
        *,
        complete_config: CompleteConfig,
        name_account: NameAccount = lambda _platform, _config: AccountId(new_id()),
        on_change: OnChange = nobody_listens,
        now: Clock = utc_now,
    ) -> None:
        self._accounts = accounts
        self._users = users
        self._complete_config = complete_config
        self._name_account = name_account
        self._on_change = on_change
        self._now = now

    async def create(
        self, *, platform: str, name: str, owner: UserId, config: Mapping[str, Any]
    ) -> Account:
        """Add an account, enabled.

        Raises `InvalidInput`, `UserNotFound` for the owner, and `Conflict` for a bot or
        number that is connected already.
        """
        complete = self._complete_config(platform, config)
        if owner not in await self._users.get_many([owner]):
            raise UserNotFound("no such owner")
        account_id = self._name_account(platform, complete)
        if await self._accounts.get(account_id) is not None:
            raise Conflict(f"this {platform} account is connected already; change that one")
        now = self._now()
        account = Account(
            id=account_id,
            platform=platform,
            name=name,
            owner_id=owner,
            config=complete,
            created_at=now,
            updated_at=now,
        )
        await self._accounts.put(account)
        await self._on_change(account.id)
        return account

    async def list(self, *, platform: str | None = None) -> Sequence[Account]:
        """Return all accounts, oldest first."""
        return await self._accounts.list(platform=platform)

    async def get(self, account_id: AccountId) -> Account:
        """Return one account. Raises `AccountNotFound`."""
        account = await self._accounts.get(account_id)
        if account is None:
            raise AccountNotFound("no such connector account")
        return account

    async def change(
        self,
        account_id: AccountId,
        *,
        name: str | None = None,
        enabled: bool | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> Account:
        """Change what is given; `config` replaces the keys it names."""
        account = await self.get(account_id)
        merged = {**account.config, **(config or {})}
        if config:
            merged = {**self._complete_config(account.platform, merged)}
        changed = replace(
            account,
            name=account.name if name is None else name,
            enabled=account.enabled if enabled is None else enabled,
            config=merged,
            updated_at=self._now(),
        )
        await self._accounts.put(changed)
        await self._on_change(account_id)
        return changed

    async def delete(self, account_id: AccountId) -> None:
        """Forget an account. Raises `AccountNotFound`."""
        await self.get(account_id)
        await self._accounts.remove(account_id)
        await self._on_change(account_id)


def known_platforms(platforms: Sequence[str]) -> CompleteConfig:
    """Return one that only looks whether the platform is one of `platforms`."""

    def complete(platform: str, config: Mapping[str, Any]) -> Mapping[str, Any]:
        if platform not in platforms:
            allowed = ", ".join(sorted(platforms)) or "none"
            raise InvalidInput(
                f"no connector for this platform; installed: {allowed}",
                [("/platform", "no connector for it")],
            )
        return config

    return complete
