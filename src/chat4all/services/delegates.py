"""Whom a user lets act as they, and what was done so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from chat4all.domain.api_keys import DelegatedAct, Delegation
from chat4all.domain.directory import User, UserKind
from chat4all.domain.errors import UserNotFound
from chat4all.domain.ids import ActId, UserId
from chat4all.ports.api_keys import Delegations
from chat4all.ports.users import Users
from chat4all.services.clock import Clock, utc_now


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegate:
    """A service account that may act as a user, and since when."""

    account: User
    since: datetime


class Delegates:
    """A service account acts for who allowed it and for nobody else, administrators included."""

    def __init__(self, delegations: Delegations, users: Users, *, now: Clock = utc_now) -> None:
        self._delegations = delegations
        self._users = users
        self._now = now

    async def allow(self, user: UserId, account: UserId) -> None:
        """Let an account act as `user`; a repeat changes nothing. Raises `UserNotFound`."""
        found = (await self._users.get_many([account])).get(account)
        if found is None or found.kind is not UserKind.SERVICE:
            raise UserNotFound(f"there is no service account {account}")
        allowed = Delegation(user_id=user, account_id=account, created_at=self._now())
        await self._delegations.allow(allowed)

    async def withdraw(self, user: UserId, account: UserId) -> None:
        """End it: the next call is refused; what was not allowed is no error."""
        await self._delegations.withdraw(user, account)

    async def list(self, user: UserId) -> Sequence[Delegate]:
        """Return who may act as `user`; accounts that are gone are left out."""
        allowed = await self._delegations.of_user(user)
        accounts = await self._users.get_many([one.account_id for one in allowed])
        return [
            Delegate(account=accounts[one.account_id], since=one.created_at)
            for one in allowed
            if one.account_id in accounts
        ]

    async def acts(
        self,
        *,
        user: UserId | None = None,
        account: UserId | None = None,
        before: ActId | None = None,
        limit: int,
    ) -> Sequence[DelegatedAct]:
        """Return what was done as `user`, or by `account`, the newest first."""
        return await self._delegations.acts(user=user, account=account, before=before, limit=limit)
