"""Notifiers and connectors as the bench runs them: what they read, and where it comes out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Any

import msgspec
from pydantic import SecretStr

from bench.readers import CONVERSATIONS, Readers
from bench.seed import Place, add_conversation, commands_of, message_of
from chat4all.adapters.mongodb.message_store import MongoMessageStore
from chat4all.adapters.redis.ephemeral import RedisEphemeral
from chat4all.adapters.sql.directory import SqlDirectory
from chat4all.connectors.telegram.config import TelegramConfig
from chat4all.domain.delivery import DeliveryKind, DeliveryTask
from chat4all.domain.directory import Account
from chat4all.domain.events import MessageAdded, Position
from chat4all.domain.ids import AccountId, UserId, new_id
from chat4all.domain.messages import Message
from chat4all.ports.event_log import EVENTS, Record, outbound
from chat4all.ports.message_store import Effects, NewMessage
from chat4all.services.records import encode_event, encode_task
from chat4all.services.relay import topic_of
from chat4all.testing.telegram import Phone, RateLimits, TelegramSimulator

NODE = "bench"
TELEGRAM = "telegram"
BOTS, CHATS = 32, 40
"""Telegram lets a bot send 30 messages a second, and 1 to each chat: 960 a second in all."""
SETTLE, LOOK = 10.0, 0.05


class _Told(msgspec.Struct):
    """An event as the bus has it; reading all of it would hold up who puts more into the log."""

    position: msgspec.Raw


_decode = msgspec.json.Decoder(list[_Told]).decode


class Notifiers(Readers):
    """Notifiers, of events in conversations of which one member is connected at one gateway."""

    stream, group, words = EVENTS, "notifier", ("notifier",)
    _told: set[bytes]

    async def prepare(self, count: int) -> Sequence[Record]:
        """Add conversations, connect one member of each, and return events of messages there."""
        async with SqlDirectory(self._directory) as directory:
            places = [await add_conversation(directory) for _ in range(CONVERSATIONS)]
        await self._ephemeral.routing.arrive(NODE, [user for _, user in places], ttl=3600)
        events = [
            MessageAdded(position=Position(0, number), message=message)
            for number, message in enumerate(_messages(places, count))
        ]
        return [Record(EVENTS, one.message.conversation_id, encode_event(one)) for one in events]

    async def surplus(self, expected: int) -> int:
        """Count what was told; what is told once more after a handover, a gateway drops."""
        await _settled(lambda: len(self._told), expected)
        return len(self._told) - expected

    @asynccontextmanager
    async def around(self) -> AsyncIterator[None]:
        """Listen as a gateway does."""
        self._told = set()
        async with (
            RedisEphemeral(self._engines.redis.url) as self._ephemeral,
            self._ephemeral.bus.listen(topic_of(NODE)) as payloads,
        ):
            listening = asyncio.create_task(self._hear(payloads))
            yield
            listening.cancel()

    async def _hear(self, payloads: AsyncIterator[bytes]) -> None:
        async for payload in payloads:
            self._told.update(bytes(one.position) for one in _decode(payload))


class Connectors(Readers):
    """Connectors of Telegram, of tasks for people of many bots on the simulated platform."""

    stream, group, words = outbound(TELEGRAM), "delivery", ("connector", "--channel", TELEGRAM)

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._platform = TelegramSimulator(limits=RateLimits())
        self._bots = [self._platform.add_bot(f"bench_{number}_bot") for number in range(BOTS)]
        self._chats: list[Chat] = []
        self._url = ""

    async def prepare(self, count: int) -> Sequence[Record]:
        """Keep messages to the people of the bots, and return their tasks."""
        self._chats = await self._open_chats()
        messages = _messages([chat.place for chat in self._chats], count)
        kept = [
            NewMessage(one, f"{number:032x}", Position(0, number))
            for number, one in enumerate(messages)
        ]
        async with MongoMessageStore(self._store_url) as store:
            for start in range(0, count, 2_000):
                await store.apply(Effects(added=kept[start : start + 2_000]))
        tasks = [chat.task(one) for chat, one in zip(cycle(self._chats), messages, strict=False)]
        return [Record(self.stream, one.address, encode_task(one)) for one in tasks]

    async def surplus(self, expected: int) -> int:
        """Count what the people see."""
        return sum(chat.shown() for chat in self._chats) - expected

    @asynccontextmanager
    async def around(self) -> AsyncIterator[None]:
        """Run the platform."""
        async with self._platform.serve() as serving:
            self._url = serving.url
            yield

    async def _open_chats(self) -> list[Chat]:
        """Connect the bots; people speak to them first, as Telegram has it."""
        found = []
        async with SqlDirectory(self._directory) as directory:
            for token in self._bots:
                account = _account(token, (await add_conversation(directory))[1], self._url)
                await directory.accounts.put(account)
                bot = int(token.partition(":")[0])
                for number in range(CHATS):
                    phone = self._platform.add_person(f"Person {number}")
                    phone.start(to=bot)
                    place = await add_conversation(directory)
                    found.append(Chat(place, account.id, phone, bot))
        # One after another of different bots, as many conversations would come.
        return [found[(number % BOTS) * CHATS + number // BOTS] for number in range(len(found))]


@dataclass(frozen=True, slots=True)
class Chat:
    """A person who speaks to a bot, and the conversation that it is here."""

    place: Place
    account_id: AccountId
    phone: Phone
    bot: int

    def task(self, message: Message) -> DeliveryTask:
        """Return the task to bring them a message."""
        conversation_id, user_id = self.place
        return DeliveryTask(
            task_id=f"{message.message_id} {user_id}",
            kind=DeliveryKind.MESSAGE,
            channel=TELEGRAM,
            account_id=self.account_id,
            address=str(self.phone.owner.id),
            user_id=user_id,
            conversation_id=conversation_id,
            message_id=message.message_id,
            expires_at=datetime.now(UTC) + timedelta(days=1),
            payload=message.payload,
        )

    def shown(self) -> int:
        """Return how many messages of the bot they see."""
        return sum(one.sender_id == self.bot for one in self.phone.view(self.bot).messages)


def _account(token: str, owner: UserId, url: str) -> Account:
    now = datetime.now(UTC)
    return Account(
        id=AccountId(new_id()),
        platform=TELEGRAM,
        name="Bench",
        owner_id=owner,
        config=TelegramConfig(token=SecretStr(token), api_base=url).as_stored(),
        created_at=now,
        updated_at=now,
    )


def _messages(places: Sequence[Place], count: int) -> list[Message]:
    return [message_of(*one) for batch in commands_of(places, count) for one in batch]


async def _settled(count: Callable[[], int], expected: int) -> None:
    """Wait until there is as much as expected, or nothing more will come."""
    limit = time.monotonic() + SETTLE
    while count() < expected and time.monotonic() < limit:  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(LOOK)
