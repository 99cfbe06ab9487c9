"""See and change who people are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chat4all.domain.directory import User, UserKind
from chat4all.domain.errors import UserNotFound
from chat4all.domain.ids import UserId
from chat4all.ports.conversations import Conversations
from chat4all.ports.users import Users
from chat4all.services.unset import UNSET, Unset


class UserProfiles:
    """Profiles: one's own to change, others' to see.

    People and services are visible to everyone who signed in; a contact only to the owner
    and to those who share a conversation with it.
    """

    def __init__(self, users: Users, conversations: Conversations) -> None:
        self._users = users
        self._conversations = conversations

    async def own(self, caller: UserId) -> User:
        """Return the caller. Raises `UserNotFound` when they were removed meanwhile."""
        return await self._get(caller)

    async def change(
        self,
        caller: UserId,
        *,
        display_name: str | Unset = UNSET,
        email: str | Unset | None = UNSET,
        preferred_channel: str | Unset | None = UNSET,
    ) -> User:
        """Change the given fields of the caller's profile."""
        user = await self._get(caller)
        changed = replace(
            user,
            display_name=user.display_name if isinstance(display_name, Unset) else display_name,
            email=user.email if isinstance(email, Unset) else email,
            preferred_channel=(
                user.preferred_channel
                if isinstance(preferred_channel, Unset)
                else preferred_channel
            ),
        )
        await self._users.update(changed)
        return changed

    async def seen_by(self, caller: UserId, user_id: UserId) -> User:
        """Return a user whom the caller may see. Raises `UserNotFound`."""
        user = await self._get(user_id)
        if user.kind is not UserKind.CONTACT or caller in (user.id, user.owner_id):
            return user
        mine = set(await self._conversations.ids_of_user(caller))
        if mine.isdisjoint(await self._conversations.ids_of_user(user_id)):
            raise UserNotFound("no such user")
        return user

    async def search(
        self, words: str, *, after: UserId | None = None, limit: int
    ) -> Sequence[User]:
        """Return people and services whose name contains `words`, by id; no contacts."""
        return await self._users.search(words, after=after, limit=limit)

    async def _get(self, user_id: UserId) -> User:
        user = (await self._users.get_many([user_id])).get(user_id)
        if user is None:
            raise UserNotFound("no such user")
        return user
