"""Users, tokens and keys in memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from chat4all.adapters.memory.directory_state import DirectoryState, search_key, username_key
from chat4all.domain.directory import User, UserKind
from chat4all.domain.errors import Conflict, InvalidToken, UsernameTaken, UserNotFound
from chat4all.domain.ids import UserId
from chat4all.ports.users import RefreshToken


class MemoryUsers:
    """`Users` in memory."""

    def __init__(self, state: DirectoryState) -> None:
        self._state = state

    async def add(self, user: User, *, secret_hash: str | None = None) -> None:
        """Keep a new user; `Conflict` when the id was ever in use."""
        state = self._state
        if user.id in state.users or user.id in state.removed:
            raise Conflict(f"the user id {user.id} is in use; choose another")
        self._claim(user)
        state.users[user.id] = user
        if secret_hash is not None:
            state.secret_hashes[user.id] = secret_hash

    async def get_many(self, users: Collection[UserId]) -> Mapping[UserId, User]:
        """Return those that exist."""
        return {user: self._state.shown(user) for user in users if user in self._state.users}

    async def by_username(self, username: str) -> tuple[User, str | None] | None:
        """Return the user and their secret hash, or None."""
        user = self._state.usernames.get(username_key(username))
        if user is None:
            return None
        return self._state.users[user], self._state.secret_hashes.get(user)

    async def update(self, user: User) -> None:
        """Replace all but id, kind, owner and creation time."""
        old = self._state.users.get(user.id)
        if old is None:
            raise UserNotFound(f"there is no user {user.id}")
        self._claim(user)
        if old.username is not None and (
            user.username is None or username_key(old.username) != username_key(user.username)
        ):
            del self._state.usernames[username_key(old.username)]
        self._state.users[user.id] = replace(
            user,
            kind=old.kind,
            owner_id=old.owner_id,
            created_at=old.created_at,
            merged_into=old.merged_into,
        )

    async def remove(self, user: UserId) -> None:
        """Forget a user, those merged into them, and their channels; the ids stay reserved."""
        state = self._state
        for merged in [one.id for one in state.users.values() if one.merged_into == user]:
            await self.remove(merged)
        gone = state.users.pop(user, None)
        if gone is None:
            return
        for merge in [one for one in state.contact_merges.values() if one.kept == user]:
            state.contact_merges[merge.id] = replace(merge, before=(), display_name="")
        state.removed.add(user)
        state.secret_hashes.pop(user, None)
        if gone.username is not None:
            del state.usernames[username_key(gone.username)]
        for channel in [one.id for one in state.channels.values() if one.user_id == user]:
            del state.channels[channel]

    async def search(
        self,
        words: str,
        *,
        kind: UserKind | None = None,
        owner: UserId | None = None,
        after: UserId | None = None,
        limit: int,
    ) -> Sequence[User]:
        """Return users whose username or display name contains `words`, by id."""
        wanted = search_key(words)
        found = (
            user
            for user in self._state.users.values()
            if user.merged_into is None
            and (kind is None or user.kind is kind)
            and (user.kind is not UserKind.CONTACT if owner is None else user.owner_id == owner)
            and (after is None or user.id > after)
            and any(wanted in search_key(name) for name in (user.username or "", user.display_name))
        )
        return sorted(found, key=lambda user: user.id)[:limit]

    def _claim(self, user: User) -> None:
        if user.username is None:
            return
        holder = self._state.usernames.setdefault(username_key(user.username), user.id)
        if holder != user.id:
            raise UsernameTaken(f"the username {user.username} is taken; choose another")


class MemoryTokens:
    """`Tokens` in memory."""

    def __init__(self, state: DirectoryState, clock: Callable[[], datetime]) -> None:
        self._state = state
        self._clock = clock

    async def add_refresh(self, token: RefreshToken) -> None:
        """Keep a refresh token; in a revoked family it is unusable from the start."""
        if token.token_hash in self._state.refresh_tokens:
            raise Conflict("this refresh token is already kept")
        self._state.refresh_tokens[token.token_hash] = token

    async def use_refresh(self, token_hash: str, *, at: datetime) -> RefreshToken | None:
        """Take a token out of use and return it; a reuse revokes the family."""
        state = self._state
        token = state.refresh_tokens.get(token_hash)
        if token is None:
            return None
        if token_hash in state.used or token.family in state.revocations:
            family = [one for one in state.refresh_tokens.values() if one.family == token.family]
            await self.revoke(token.family, until=max(one.expires_at for one in family))
            raise InvalidToken("the refresh token was used before or revoked; sign in again")
        if token.expires_at <= at:
            raise InvalidToken("the refresh token has expired; sign in again")
        state.used.add(token_hash)
        return token

    async def peek_refresh(self, token_hash: str) -> RefreshToken | None:
        """Return a token that is still usable, without using it."""
        token = self._state.refresh_tokens.get(token_hash)
        if token is None or token_hash in self._state.used:
            return None
        if token.family in self._state.revocations or token.expires_at <= self._clock():
            return None
        return token

    async def revoke(self, subject: str, *, until: datetime) -> None:
        """Revoke a family or one access token; a repeat never shortens it."""
        kept = self._state.revocations.get(subject, until)
        self._state.revocations[subject] = max(kept, until)

    async def revoked(self, *, at: datetime) -> Collection[str]:
        """Return every family and `jti` whose revocation still matters at `at`."""
        return {subject for subject, until in self._state.revocations.items() if until > at}


class MemoryKeys:
    """`Keys` in memory."""

    def __init__(self, state: DirectoryState) -> None:
        self._state = state

    async def get_or_set(self, name: str, value: str) -> str:
        """Return what is kept under `name`; keep and return `value` when nothing is."""
        return self._state.keys.setdefault(name, value)
