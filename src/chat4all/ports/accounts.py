"""Connector accounts, and codes that tie an external identity to a user."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from chat4all.domain.directory import Account
from chat4all.domain.ids import AccountId, UserId


class Accounts(Protocol):
    """The bots and numbers that connectors speak through."""

    async def put(self, account: Account) -> None:
        """Keep an account, new or changed, except its poll offset."""
        ...

    async def get(self, account: AccountId) -> Account | None:
        """Return one account."""
        ...

    async def list(self, *, platform: str | None = None) -> Sequence[Account]:
        """Return all accounts, oldest first."""
        ...

    async def remove(self, account: AccountId) -> None:
        """Forget an account; unknown ids are no error."""
        ...

    async def set_poll_offset(self, account: AccountId, offset: str) -> None:
        """Keep how far a polling connector has read. Raises `AccountNotFound`."""
        ...


class LinkCodes(Protocol):
    """One-time codes."""

    async def add(self, code: str, user: UserId, *, platform: str, expires_at: datetime) -> None:
        """Keep a code; it can be taken once, before it expires."""
        ...

    async def take(self, code: str, *, platform: str, at: datetime) -> UserId | None:
        """Return the user of an unused, unexpired code for `platform`, and use it up."""
        ...
