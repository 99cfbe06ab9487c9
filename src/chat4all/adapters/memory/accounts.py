"""Connector accounts and link codes in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from chat4all.adapters.memory.directory_state import DirectoryState, LinkCode
from chat4all.domain.directory import Account
from chat4all.domain.errors import AccountNotFound, Conflict
from chat4all.domain.ids import AccountId, UserId


class MemoryAccounts:
    """`Accounts` in memory."""

    def __init__(self, state: DirectoryState) -> None:
        self._state = state

    async def put(self, account: Account) -> None:
        """Keep an account, new or changed, except its poll offset."""
        kept = self._state.accounts.get(account.id)
        self._state.accounts[account.id] = replace(
            account,
            config=dict(account.config),
            poll_offset=None if kept is None else kept.poll_offset,
        )

    async def get(self, account: AccountId) -> Account | None:
        """Return one account."""
        return self._state.accounts.get(account)

    async def list(self, *, platform: str | None = None) -> Sequence[Account]:
        """Return all accounts, oldest first."""
        found = (one for one in self._state.accounts.values() if platform in (None, one.platform))
        return sorted(found, key=lambda one: (one.created_at, one.id))

    async def remove(self, account: AccountId) -> None:
        """Forget an account; unknown ids are no error."""
        self._state.accounts.pop(account, None)

    async def set_poll_offset(self, account: AccountId, offset: str) -> None:
        """Keep how far a polling connector has read. Raises `AccountNotFound`."""
        kept = self._state.accounts.get(account)
        if kept is None:
            raise AccountNotFound(f"there is no account {account}")
        self._state.accounts[account] = replace(kept, poll_offset=offset)


class MemoryLinkCodes:
    """`LinkCodes` in memory."""

    def __init__(self, state: DirectoryState) -> None:
        self._state = state

    async def add(self, code: str, user: UserId, *, platform: str, expires_at: datetime) -> None:
        """Keep a code; it can be taken once, before it expires."""
        if code in self._state.link_codes:
            raise Conflict("this link code is in use; make another")
        self._state.link_codes[code] = LinkCode(
            user_id=user, platform=platform, expires_at=expires_at
        )

    async def take(self, code: str, *, platform: str, at: datetime) -> UserId | None:
        """Return the user of an unused, unexpired code for `platform`, and use it up."""
        kept = self._state.link_codes.get(code)
        if kept is None or kept.platform != platform or kept.expires_at <= at:
            return None
        del self._state.link_codes[code]
        return kept.user_id
