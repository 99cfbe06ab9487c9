"""Sends a message from each channel to each other one, and measures until it is delivered."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

import structlog

from chat4all.domain.capabilities import Capabilities
from chat4all.domain.commands import SubmitMessage
from chat4all.domain.directory import (
    Channel,
    Conversation,
    ConversationType,
    Member,
    Role,
    User,
    UserKind,
)
from chat4all.domain.errors import ChannelTaken
from chat4all.domain.ids import ChannelId, ConversationId, MessageId, UserId, derived_id, new_id
from chat4all.domain.messages import APP
from chat4all.domain.payload import text
from chat4all.domain.status import Status, StatusEntry
from chat4all.ports.conversations import Channels, Conversations
from chat4all.ports.event_log import COMMANDS, EventLog, Record
from chat4all.ports.message_store import MessageHistory
from chat4all.ports.users import Users
from chat4all.services.clock import Clock, utc_now
from chat4all.services.records import encode_command

log = structlog.get_logger(__name__)

FIRST_SECONDS = 5.0
PATIENCE = 60.0
"""Seconds after which a message that has not arrived is late."""
LOOK_FIRST, LOOK_MOST = 0.05, 1.0

Outcome = Literal["delivered", "late", "failed"]


@dataclass(frozen=True, slots=True)
class CanaryAddress:
    """A chat of the operator's own on a platform."""

    platform: str
    external_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Flight:
    """One message from a channel to another; `seconds` from accepted to delivered."""

    source: str
    target: str
    outcome: Outcome
    seconds: float | None
    at: datetime


class CanaryMeter(Protocol):
    """Who measures."""

    def flown(self, source: str, target: str, outcome: str, seconds: float | None) -> None:
        """Count a message, and when it arrived how long it took."""
        ...


class Directory(Protocol):
    """Who there is."""

    @property
    def users(self) -> Users:
        """Return the people, contacts and services."""
        ...

    @property
    def channels(self) -> Channels:
        """Return who has which address."""
        ...

    @property
    def conversations(self) -> Conversations:
        """Return the conversations."""
        ...


@dataclass(frozen=True, slots=True)
class _Bird:
    """Somebody the messages come from or go to."""

    user: UserId
    platform: str


class Canary:
    """Keeps a group of the configured addresses, which nobody else is in, and writes in it.

    A message is accepted as if it had come in by its source: from there on it goes the way of
    every other, and by the target's platform. Where a platform tells no deliveries, sent is
    what is waited for.
    """

    def __init__(
        self,
        directory: Directory,
        event_log: EventLog,
        store: MessageHistory,
        meter: CanaryMeter,
        *,
        addresses: Sequence[CanaryAddress],
        capabilities: Mapping[str, Capabilities],
        every: float,
        now: Clock = utc_now,
    ) -> None:
        self._directory = directory
        self._log = event_log
        self._store = store
        self._meter = meter
        self._addresses = addresses
        self._capabilities = capabilities
        self._every = every
        self._now = now
        self._latest: dict[tuple[_Bird, _Bird], Flight] = {}

    @property
    def latest(self) -> Sequence[Flight]:
        """Return what became of the last message of each pair."""
        return list(self._latest.values())

    async def run(self) -> None:
        """Write every so often until cancelled."""
        await asyncio.sleep(FIRST_SECONDS)
        while True:
            await self.fly()
            await asyncio.sleep(self._every)

    async def fly(self) -> None:
        """Send one message for each pair and wait for what becomes of them."""
        flock = await self._flock()
        pairs = [(a, b) for a in flock for b in flock[1:] if a != b]
        talk = await self._talk(flock)
        waiting = await self._send(talk, pairs)
        loop = asyncio.get_running_loop()
        started, look = loop.time(), LOOK_FIRST
        while waiting and loop.time() - started < PATIENCE:
            await asyncio.sleep(look)
            look = min(look * 1.2, LOOK_MOST)
            passed = loop.time() - started
            entries = await self._store.statuses(waiting.keys())
            for message, pair in list(waiting.items()):
                outcome = self._outcome(pair[1], message, entries)
                if outcome is not None:
                    del waiting[message]
                    self._tell(pair, outcome, passed if outcome == "delivered" else None)
        for pair in waiting.values():
            self._tell(pair, "late", None)

    async def _send(
        self, talk: ConversationId, pairs: Sequence[tuple[_Bird, _Bird]]
    ) -> dict[MessageId, tuple[_Bird, _Bird]]:
        sent = {MessageId(new_id()): pair for pair in pairs}
        at = self._now()
        commands = [
            SubmitMessage(
                message_id=message,
                conversation_id=talk,
                sender=source.user,
                payload=text(f"canary {at:%H:%M:%S}"),
                accepted_at=at,
                digest=derived_id("canary", message),
                channel=source.platform,
                to=(target.user,),
                channels=(target.platform,),
            )
            for message, (source, target) in sent.items()
        ]
        await self._log.append([Record(COMMANDS, talk, encode_command(one)) for one in commands])
        return sent

    def _outcome(
        self, target: _Bird, message: MessageId, entries: Sequence[StatusEntry]
    ) -> Outcome | None:
        can = self._capabilities.get(target.platform)
        goal = Status.DELIVERED if can is None or can.delivery_receipts else Status.SENT
        statuses = [one.status for one in entries if one.message_id == message]
        if max(statuses, default=Status.FAILED) >= goal:
            return "delivered"
        return "failed" if statuses and statuses[-1] is Status.FAILED else None

    def _tell(self, pair: tuple[_Bird, _Bird], outcome: Outcome, seconds: float | None) -> None:
        source, target = pair[0].platform, pair[1].platform
        self._meter.flown(source, target, outcome, seconds)
        self._latest[pair] = Flight(
            source=source, target=target, outcome=outcome, seconds=seconds, at=self._now()
        )
        if outcome != "delivered":
            log.warning("canary has not arrived", source=source, target=target, outcome=outcome)

    async def _flock(self) -> list[_Bird]:
        """Return the service that owns the group, then who has each address; made when new."""
        owner = UserId(derived_id("canary"))
        if owner not in await self._directory.users.get_many([owner]):
            service = User(
                id=owner, kind=UserKind.SERVICE, display_name="Canary", created_at=self._now()
            )
            await self._directory.users.add(service)
        birds = [_Bird(owner, APP)]
        for address in self._addresses:
            try:
                birds.append(_Bird(await self._contact(owner, address), address.platform))
            except ChannelTaken:
                log.warning("canary left out: its address is somebody's", platform=address.platform)
        return birds

    async def _contact(self, owner: UserId, address: CanaryAddress) -> UserId:
        user = UserId(derived_id("canary", address.platform, address.external_id))
        if (await self._directory.channels.of_users([user])).get(user):
            return user
        if user not in await self._directory.users.get_many([user]):
            contact = User(
                id=user,
                kind=UserKind.CONTACT,
                display_name=f"Canary on {address.platform}",
                owner_id=owner,
                created_at=self._now(),
            )
            await self._directory.users.add(contact)
        await self._directory.channels.link(
            Channel(
                id=ChannelId(new_id()),
                user_id=user,
                platform=address.platform,
                external_id=address.external_id,
                linked_at=self._now(),
            )
        )
        return user

    async def _talk(self, flock: Sequence[_Bird]) -> ConversationId:
        """Return the group of exactly these."""
        talk = ConversationId(derived_id("canary", *(one.user for one in flock)))
        if await self._directory.conversations.get(talk) is None:
            owner, *others = flock
            roles = [(owner, Role.OWNER), *((one, Role.MEMBER) for one in others)]
            at = self._now()
            members = [Member(user_id=one.user, role=role, joined_at=at) for one, role in roles]
            await self._directory.conversations.create(
                Conversation(
                    id=talk,
                    type=ConversationType.GROUP,
                    created_by=owner.user,
                    created_at=at,
                    members=tuple(members),
                    name="Canary",
                )
            )
        return talk
