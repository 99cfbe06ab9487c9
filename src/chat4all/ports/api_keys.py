"""The keys of programs, and whom programs may act for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from chat4all.domain.api_keys import ApiKey, DelegatedAct, Delegation
from chat4all.domain.ids import ActId, KeyId, UserId


class ApiKeys(Protocol):
    """The keys of service accounts. Durable."""

    async def add(self, key: ApiKey) -> None:
        """Keep a new key."""
        ...

    async def replace(self, old: KeyId, new: ApiKey, *, until: datetime) -> None:
        """Keep `new`, and have `old` expire at `until` unless it does before; both or neither."""
        ...

    async def by_hash(self, secret_hash: str) -> ApiKey | None:
        """Return the key of this hash, good or not."""
        ...

    async def of_account(self, account: UserId) -> Sequence[ApiKey]:
        """Return all keys of an account, good or not, oldest first."""
        ...

    async def used(self, key: KeyId, at: datetime) -> None:
        """Keep that a key was used; an earlier time than the kept one changes nothing."""
        ...

    async def revoke(self, key: KeyId, at: datetime) -> None:
        """Make a key good for nothing; of two times the first one stays."""
        ...


class Delegations(Protocol):
    """Which service accounts may act for which users, and what they did. Durable."""

    async def allow(self, delegation: Delegation) -> None:
        """Keep that an account may act for a user; a repeat changes nothing."""
        ...

    async def withdraw(self, user: UserId, account: UserId) -> None:
        """End it; what was not allowed is no error."""
        ...

    async def of_user(self, user: UserId) -> Sequence[Delegation]:
        """Return who may act for a user, by account."""
        ...

    async def record(self, act: DelegatedAct) -> bool:
        """Keep that an account is about to act for a user, if it may; say whether it may.

        What returned True is in `acts`, whatever comes after; nothing is kept otherwise.
        """
        ...

    async def acts(
        self,
        *,
        user: UserId | None = None,
        account: UserId | None = None,
        before: ActId | None = None,
        limit: int,
    ) -> Sequence[DelegatedAct]:
        """Return what was done as `user`, and by `account`, the newest first."""
        ...
