"""Who an API key speaks for, without asking the directory for every call."""

from __future__ import annotations

from collections import OrderedDict
from datetime import UTC, datetime, timedelta

import structlog

from chat4all.domain.api_keys import ApiKey, Scope, hash_of, is_key
from chat4all.domain.errors import InvalidToken, Unavailable
from chat4all.ports.access_tokens import AccessTokens, KeyGrant, Principal
from chat4all.ports.api_keys import ApiKeys
from chat4all.ports.users import Users
from chat4all.services.clock import Clock, utc_now

log = structlog.get_logger(__name__)

FRESH = timedelta(seconds=10)
"""How long it is believed what the directory said of a key; revocations are known at once."""
USE_NOTED = timedelta(minutes=1)
"""A key's last use is written again when it is this old, whatever the key is used."""
REVOKED_FOR = timedelta(hours=1)
"""How long processes remember a revoked key: longer than they believe, and than a token lives."""
NEVER = datetime.max.replace(tzinfo=UTC)


class KeyRing:
    """Checks API keys; the answers for the `cache` keys used last are kept for `FRESH`.

    Revocations travel as those of tokens do: under the key's id.
    """

    def __init__(
        self,
        keys: ApiKeys,
        users: Users,
        tokens: AccessTokens,
        *,
        now: Clock = utc_now,
        cache: int = 10_000,
    ) -> None:
        self._keys = keys
        self._users = users
        self._tokens = tokens
        self._now = now
        self._size = cache
        self._known: OrderedDict[str, tuple[Principal, datetime]] = OrderedDict()

    async def verify(self, text: str) -> Principal:
        """Return whom the key speaks for. Raises `InvalidToken`, `Unavailable`."""
        if not is_key(text):
            raise InvalidToken("this is no API key: it is not whole; copy it again")
        name, now = hash_of(text), self._now()
        found, until = self._known.get(name, (None, now))
        if found is None or until <= now:
            found = await self._read(name, now)
            self._known[name] = found, now + FRESH
            if len(self._known) > self._size:
                self._known.popitem(last=False)
        if found.expires_at <= now or self._tokens.is_revoked(found.family):
            self._known.pop(name, None)
            raise InvalidToken("this API key has expired or was revoked; use another one")
        return found

    async def find(self, text: str) -> ApiKey | None:
        """Return what is kept of a key, good or not; None for what is none of ours."""
        return await self._keys.by_hash(hash_of(text)) if is_key(text) else None

    async def revoke(self, key: ApiKey) -> None:
        """Make a key good for nothing, durably, and at once in every process."""
        now = self._now()
        await self._keys.revoke(key.id, now)
        await self._tokens.revoke(key.id, until=now + REVOKED_FOR)

    async def _read(self, name: str, now: datetime) -> Principal:
        key = await self._keys.by_hash(name)
        if key is None or not key.is_good(now):
            raise InvalidToken("this API key is unknown, expired or revoked; use another one")
        account = (await self._users.get_many([key.account_id])).get(key.account_id)
        if account is None:
            raise InvalidToken("the service account of this API key is gone")
        if key.used_at is None or key.used_at <= now - USE_NOTED:
            await self._note_use(key, now)
        scopes = key.scopes if account.admin else key.scopes - {Scope.ADMIN}
        return Principal(
            user_id=account.id,
            kind=account.kind,
            admin=Scope.ADMIN in scopes,
            token_id=key.id,
            family=key.id,
            expires_at=key.expires_at or NEVER,
            username=account.username,
            scopes=scopes,
            key=KeyGrant(id=key.id, per_minute=key.per_minute),
        )

    async def _note_use(self, key: ApiKey, at: datetime) -> None:
        try:
            await self._keys.used(key.id, at)
        except Unavailable as error:  # a full disk, say: the key is as good without
            log.warning("the use of an API key is not kept", detail=str(error))
