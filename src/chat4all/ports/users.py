"""Users, and what each is allowed to prove they are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chat4all.domain.directory import User, UserKind
from chat4all.domain.ids import UserId


class Users(Protocol):
    """The people, contacts and services there are."""

    async def add(self, user: User, *, secret_hash: str | None = None) -> None:
        """Keep a new user, and for one who signs in the hash of the password or secret.

        Raises `UsernameTaken` (usernames compare case-folded).
        """
        ...

    async def get_many(self, users: Collection[UserId]) -> Mapping[UserId, User]:
        """Return those that exist.

        A merged contact has the name and the preferred channel of the one that was kept.
        """
        ...

    async def by_username(self, username: str) -> tuple[User, str | None] | None:
        """Return the user and their secret hash, or None."""
        ...

    async def update(self, user: User) -> None:
        """Replace the changeable fields. Raises `UserNotFound`, `UsernameTaken`."""
        ...

    async def remove(self, user: UserId) -> None:
        """Forget a contact, those merged into it, and their channels; unknown ids are no error.

        The id stays reserved: messages that name it keep their author.
        """
        ...

    async def search(
        self,
        words: str,
        *,
        kind: UserKind | None = None,
        owner: UserId | None = None,
        after: UserId | None = None,
        limit: int,
    ) -> Sequence[User]:
        """Return users whose username or display name contains `words`, by id.

        With `owner` only that user's contacts, but those that were merged into another;
        without it contacts are left out. An empty `words` matches everyone.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshToken:
    """One refresh token, by the SHA-256 of its text; `family` is the sign-in it began with."""

    token_hash: str
    family: str
    user_id: UserId
    expires_at: datetime
    scope: str = ""


class Tokens(Protocol):
    """Refresh tokens, their families, and what was revoked."""

    async def add_refresh(self, token: RefreshToken) -> None:
        """Keep a refresh token that was just issued."""
        ...

    async def use_refresh(self, token_hash: str, *, at: datetime) -> RefreshToken | None:
        """Take a token out of use and return it; None for one that never existed.

        A token that was used before, or whose family is revoked, raises `InvalidToken`
        after revoking the whole family (RFC 9700 section 4.14.2). Atomic: of two callers
        one gets the token. An expired token raises `InvalidToken`.
        """
        ...

    async def peek_refresh(self, token_hash: str) -> RefreshToken | None:
        """Return a token that is still usable, without using it (RFC 7662)."""
        ...

    async def revoke(self, subject: str, *, until: datetime) -> None:
        """Revoke a family or one access token (its `jti`) until it would have expired."""
        ...

    async def revoked(self, *, at: datetime) -> Collection[str]:
        """Return every family and `jti` whose revocation still matters at `at`."""
        ...


class Keys(Protocol):
    """Global configuration that must be the same on every node: signing keys and the like."""

    async def get_or_set(self, name: str, value: str) -> str:
        """Return what is kept under `name`; keep and return `value` when nothing is."""
        ...
