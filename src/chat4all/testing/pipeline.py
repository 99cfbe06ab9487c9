"""The real pipeline in a test: services, router, notifier and delivery over any engines."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import Self

from chat4all.adapters.memory.ephemeral import MemoryEphemeral
from chat4all.domain.commands import Command
from chat4all.domain.directory import (
    Account,
    Channel,
    Conversation,
    ConversationType,
    Member,
    Role,
    User,
    UserKind,
)
from chat4all.domain.events import Event, Position, SyncCursor
from chat4all.domain.ids import ChannelId, ConversationId, UserId, new_id
from chat4all.ports.directory import Directory
from chat4all.ports.event_log import COMMANDS, Record, outbound
from chat4all.ports.tracing import Traces
from chat4all.router import delivery, worker
from chat4all.router.carrier import Carrier, RetryPolicy
from chat4all.router.delivery import DeliveryWorker
from chat4all.router.failed_deliveries import FailedDeliveries
from chat4all.router.failover import Failover
from chat4all.router.gate import Gate
from chat4all.router.planner import Planner
from chat4all.router.windows import WindowGuard
from chat4all.router.worker import Router
from chat4all.services.directory_cache import DirectoryCache
from chat4all.services.last_channel import LastChannels
from chat4all.services.messages import Messages
from chat4all.services.notify import Notifier
from chat4all.services.people import People
from chat4all.services.records import encode_command
from chat4all.services.send_message import Limits, SendMessage
from chat4all.services.stored import StoredMessages
from chat4all.services.sync import Sync
from chat4all.services.watched_directory import WatchedDirectory
from chat4all.testing.faults import ReadableLog
from chat4all.testing.message_storage import FullStore
from chat4all.testing.paper import PAPER_ACCOUNT, PaperConnector

NO_LIMITS = Limits(sender_rate=1e9, sender_burst=1e9, conversation_rate=1e9, conversation_burst=1e9)
_LOOK_AGAIN = 0.001
"""Seconds between two looks at whether everything is done."""


class Pipeline:
    """What one process runs, except its edges. Enter it to start it; leaving it is a crash.

    Whatever lies in `log`, `store` and `directory` outlives it, so a second pipeline over
    the same engines is the process after a restart.
    """

    def __init__(
        self,
        log: ReadableLog,
        store: FullStore,
        directory: Directory,
        *,
        connector: PaperConnector | None = None,
        limits: Limits = NO_LIMITS,
        batch_size: int = 500,
    ) -> None:
        self.log, self.store = log, store
        self.ephemeral = MemoryEphemeral()
        cache = DirectoryCache(directory)
        self.directory = WatchedDirectory(directory, cache)
        people = self.people = People(self.directory, cache)
        self.notifier = Notifier(store, people.peek, people.conversation)
        self.stored_messages = StoredMessages(store, poll=0.05)
        self.sync = Sync(store, people, self.notifier)
        self.send = SendMessage(
            log, store, self.ephemeral, people.peek, people.conversation, limits=limits
        )
        self.messages = Messages(log, store, store, people)
        last = LastChannels(self.ephemeral.leases)
        self.connector = connector or PaperConnector()
        failover = Failover(self.directory.failovers, store, {"paper": self.connector.capabilities})
        planner = Planner(people, store, last, self.directory.routes, failover)
        self.router = Router(log, store, planner, self, batch_size=batch_size)
        policy = RetryPolicy(first=0.001, most=0.002)
        accounts = {PAPER_ACCOUNT: self.connector}
        gate = Gate(self.ephemeral.rates)
        windows = WindowGuard(self.directory.routes)
        failed = FailedDeliveries(groups=self.directory.group_chats)
        carrier = Carrier(log, store, accounts, gate, windows=windows, policy=policy, failed=failed)
        self.delivery = DeliveryWorker("paper", log, carrier)
        self.told = SyncCursor({})
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        accepted = await self.log.ends(COMMANDS)
        self._start(self.router.run)
        self._start(self.notifier.run)
        await self._until(self.router.caught_up.is_set)
        self.notifier.start_from(accepted)
        self._start(self.delivery.run)
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def happened(self, events: Sequence[Event], traces: Traces) -> None:
        """See `Observer.happened`."""
        for event in events:
            self.told = self.told.at(event.position)
        self.notifier.happened(events, traces)

    def stored(self, events: Sequence[Event]) -> None:
        """See `Observer.stored`."""
        self.stored_messages.stored(events)

    def done(self, positions: Collection[Position]) -> None:
        """See `Observer.done`."""
        self.notifier.done(positions)

    @property
    def failed(self) -> bool:
        """Say whether a part has ended, as after a crash that a test has arranged."""
        return any(task.done() for task in self._tasks)

    async def settle(self) -> None:
        """Wait until all that was accepted is stored, told and delivered, or a part failed."""
        await self._until(lambda: self.failed or self._is_idle())

    async def command(self, command: Command) -> None:
        """Append a command as a connector's inbound side would."""
        await self.log.append([Record(COMMANDS, command.conversation_id, encode_command(command))])

    def _is_idle(self) -> bool:
        waiting = self.log.backlog(COMMANDS, worker.GROUP)
        waiting += self.log.backlog(outbound("paper"), delivery.GROUP)
        told = all(
            self.notifier.cursor.offsets.get(partition, -1) >= offset
            for partition, offset in self.told.offsets.items()
        )
        return not waiting and told

    def _start(self, work: Callable[[], Awaitable[None]]) -> None:
        async def run() -> None:
            await work()

        self._tasks.append(asyncio.create_task(run()))

    async def _until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not true():
                for task in self._tasks:
                    if task.done() and not task.cancelled() and not self.router.caught_up.is_set():
                        task.result()
                await asyncio.sleep(_LOOK_AGAIN)


async def add_person(directory: Directory, name: str) -> UserId:
    """Keep somebody who signs in."""
    user = User(
        id=UserId(new_id()),
        kind=UserKind.PERSON,
        display_name=name.capitalize(),
        created_at=datetime.now(UTC),
        username=name,
    )
    await directory.users.add(user, secret_hash="none")  # noqa: S106 - nobody signs in with it
    return user.id


async def add_contact(
    directory: Directory, name: str, owner: UserId, *, address: str | None = None
) -> UserId:
    """Keep a contact, who with `address` is reached by the paper connector."""
    now = datetime.now(UTC)
    user = User(
        id=UserId(new_id()),
        kind=UserKind.CONTACT,
        display_name=name.capitalize(),
        created_at=now,
        owner_id=owner,
    )
    await directory.users.add(user)
    if address is not None:
        channel = Channel(
            id=ChannelId(new_id()),
            user_id=user.id,
            platform="paper",
            external_id=address,
            linked_at=now,
            account_id=PAPER_ACCOUNT,
        )
        await directory.channels.link(channel)
    return user.id


async def add_paper_account(directory: Directory, owner: UserId) -> None:
    """Keep the account of the paper connector."""
    now = datetime.now(UTC)
    await directory.accounts.put(
        Account(
            id=PAPER_ACCOUNT,
            platform="paper",
            name="Paper",
            owner_id=owner,
            config={},
            created_at=now,
            updated_at=now,
        )
    )


async def add_conversation(
    directory: Directory, *members: UserId, kind: ConversationType = ConversationType.GROUP
) -> ConversationId:
    """Keep a conversation; the first member owns it."""
    now = datetime.now(UTC)
    conversation = Conversation(
        id=ConversationId(new_id()),
        type=kind,
        created_by=members[0],
        created_at=now,
        members=tuple(
            Member(user_id=one, role=Role.MEMBER if place else Role.OWNER, joined_at=now)
            for place, one in enumerate(members)
        ),
    )
    return (await directory.conversations.create(conversation)).id
