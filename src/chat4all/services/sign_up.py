"""Make an account for somebody who will sign in."""

from __future__ import annotations

import secrets
from dataclasses import replace

from chat4all.domain.directory import User, UserKind
from chat4all.domain.errors import RateLimited
from chat4all.domain.ids import UserId, new_id
from chat4all.ports.ephemeral import RateLimits
from chat4all.ports.passwords import Passwords
from chat4all.ports.users import Keys, Users
from chat4all.services.clock import Clock, utc_now

FIRST_PERSON = "first_person"
"""The key under which the directory keeps who registered first."""


class SignUp:
    """Registers people, and services, which sign in with a generated secret.

    The first person to register administers the installation. `per_minute` bounds the
    registrations from one source, such as a network address.
    """

    def __init__(
        self,
        users: Users,
        passwords: Passwords,
        rates: RateLimits,
        keys: Keys,
        *,
        per_minute: float = 600.0,
        now: Clock = utc_now,
    ) -> None:
        self._users = users
        self._passwords = passwords
        self._rates = rates
        self._keys = keys
        self._per_minute = per_minute
        self._now = now

    async def __call__(
        self,
        *,
        username: str,
        password: str,
        display_name: str | None = None,
        email: str | None = None,
        admin: bool = False,
        source: str | None = None,
    ) -> User:
        """Register a person. Raises `UsernameTaken`, `RateLimited`."""
        if source is not None:
            wait = await self._rates.take(
                f"sign-up:{source}", rate=self._per_minute / 60, burst=self._per_minute
            )
            if wait > 0:
                raise RateLimited("too many registrations from this address", retry_after=wait)
        user = User(
            id=UserId(new_id()),
            kind=UserKind.PERSON,
            display_name=display_name or username,
            username=username,
            email=email,
            admin=admin,
            created_at=self._now(),
        )
        await self._users.add(user, secret_hash=await self._passwords.hash(password))
        if not admin and await self._keys.get_or_set(FIRST_PERSON, user.id) == user.id:
            user = replace(user, admin=True)
            await self._users.update(user)
        return user

    async def service(
        self, *, username: str, display_name: str, admin: bool = False
    ) -> tuple[User, str]:
        """Register a program; return it with its secret, which is shown this once."""
        secret = secrets.token_urlsafe(32)
        user = User(
            id=UserId(new_id()),
            kind=UserKind.SERVICE,
            display_name=display_name,
            username=username,
            admin=admin,
            created_at=self._now(),
        )
        await self._users.add(user, secret_hash=await self._passwords.hash(secret))
        return user, secret
