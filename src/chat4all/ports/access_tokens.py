"""Access tokens: short-lived, signed, checked without asking the directory."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chat4all.domain.api_keys import EVERYTHING, ApiKey, Scope
from chat4all.domain.directory import User, UserKind
from chat4all.domain.ids import KeyId, UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyGrant:
    """The API key that somebody proved themselves with, and the calls a minute it is good for."""

    id: KeyId
    per_minute: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who is asking, as a verified token says; `family` is the sign-in it stems from.

    For whom an API key speaks that `key` is there, and is the family. `actor` is the service
    account that acts as the user, where one does.
    """

    user_id: UserId
    kind: UserKind
    admin: bool
    token_id: str
    family: str
    expires_at: datetime
    username: str | None = None
    scopes: frozenset[Scope] = EVERYTHING
    key: KeyGrant | None = None
    actor: UserId | None = None

    @property
    def scope(self) -> str:
        """Return the OAuth 2 scope, space-separated."""
        if self.key is not None:
            return " ".join(sorted(self.scopes))
        return "chat4all admin" if self.admin else "chat4all"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """A token's text and its life in seconds."""

    text: str
    expires_in: int


class AccessTokens(Protocol):
    """Issuing, checking and revoking access tokens."""

    def issue(
        self,
        user: User,
        *,
        family: str,
        key: ApiKey | None = None,
        scopes: frozenset[Scope] = EVERYTHING,
    ) -> AccessToken:
        """Return a new token for `user`; with a `key` it is good for `scopes` of it alone.

        It then is no longer good than the key, and ends with it: the key's id is its family.
        """
        ...

    def verify(self, token: str) -> Principal:
        """Return whom `token` speaks for. Raises `InvalidToken`; never waits."""
        ...

    def is_revoked(self, subject: str) -> bool:
        """Say whether a family, or one token by its id, is refused; never waits."""
        ...

    async def revoke(self, subject: str, *, until: datetime) -> None:
        """Refuse a family, or one token by its id, from now on, on every node."""
        ...

    async def reload(self) -> None:
        """Learn what was revoked by others."""
        ...
