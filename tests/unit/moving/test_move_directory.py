"""The directory on its way to another database, row by row."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chat4all.adapters.sql.directory import SqlDirectory
from chat4all.domain.directory import (
    Channel,
    Conversation,
    ConversationType,
    Member,
    Role,
    User,
    UserKind,
)
from chat4all.domain.errors import InvalidToken, MoveRefused
from chat4all.domain.ids import ChannelId, ConversationId, UserId, new_id
from chat4all.ports.users import RefreshToken
from chat4all.services.moving import directory
from chat4all.services.moving.directory import MoveDirectory
from tests.unit.moving.counted import Counted

NOW = datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)


@pytest.fixture
async def ours(tmp_path: Path) -> AsyncIterator[SqlDirectory]:
    async with SqlDirectory(f"sqlite:///{tmp_path}/ours.sqlite3") as found:
        yield found


@pytest.fixture
async def theirs(tmp_path: Path) -> AsyncIterator[SqlDirectory]:
    async with SqlDirectory(f"sqlite:///{tmp_path}/theirs.sqlite3") as found:
        yield found


def person(name: str) -> User:
    return User(
        id=UserId(new_id()),
        kind=UserKind.PERSON,
        username=name,
        display_name=name.title(),
        created_at=NOW,
    )


async def fill(people: SqlDirectory, count: int = 4) -> list[User]:
    users = [person(f"person-{number}") for number in range(count)]
    for user in users:
        await people.users.add(user, secret_hash=f"hash of {user.username}")
        await people.channels.link(
            Channel(
                id=ChannelId(new_id()),
                user_id=user.id,
                platform="mock",
                external_id=f"+55 {user.username}",
                linked_at=NOW,
            )
        )
        await people.tokens.add_refresh(
            RefreshToken(
                token_hash=f"token of {user.username}",
                family=user.id,
                user_id=user.id,
                expires_at=NOW + timedelta(days=3650),
            )
        )
    await people.tokens.use_refresh("token of person-1", at=NOW)
    await people.users.remove(users[-1].id)
    members = tuple(Member(user_id=one.id, role=Role.OWNER, joined_at=NOW) for one in users[:2])
    await people.conversations.create(
        Conversation(
            id=ConversationId(new_id()),
            type=ConversationType.PRIVATE,
            created_by=users[0].id,
            created_at=NOW,
            members=members,
            metadata={"a": [1, None, {"b": "ç"}]},
        )
    )
    await people.keys.get_or_set("signing_key", "secret")
    return users


async def test_all_of_it_is_there_exactly(
    ours: SqlDirectory, theirs: SqlDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "PAGE", 2)
    users = await fill(ours)
    move = MoveDirectory(ours.rows, theirs.rows, meter := Counted())
    for _ in range(2):
        await move.require()
        await move.copy()
        counts = await move.verify()
        assert meter.done == sum(counts.values())
    assert (counts["rows of users"], counts["rows of refresh_tokens"]) == (4, 4)
    assert await theirs.users.by_username("PERSON-2") == (users[2], "hash of person-2")
    assert await theirs.keys.get_or_set("signing_key", "another") == "secret"
    with pytest.raises(InvalidToken):
        await theirs.tokens.use_refresh("token of person-1", at=NOW)
    await theirs.users.add(replace(users[0], id=UserId(new_id()), username="new"))
    with pytest.raises(MoveRefused, match="used since"):
        await move.require()


async def test_a_target_that_has_the_name_already_is_refused(
    ours: SqlDirectory, theirs: SqlDirectory
) -> None:
    await fill(ours)
    await theirs.users.add(person("person-2"))
    move = MoveDirectory(ours.rows, theirs.rows, Counted())
    with pytest.raises(MoveRefused, match="a row of users"):
        await move.require()
    with pytest.raises(MoveRefused, match="another row of users"):
        await move.copy()


async def test_what_changed_since_is_not_written_over(
    ours: SqlDirectory, theirs: SqlDirectory
) -> None:
    users = await fill(ours)
    move = MoveDirectory(ours.rows, theirs.rows, Counted())
    await move.copy()
    changed = replace(users[0], display_name="Another")
    await theirs.users.update(changed)
    with pytest.raises(MoveRefused, match="used since"):
        await move.require()
    await move.copy()
    assert (await theirs.users.get_many([changed.id]))[changed.id] == changed
    with pytest.raises(MoveRefused, match="a row of users"):
        await move.verify()
