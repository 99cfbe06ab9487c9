"""Users that no person signs in as, and the keys of the programs that are they."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from chat4all.domain.api_keys import (
    GRANTABLE,
    MAX_ACCOUNTS,
    MAX_KEYS,
    ApiKey,
    Scope,
    hash_of,
    new_key,
)
from chat4all.domain.directory import User, UserKind
from chat4all.domain.errors import Conflict, InvalidInput, KeyNotFound, UserNotFound
from chat4all.domain.ids import KeyId, UserId, new_id
from chat4all.ports.access_tokens import Principal
from chat4all.ports.api_keys import ApiKeys
from chat4all.ports.users import Users
from chat4all.services.clock import Clock, utc_now
from chat4all.services.key_ring import KeyRing

PER_MINUTE = 600
"""Calls that a key is good for, where nothing else is said."""
HINT = 4
"""Characters of a key that are shown for people to tell it from others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeKey:
    """A new key and its text, which nobody can read again."""

    key: ApiKey
    text: str


class ServiceAccounts:
    """The service accounts of people, and those without an owner, which administrators have.

    Who owns an account decides on it; administrators may see and revoke the keys of every
    account, and remove it. To everybody else it raises `UserNotFound`.
    """

    def __init__(
        self,
        users: Users,
        keys: ApiKeys,
        ring: KeyRing,
        *,
        most_per_minute: int,
        now: Clock = utc_now,
    ) -> None:
        self._users = users
        self._keys = keys
        self._ring = ring
        self._most = most_per_minute
        self._now = now

    async def create(self, owner: UserId, *, username: str, display_name: str) -> User:
        """Make an account. Raises `UsernameTaken`, and `Conflict` when there are too many."""
        if len(await self.list(owner)) >= MAX_ACCOUNTS:
            raise Conflict(f"you have {MAX_ACCOUNTS} service accounts; delete one first")
        account = User(
            id=UserId(new_id()),
            kind=UserKind.SERVICE,
            display_name=display_name,
            username=username,
            owner_id=owner,
            created_at=self._now(),
        )
        await self._users.add(account)
        return account

    async def list(self, owner: UserId) -> Sequence[User]:
        """Return the accounts of somebody, oldest first."""
        return await self._users.search(
            "", kind=UserKind.SERVICE, owner=owner, limit=MAX_ACCOUNTS + 1
        )

    async def get(self, caller: Principal, account: UserId) -> User:
        """Return an account that the caller may look at."""
        found = (await self._users.get_many([account])).get(account)
        if found is None or found.kind is not UserKind.SERVICE or not _sees(caller, found):
            raise UserNotFound(f"you have no service account {account}")
        return found

    async def remove(self, caller: Principal, account: UserId) -> None:
        """Revoke the keys of an account and forget it; messages keep their author."""
        await self.get(caller, account)
        for key in await self._keys.of_account(account):
            await self._ring.revoke(key)
        await self._users.remove(account)

    async def keys(self, caller: Principal, account: UserId) -> Sequence[ApiKey]:
        """Return all keys of an account, good or not, oldest first."""
        await self.get(caller, account)
        return await self._keys.of_account(account)

    async def create_key(
        self,
        caller: Principal,
        account: UserId,
        *,
        name: str,
        scopes: Collection[Scope],
        expires_at: datetime | None = None,
        per_minute: int | None = None,
    ) -> MadeKey:
        """Make a key. Raises `InvalidInput`, and `Conflict` when there are too many."""
        of = await self._own(caller, account)
        now = self._now()
        _check_scopes(scopes, of)
        if expires_at is not None and expires_at <= now:
            raise InvalidInput("the key would be expired", [("/expires_at", "is in the past")])
        if per_minute is not None and per_minute > self._most:
            most = f"is more than {self._most}, the most that this server allows"
            raise InvalidInput("a key is good for fewer calls", [("/per_minute", most)])
        if sum(one.is_good(now) for one in await self._keys.of_account(account)) >= MAX_KEYS:
            raise Conflict(f"the account has {MAX_KEYS} keys; revoke one first")
        made = _made(
            account_id=account,
            name=name,
            scopes=frozenset(scopes),
            per_minute=per_minute or min(PER_MINUTE, self._most),
            created_by=caller.user_id,
            created_at=now,
            expires_at=expires_at,
        )
        await self._keys.add(made.key)
        return made

    async def rotate(
        self, caller: Principal, account: UserId, key: KeyId, *, overlap: timedelta
    ) -> MadeKey:
        """Make a key that is good for the same; the old one is good for `overlap` more.

        One that expires gets as long a life as the old one had. Raises `Conflict` for a key
        that is good for nothing.
        """
        await self._own(caller, account)
        old, now = await self._key(account, key), self._now()
        if not old.is_good(now):
            raise Conflict("this key has expired or was revoked; make a new one")
        made = _made(
            account_id=account,
            name=old.name,
            scopes=old.scopes,
            per_minute=old.per_minute,
            created_by=caller.user_id,
            created_at=now,
            expires_at=old.expires_at and now + (old.expires_at - old.created_at),
        )
        await self._keys.replace(key, made.key, until=now + overlap)
        if not overlap:
            await self._ring.revoke(old)
        return made

    async def revoke_key(self, caller: Principal, account: UserId, key: KeyId) -> None:
        """Make a key good for nothing, at once and in every process; a repeat is no error."""
        await self.get(caller, account)
        await self._ring.revoke(await self._key(account, key))

    async def _own(self, caller: Principal, account: UserId) -> User:
        found = await self.get(caller, account)
        if found.owner_id not in (None, caller.user_id):
            raise UserNotFound(f"the service account {account} is somebody else's")
        return found

    async def _key(self, account: UserId, key: KeyId) -> ApiKey:
        for one in await self._keys.of_account(account):
            if one.id == key:
                return one
        raise KeyNotFound(f"the service account has no API key {key}")


def _sees(caller: Principal, account: User) -> bool:
    return caller.admin or (account.owner_id is not None and account.owner_id == caller.user_id)


def _check_scopes(scopes: Collection[Scope], account: User) -> None:
    if not scopes:
        raise InvalidInput("a key is good for something", [("/scopes", "is empty")])
    if not GRANTABLE.issuperset(scopes):
        raise InvalidInput("no key is good for accounts", [("/scopes", "has account in it")])
    if Scope.ADMIN in scopes and not account.admin:
        raise InvalidInput(
            "the account is no administrator", [("/scopes", "admin takes an administrator")]
        )


def _made(**facts: object) -> MadeKey:
    text = new_key()
    key = ApiKey(id=KeyId(new_id()), secret_hash=hash_of(text), hint=text[-HINT:], **facts)  # type: ignore[arg-type]  # the callers above
    return MadeKey(key=key, text=text)
