"""Turn proof of who one is into tokens, and take tokens back.

https://www.rfc-editor.org/rfc/rfc6749, and RFC 9700 for the rotation of refresh tokens.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from chat4all.domain.api_keys import PREFIX, Scope
from chat4all.domain.directory import User, UserKind
from chat4all.domain.errors import InsufficientScope, InvalidToken, RateLimited, Unauthenticated
from chat4all.domain.ids import UserId, new_id
from chat4all.ports.access_tokens import AccessTokens, Principal
from chat4all.ports.ephemeral import RateLimits
from chat4all.ports.passwords import Passwords
from chat4all.ports.users import RefreshToken, Tokens, Users
from chat4all.services.clock import Clock, utc_now
from chat4all.services.key_ring import KeyRing

REFRESH_LIFETIME = timedelta(days=30)
WRONG = "wrong username or password"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a successful sign-in gives; services get no refresh token."""

    user: User
    access_token: str
    expires_in: int
    scope: str
    refresh_token: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenFacts:
    """What introspection tells of a token that is good (RFC 7662); `exp` is a Unix time."""

    user_id: UserId
    token_type: str
    scope: str
    exp: int
    username: str | None = None
    token_id: str | None = None
    family: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInLimits:
    """Tries per name and source, and per name from anywhere, each refilled in a minute."""

    per_source: float = 20.0
    per_name: float = 200.0


class SignIn:
    """The grants of RFC 6749 that Chat4All knows, revocation and introspection."""

    def __init__(
        self,
        users: Users,
        tokens: Tokens,
        passwords: Passwords,
        access_tokens: AccessTokens,
        keys: KeyRing,
        rates: RateLimits,
        *,
        limits: SignInLimits | None = None,
        now: Clock = utc_now,
    ) -> None:
        self._users = users
        self._tokens = tokens
        self._passwords = passwords
        self._access = access_tokens
        self._keys = keys
        self._rates = rates
        self._limits = limits or SignInLimits()
        self._now = now

    async def with_password(self, username: str, password: str, *, source: str) -> Grant:
        """Sign a person in. Raises `Unauthenticated`, `RateLimited`."""
        user = await self._prove(username, password, UserKind.PERSON, source)
        return await self._grant(user, family=new_id())

    async def with_client_secret(
        self, client_id: str, secret: str, *, scope: str | None = None, source: str
    ) -> Grant:
        """Sign a service in, by its secret or by an API key and its id.

        With a key the token is good for what the key is, or for `scope` of that. Raises
        `Unauthenticated`, `RateLimited`, `InsufficientScope`.
        """
        if secret.startswith(PREFIX):
            return await self._with_key(client_id, secret, scope)
        user = await self._prove(client_id, secret, UserKind.SERVICE, source)
        token = self._access.issue(user, family=new_id())
        return Grant(
            user=user,
            access_token=token.text,
            expires_in=token.expires_in,
            scope=_scope(user),
        )

    async def _with_key(self, client_id: str, text: str, scope: str | None) -> Grant:
        principal, key = await self._keys.verify(text), await self._keys.find(text)
        user = (await self._users.get_many([principal.user_id])).get(principal.user_id)
        if key is None or user is None or client_id not in (key.id, user.username):
            raise Unauthenticated("the API key is not that of this client")
        scopes = principal.scopes
        if scope is not None:
            if lacking := set(scope.split()) - scopes:
                words = " ".join(sorted(lacking))
                raise InsufficientScope(f"this API key is not good for {words}", words)
            scopes = frozenset(map(Scope, scope.split()))
        token = self._access.issue(user, family=key.id, key=key, scopes=scopes)
        return Grant(
            user=user,
            access_token=token.text,
            expires_in=token.expires_in,
            scope=" ".join(sorted(scopes)),
        )

    async def with_refresh_token(self, refresh_token: str) -> Grant:
        """Trade a refresh token for new tokens; it can be used once.

        A second use revokes every token of its sign-in. Raises `Unauthenticated`.
        """
        try:
            used = await self._tokens.use_refresh(_hash(refresh_token), at=self._now())
        except InvalidToken:
            await self._access.reload()  # the directory revoked the family
            raise
        if used is None:
            raise InvalidToken("this refresh token is not one of ours; sign in again")
        user = (await self._users.get_many([used.user_id])).get(used.user_id)
        if user is None:
            raise InvalidToken("the user of this refresh token is gone; sign in again")
        return await self._grant(user, family=used.family)

    async def revoke(self, token: str) -> None:
        """End the sign-in that a token of either kind stems from; unknown ones are no error.

        An API key ends as well: who finds one can stop it. A token that was got by a key
        ends alone.

        https://www.rfc-editor.org/rfc/rfc7009
        """
        key = await self._keys.find(token)
        if key is not None:
            await self._keys.revoke(key)
            return
        family = await self._family(token)
        if family is not None:
            await self._access.revoke(family, until=self._now() + REFRESH_LIFETIME)

    async def introspect(self, token: str, *, by: Principal) -> TokenFacts | None:
        """Return what a good token says; None otherwise, and for another person's token.

        Services and administrators may ask about any token.
        https://www.rfc-editor.org/rfc/rfc7662
        """
        facts = self._access_facts(token) or await self._refresh_facts(token)
        if facts is None:
            return None
        trusted = by.admin or by.kind is UserKind.SERVICE
        return facts if trusted or facts.user_id == by.user_id else None

    async def _prove(self, name: str, secret: str, kind: UserKind, source: str) -> User:
        await self._slow_down(name.casefold(), source)
        found = await self._users.by_username(name)
        user, secret_hash = found or (None, None)
        if user is not None and user.kind is not kind:
            secret_hash = None
        if not await self._passwords.verify(secret_hash, secret) or user is None:
            raise Unauthenticated(WRONG)
        return user

    async def _slow_down(self, name: str, source: str) -> None:
        for key, burst in (
            (f"sign-in:{name}:{source}", self._limits.per_source),
            (f"sign-in:{name}", self._limits.per_name),
        ):
            wait = await self._rates.take(key, rate=burst / 60, burst=burst)
            if wait > 0:
                raise RateLimited("too many sign-ins for this name; wait", retry_after=wait)

    async def _grant(self, user: User, *, family: str) -> Grant:
        token = self._access.issue(user, family=family)
        refresh = secrets.token_urlsafe(32)
        await self._tokens.add_refresh(
            RefreshToken(
                token_hash=_hash(refresh),
                family=family,
                user_id=user.id,
                expires_at=self._now() + REFRESH_LIFETIME,
                scope=_scope(user),
            )
        )
        return Grant(
            user=user,
            access_token=token.text,
            expires_in=token.expires_in,
            scope=_scope(user),
            refresh_token=refresh,
        )

    async def _family(self, token: str) -> str | None:
        try:
            principal = self._access.verify(token)
        except InvalidToken:
            kept = await self._tokens.peek_refresh(_hash(token))
            return kept.family if kept is not None else None
        return principal.family if principal.key is None else principal.token_id

    def _access_facts(self, token: str) -> TokenFacts | None:
        try:
            principal = self._access.verify(token)
        except InvalidToken:
            return None
        return TokenFacts(
            user_id=principal.user_id,
            token_type="access_token",  # noqa: S106 - a kind, not a secret
            scope=principal.scope,
            exp=int(principal.expires_at.timestamp()),
            username=principal.username,
            token_id=principal.token_id,
            family=principal.family,
        )

    async def _refresh_facts(self, token: str) -> TokenFacts | None:
        kept = await self._tokens.peek_refresh(_hash(token))
        if kept is None or kept.expires_at <= self._now():
            return None
        return TokenFacts(
            user_id=kept.user_id,
            token_type="refresh_token",  # noqa: S106 - a kind, not a secret
            scope=kept.scope,
            exp=int(kept.expires_at.timestamp()),
            family=kept.family,
        )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _scope(user: User) -> str:
    return "chat4all admin" if user.admin else "chat4all"
