"""JWT access tokens, signed with Ed25519 (RFC 9864 has retired the name EdDSA).

https://www.rfc-editor.org/rfc/rfc9068
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError

from chat4all.domain.api_keys import EVERYTHING, ApiKey, Scope
from chat4all.domain.directory import User, UserKind
from chat4all.domain.errors import InvalidToken
from chat4all.domain.ids import UserId, new_id
from chat4all.gateway.auth.revocations import Revocations
from chat4all.gateway.auth.signing_key import SigningKey
from chat4all.ports.access_tokens import AccessToken, KeyGrant, Principal

AUDIENCE = "chat4all"
LIFETIME = timedelta(seconds=900)
MAX_TOKEN = 4_096
"""Characters; ours have about 500."""


class JwtAccessTokens:
    """Signs and checks access tokens; a checked one is remembered, at most `cache` of them.

    Checking a signature costs some 140 us and remembering it half a microsecond, so the
    hot path asks here for every request. Without an `issuer` it checks tokens of the
    deployment, whose key proves where they come from, and issues none.
    """

    def __init__(
        self,
        key: SigningKey,
        revocations: Revocations,
        *,
        issuer: str | None,
        now: Callable[[], datetime],
        cache: int = 20_000,
    ) -> None:
        self._key = key
        self._revocations = revocations
        self._issuer = issuer
        self._now = now
        self._size = cache
        self._known: OrderedDict[str, Principal] = OrderedDict()

    @property
    def issuer(self) -> str:
        """Return the `iss` of every token."""
        if self._issuer is None:
            raise RuntimeError("this process checks tokens and issues none")
        return self._issuer

    def jwks(self) -> dict[str, Any]:
        """Return the public keys that tokens are checked with."""
        return self._key.jwks()

    def issue(
        self,
        user: User,
        *,
        family: str,
        key: ApiKey | None = None,
        scopes: frozenset[Scope] = EVERYTHING,
    ) -> AccessToken:
        """Return a new token for `user`, of the sign-in `family` or of a key."""
        now = int(self._now().timestamp())
        lifetime = int(LIFETIME.total_seconds())
        if key is not None and key.expires_at is not None:
            lifetime = min(lifetime, int(key.expires_at.timestamp()) - now)
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "sub": user.id,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + lifetime,
            "jti": new_id(),
            "sid": family,
            "kind": user.kind.value,
            "scope": "chat4all admin" if user.admin else "chat4all",
            "client_id": user.username if user.kind is UserKind.SERVICE else AUDIENCE,
        }
        if user.username is not None:
            claims["username"] = user.username
        if key is not None:
            claims |= {"scope": " ".join(sorted(scopes)), "client_id": key.id}
            claims["key"] = {"id": key.id, "per_minute": key.per_minute}
        header = {"alg": "Ed25519", "typ": "at+jwt", "kid": self._key.key_id}
        text = jwt.encode(header, claims, self._key.key, algorithms=["Ed25519"])
        return AccessToken(text=text, expires_in=lifetime)

    def verify(self, token: str) -> Principal:
        """Return whom `token` speaks for. Raises `InvalidToken`."""
        principal = self._known.get(token)
        if principal is None:
            principal = self._check(token)
            self._known[token] = principal
            if len(self._known) > self._size:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(token)
        if principal.expires_at <= self._now():
            self._known.pop(token, None)
            raise InvalidToken("the access token has expired; refresh it or sign in again")
        if principal.family in self._revocations or principal.token_id in self._revocations:
            self._known.pop(token, None)
            raise InvalidToken("the access token was revoked; sign in again")
        return principal

    def is_revoked(self, subject: str) -> bool:
        """Say whether a family, or one token by its id, is refused."""
        return subject in self._revocations

    def when_revoked(self, tell: Callable[[], None]) -> None:
        """Have `tell` called after each revocation, on whichever node."""
        self._revocations.watch(tell)

    async def revoke(self, subject: str, *, until: datetime) -> None:
        """Refuse a family, or one token by its id, from now on."""
        await self._revocations.add(subject, until=until)

    async def reload(self) -> None:
        """Learn what the directory revoked on its own, and tell the other nodes."""
        await self._revocations.reload()

    def _check(self, token: str) -> Principal:
        malformed = InvalidToken("this is not an access token of this server; sign in again")
        if len(token) > MAX_TOKEN:
            raise malformed
        try:
            decoded = jwt.decode(token, self._key.key, algorithms=["Ed25519"])
            return self._principal(decoded.header, decoded.claims)
        except (JoseError, KeyError, ValueError, TypeError, OverflowError) as error:
            raise malformed from error

    def _principal(self, header: dict[str, Any], claims: dict[str, Any]) -> Principal:
        if header.get("typ") != "at+jwt":
            raise ValueError(header)
        if (claims["iss"], claims["aud"]) != (self._issuer or claims["iss"], AUDIENCE):
            raise ValueError(claims)
        words, key = claims["scope"].split(), claims.get("key")
        return Principal(
            user_id=UserId(claims["sub"]),
            kind=UserKind(claims["kind"]),
            admin="admin" in words,
            token_id=claims["jti"],
            family=claims["sid"],
            expires_at=datetime.fromtimestamp(claims["exp"], UTC),
            username=claims.get("username"),
            scopes=EVERYTHING if key is None else frozenset(map(Scope, words)),
            key=None if key is None else KeyGrant(id=key["id"], per_minute=key["per_minute"]),
        )
