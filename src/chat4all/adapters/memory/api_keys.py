"""Keys of programs, and whom programs may act for, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from chat4all.adapters.memory.directory_state import DirectoryState
from chat4all.domain.api_keys import ApiKey, DelegatedAct, Delegation
from chat4all.domain.errors import Conflict
from chat4all.domain.ids import ActId, KeyId, UserId


class MemoryApiKeys:
    """`ApiKeys` in memory."""

    def __init__(self, state: DirectoryState) -> None:
        self._keys = state.api_keys

    async def add(self, key: ApiKey) -> None:
        """See `ApiKeys.add`."""
        if any(key.id == one.id or key.secret_hash == one.secret_hash for one in self._all()):
            raise Conflict("this API key is already kept")
        self._keys[key.id] = key

    async def replace(self, old: KeyId, new: ApiKey, *, until: datetime) -> None:
        """See `ApiKeys.replace`."""
        await self.add(new)
        kept = self._keys[old]
        ends = until if kept.expires_at is None else min(until, kept.expires_at)
        self._keys[old] = replace(kept, expires_at=ends)

    async def by_hash(self, secret_hash: str) -> ApiKey | None:
        """See `ApiKeys.by_hash`."""
        return next((one for one in self._all() if one.secret_hash == secret_hash), None)

    async def of_account(self, account: UserId) -> Sequence[ApiKey]:
        """See `ApiKeys.of_account`."""
        found = (one for one in self._all() if one.account_id == account)
        return sorted(found, key=lambda one: one.id)

    async def used(self, key: KeyId, at: datetime) -> None:
        """See `ApiKeys.used`."""
        kept = self._keys.get(key)
        if kept is not None and (kept.used_at is None or kept.used_at < at):
            self._keys[key] = replace(kept, used_at=at)

    async def revoke(self, key: KeyId, at: datetime) -> None:
        """See `ApiKeys.revoke`."""
        kept = self._keys.get(key)
        if kept is not None and kept.revoked_at is None:
            self._keys[key] = replace(kept, revoked_at=at)

    def _all(self) -> Sequence[ApiKey]:
        return list(self._keys.values())


class MemoryDelegations:
    """`Delegations` in memory."""

    def __init__(self, state: DirectoryState) -> None:
        self._state = state

    async def allow(self, delegation: Delegation) -> None:
        """See `Delegations.allow`."""
        key = (delegation.user_id, delegation.account_id)
        self._state.delegations.setdefault(key, delegation)

    async def withdraw(self, user: UserId, account: UserId) -> None:
        """See `Delegations.withdraw`."""
        self._state.delegations.pop((user, account), None)

    async def of_user(self, user: UserId) -> Sequence[Delegation]:
        """See `Delegations.of_user`."""
        found = (one for one in self._state.delegations.values() if one.user_id == user)
        return sorted(found, key=lambda one: one.account_id)

    async def record(self, act: DelegatedAct) -> bool:
        """See `Delegations.record`."""
        if (act.user_id, act.account_id) not in self._state.delegations:
            return False
        self._state.acts.append(act)
        return True

    async def acts(
        self,
        *,
        user: UserId | None = None,
        account: UserId | None = None,
        before: ActId | None = None,
        limit: int,
    ) -> Sequence[DelegatedAct]:
        """See `Delegations.acts`."""
        found = (
            act
            for act in self._state.acts
            if (user is None or act.user_id == user)
            and (account is None or act.account_id == account)
            and (before is None or act.id < before)
        )
        return sorted(found, key=lambda act: act.id, reverse=True)[:limit]
