"""People who sign in nowhere, written through the product's own adapters: a group of many.

To register a thousand people through the API is to hash two thousand passwords. These have
none; the bench signs their tokens with the key of the data folder, as the product does.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from chat4all.adapters.memory.ephemeral import MemoryEphemeral
from chat4all.adapters.sql.directory import SqlDirectory
from chat4all.domain.directory import (
    Conversation,
    ConversationType,
    Member,
    Role,
    User,
    UserKind,
)
from chat4all.domain.ids import ConversationId, UserId, new_id
from chat4all.gateway.auth.access_tokens import JwtAccessTokens
from chat4all.gateway.auth.revocations import Revocations
from chat4all.gateway.auth.signing_key import SigningKey
from chat4all.ports.directory import Directory
from chat4all.services.clock import utc_now


class Signer:
    """Issues the tokens of people in a data folder, as the product does at an address."""

    def __init__(self, access: JwtAccessTokens) -> None:
        self._access = access

    @classmethod
    async def of(cls, directory: Directory, *, issuer: str) -> Signer:
        """Return that of a directory, whose product runs, or will, at the address `issuer`."""
        key = await SigningKey.load(directory.keys)
        revocations = Revocations(directory.tokens, MemoryEphemeral().bus, now=utc_now)
        return cls(JwtAccessTokens(key, revocations, issuer=issuer, now=utc_now))

    def token(self, user: User) -> str:
        """Return a new access token; it is good for 15 minutes."""
        return self._access.issue(user, family=new_id()).text


class Group:
    """A group in a data folder, and who can issue tokens for its members."""

    def __init__(
        self,
        people: Sequence[User],
        group: Conversation,
        signer: Signer,
        others: Sequence[User] = (),
    ) -> None:
        self._people = people
        self._others = others
        self._signer = signer
        self.conversation_id = group.id

    def tokens(self) -> list[str]:
        """Return a new token of every member, the owner's first."""
        return [self._signer.token(one) for one in self._people]

    def other_tokens(self) -> list[str]:
        """Return a new token of everybody who is not in the group."""
        return [self._signer.token(one) for one in self._others]


async def add_group(folder: Path, count: int, *, issuer: str, others: int = 0) -> Group:
    """Add a group of so many new people to the data of a product that does not run.

    With `others` there are so many more, who are in no conversation. It will
    run at the address `issuer`.
    """
    async with SqlDirectory(f"sqlite:///{folder / 'directory.sqlite3'}") as directory:
        everybody = [await add_person(directory, number) for number in range(count + others)]
        people = everybody[:count]
        group = await directory.conversations.create(group_of(people))
        signer = await Signer.of(directory, issuer=issuer)
        return Group(people, group, signer, everybody[count:])


async def add_person(directory: Directory, number: int) -> User:
    """Add somebody who has a name and no password."""
    person = User(
        id=UserId(new_id()),
        kind=UserKind.PERSON,
        display_name=f"Member {number}",
        created_at=datetime.now(UTC),
        username=f"member{number:04}",
    )
    await directory.users.add(person)
    return person


def group_of(people: Sequence[User]) -> Conversation:
    """Return a new group of these people; the first one owns it."""
    at = datetime.now(UTC)
    return Conversation(
        id=ConversationId(new_id()),
        type=ConversationType.GROUP,
        name="Everybody",
        members=tuple(
            Member(user_id=one.id, role=Role.MEMBER if number else Role.OWNER, joined_at=at)
            for number, one in enumerate(people)
        ),
        created_by=people[0].id,
        created_at=at,
    )
