"""Access tokens: short-lived, signed, checked without asking the directory."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chat4all.domain.directory import User, UserKind
from chat4all.domain.ids import UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who is asking, as a verified token says; `family` is the sign-in it stems from."""

    user_id: UserId
    kind: UserKind
    admin: bool
    token_id: str
    family: str
    expires_at: datetime
    username: str | None = None

    @property
    def scope(self) -> str:
        """Return the OAuth 2 scope, space-separated."""
        return "chat4all admin" if self.admin else "chat4all"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """A token's text and its life in seconds."""

    text: str
    expires_in: int


class AccessTokens(Protocol):
    """Issuing, checking and revoking access tokens."""

    def issue(self, user: User, *, family: str) -> AccessToken:
        """Return a new token for `user`."""
        ...

    def verify(self, token: str) -> Principal:
        """Return whom `token` speaks for. Raises `InvalidToken`; never waits."""
        ...

    async def revoke(self, subject: str, *, until: datetime) -> None:
        """Refuse a family, or one token by its id, from now on, on every node."""
        ...

    async def reload(self) -> None:
        """Learn what was revoked by others."""
        ...
