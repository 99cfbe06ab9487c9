"""Example users and conversations for the suites of the directory."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from chat4all.domain.directory import (
    Channel,
    Conversation,
    ConversationType,
    Member,
    Role,
    User,
    UserKind,
)
from chat4all.domain.ids import AccountId, ChannelId, ConversationId, UserId, new_id
from chat4all.ports.directory import Directory

START = datetime(2031, 5, 4, 3, 2, 1, 123456, tzinfo=UTC)


def minutes(number: float) -> datetime:
    """Return the time that many minutes after the start of the example."""
    return START + timedelta(minutes=number)


def person(username: str, *, display_name: str = "", kind: UserKind = UserKind.PERSON) -> User:
    """Make somebody who signs in."""
    return User(
        id=UserId(new_id()),
        kind=kind,
        username=username,
        display_name=display_name or username.title(),
        created_at=START,
    )


def contact(owner: UserId, display_name: str) -> User:
    """Make an entry of somebody's address book."""
    return User(
        id=UserId(new_id()),
        kind=UserKind.CONTACT,
        display_name=display_name,
        owner_id=owner,
        created_at=START,
    )


async def add_people(directory: Directory, *usernames: str) -> list[UserId]:
    """Keep one person for each username; return their ids in that order."""
    people = [person(username) for username in usernames]
    for one in people:
        await directory.users.add(one)
    return [one.id for one in people]


def private(one: UserId, other: UserId) -> Conversation:
    """Make the private conversation of two users, under a new id."""
    return Conversation(
        id=ConversationId(new_id()),
        type=ConversationType.PRIVATE,
        created_by=one,
        created_at=START,
        members=tuple(
            Member(user_id=user, role=Role.MEMBER, joined_at=START) for user in sorted([one, other])
        ),
    )


def group(owner: UserId, *others: UserId, name: str = "Friends") -> Conversation:
    """Make a group; the members joined a minute apart, the owner first."""
    roles = [Role.OWNER, *(Role.MEMBER for _ in others)]
    return Conversation(
        id=ConversationId(new_id()),
        type=ConversationType.GROUP,
        created_by=owner,
        created_at=START,
        name=name,
        members=tuple(
            Member(user_id=user, role=role, joined_at=minutes(number))
            for number, (user, role) in enumerate(zip([owner, *others], roles, strict=True))
        ),
    )


def joining(user: UserId, *, role: Role = Role.MEMBER, minute: float = 100) -> Member:
    """Make a membership that begins `minute` minutes after the start."""
    return Member(user_id=user, role=role, joined_at=minutes(minute))


def identity(
    user: UserId, external_id: str, *, account: str | None = None, minute: float = 0
) -> Channel:
    """Make an external identity of a user on the example platform."""
    return Channel(
        id=ChannelId(new_id()),
        user_id=user,
        platform="pigeon",
        account_id=None if account is None else AccountId(account),
        external_id=external_id,
        linked_at=minutes(minute),
    )
