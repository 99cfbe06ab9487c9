"""A data folder with many messages, written through the product's own adapters.

Log and store agree as after a life of use: each message has its command in the log at the
position the store names, the router has committed it, and its words are indexed.
"""

from __future__ import annotations

import itertools
import random
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.job import Lane
from chat4all.adapters.sql.directory import SqlDirectory
from chat4all.adapters.sqlite.event_log import SqliteEventLog
from chat4all.adapters.sqlite.message_store import SqliteMessageStore
from chat4all.domain.commands import SubmitMessage
from chat4all.domain.directory import (
    Conversation,
    ConversationType,
    Member,
    Role,
    User,
    UserKind,
)
from chat4all.domain.events import MessageAdded, Position
from chat4all.domain.ids import ConversationId, MessageId, UserId, new_id
from chat4all.domain.messages import Message
from chat4all.domain.payload import Payload, PayloadType
from chat4all.ports.directory import Directory
from chat4all.ports.event_log import COMMANDS, EVENTS, EventLog, Record
from chat4all.ports.message_store import Effects, MessageStore, NewMessage
from chat4all.services.records import encode_command, encode_event

GROUP = "router"
BATCH = 4_000
OTHERS = 500
"""Private conversations beside those under load; messages are spread evenly over all."""
_LINES = (
    "hello yes no thanks tomorrow today meeting lunch price order delivery address please when",
    "where how much car house work family beach music film photo file late early soon call back",
)
_WORDS = [word for line in _LINES for word in line.split()]

Place = tuple[ConversationId, UserId]
"""A conversation, and the member of it who writes."""
Numbered = tuple[SubmitMessage, int]
"""A command, and the seq that its message will have."""
Texts = Callable[[int, random.Random], str]
"""Returns the text of a message by its number, from 0."""


def chatter(_: int, chance: random.Random) -> str:
    """Return a text of words of which each is in a third of all texts."""
    return " ".join(chance.choices(_WORDS, k=16))


async def seed(folder: Path, lanes: Sequence[Lane], count: int) -> None:
    """Add `count` messages to the data of a product that does not run."""
    places = [(ConversationId(one.conversation_id), UserId(one.sender_id)) for one in lanes]
    async with SqlDirectory(f"sqlite:///{folder / 'directory.sqlite3'}") as directory:
        places += [await add_conversation(directory) for _ in range(min(OTHERS, count // 100))]
    await seed_places(folder, places, count)


async def seed_places(
    folder: Path, places: Sequence[Place], count: int, texts: Texts = chatter
) -> None:
    """Add `count` messages to these conversations, one after the other in each of them."""
    async with (
        SqliteEventLog(folder / "log.sqlite3") as log,
        SqliteMessageStore(folder / "messages.sqlite3") as store,
        log.consume(COMMANDS, GROUP) as consumer,
    ):
        for batch in commands_of(places, count, texts):
            await consumer.commit(await _keep(batch, log, store))
        # A search waits for the index, so afterwards there is nothing left to do.
        await store.search("hello", conversations=[places[0][0]], viewer=places[0][1], limit=1)
    for name in ("log", "messages", "directory"):
        with closing(sqlite3.connect(folder / f"{name}.sqlite3")) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


async def _keep(batch: Sequence[Numbered], log: EventLog, store: MessageStore) -> Position:
    """Do as the router does with a batch; return the position of its last command."""
    positions = await log.append(
        [Record(COMMANDS, one.conversation_id, encode_command(one)) for one, _ in batch]
    )
    added = [
        NewMessage(message_of(command, seq), command.digest, position)
        for (command, seq), position in zip(batch, positions, strict=True)
    ]
    await store.apply(Effects(added=added))
    events = [MessageAdded(position=one.position, message=one.message) for one in added]
    await log.append([Record(EVENTS, one.conversation_id, encode_event(one)) for one in events])
    return positions[-1]


async def add_conversation(directory: Directory) -> Place:
    """Add a private conversation of two new people."""
    at = datetime.now(UTC)
    users = [
        User(id=UserId(new_id()), kind=UserKind.PERSON, display_name="Somebody", created_at=at)
        for _ in range(2)
    ]
    for user in users:
        await directory.users.add(user)
    return await add_private(directory, users)


async def add_private(directory: Directory, users: Sequence[User]) -> Place:
    """Add the private conversation of two people; the first writes."""
    at = datetime.now(UTC)
    members = tuple(Member(user_id=user.id, role=Role.MEMBER, joined_at=at) for user in users)
    made = await directory.conversations.create(
        Conversation(
            id=ConversationId(new_id()),
            type=ConversationType.PRIVATE,
            members=members,
            created_by=users[0].id,
            created_at=at,
        )
    )
    return made.id, users[0].id


def commands_of(
    places: Sequence[Place], count: int, texts: Texts = chatter
) -> Iterator[list[Numbered]]:
    """Yield the commands of all messages, oldest first."""
    chance = random.Random(1)
    started = datetime.now(UTC) - timedelta(seconds=count / 100)
    every = (
        (
            SubmitMessage(
                message_id=MessageId(new_id()),
                conversation_id=places[number % len(places)][0],
                sender=places[number % len(places)][1],
                payload=Payload(type=PayloadType.TEXT, text=texts(number, chance)),
                accepted_at=started + timedelta(seconds=number / 100),
                digest=f"{number:032x}",
            ),
            number // len(places) + 1,
        )
        for number in range(count)
    )
    while batch := list(itertools.islice(every, BATCH)):
        yield batch


def message_of(command: SubmitMessage, seq: int) -> Message:
    """Return the message that a command becomes."""
    return Message(
        message_id=command.message_id,
        conversation_id=command.conversation_id,
        seq=seq,
        sender=command.sender,
        channel=command.channel,
        payload=command.payload,
        created_at=command.accepted_at,
    )
