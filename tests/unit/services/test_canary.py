"""The canary, with a test that plays the router and the platforms."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from chat4all.adapters.memory.directory import MemoryDirectory
from chat4all.adapters.memory.event_log import MemoryEventLog
from chat4all.adapters.memory.message_store import MemoryMessageStore
from chat4all.domain.capabilities import Capabilities
from chat4all.domain.commands import SubmitMessage
from chat4all.domain.directory import Channel, User, UserKind
from chat4all.domain.events import Position
from chat4all.domain.ids import ChannelId, UserId, new_id
from chat4all.domain.payload import PayloadType
from chat4all.domain.status import Status, StatusEntry
from chat4all.ports.event_log import COMMANDS
from chat4all.ports.message_store import Effects
from chat4all.services.canary import Canary, CanaryAddress
from chat4all.services.records import decode_command

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TEXT = frozenset({PayloadType.TEXT})
CAPABILITIES = {
    "mock": Capabilities(payloads=TEXT, max_text=4096, delivery_receipts=True),
    "sms": Capabilities(payloads=TEXT, max_text=160, delivery_receipts=False),
}


class Measured:
    def __init__(self) -> None:
        self.flights: list[tuple[str, str, str, bool]] = []

    def flown(self, source: str, target: str, outcome: str, seconds: float | None) -> None:
        self.flights.append((source, target, outcome, seconds is not None))


class Cage:
    """A canary, and who answers it."""

    def __init__(self, *addresses: str) -> None:
        self.directory = MemoryDirectory()
        self.log = MemoryEventLog()
        self.store = MemoryMessageStore()
        self.measured = Measured()
        pairs = [one.partition(":") for one in addresses]
        self.canary = Canary(
            self.directory,
            self.log,
            self.store,
            self.measured,
            addresses=[CanaryAddress(platform, address) for platform, _, address in pairs],
            capabilities=CAPABILITIES,
            every=1.0,
            now=lambda: NOW,
        )

    async def fly(self, becomes: Callable[[SubmitMessage], Status]) -> list[SubmitMessage]:
        """Let it fly; each message becomes what `becomes` says. Return what was sent."""
        ends = {one.partition: one.offset for one in await self.log.ends(COMMANDS)}
        flying = asyncio.ensure_future(self.canary.fly())
        while not (found := await self.log.read(COMMANDS, after=_after(ends), limit=100)):
            await asyncio.sleep(0)
            if flying.done():
                break
        sent = [decode_command(one.value) for one in found]
        messages = [one for one in sent if isinstance(one, SubmitMessage)]
        await self.store.apply(
            Effects(
                statuses=[
                    StatusEntry(
                        message_id=one.message_id,
                        conversation_id=one.conversation_id,
                        user_id=(one.to or ())[0],
                        channel=one.channels[0],
                        status=becomes(one),
                        at=NOW,
                    )
                    for one in messages
                ]
            )
        )
        await flying
        return messages


def _after(ends: dict[int, int]) -> Position:
    return Position(0, ends.get(0, -1))


async def test_a_message_goes_from_each_channel_to_each_other_one() -> None:
    cage = Cage("mock:a", "sms:b")
    told = {"mock": Status.DELIVERED, "sms": Status.SENT}
    sent = await cage.fly(lambda one: told[one.channels[0]])
    pairs = [("app", "mock"), ("app", "sms"), ("mock", "sms"), ("sms", "mock")]
    assert sorted((one.channel, one.channels[0]) for one in sent) == pairs
    assert sorted(cage.measured.flights) == [(*pair, "delivered", True) for pair in pairs]
    assert len({one.conversation_id for one in sent}) == 1
    again = await cage.fly(lambda _: Status.READ)
    assert {one.conversation_id for one in again} == {sent[0].conversation_id}
    assert {one.sender for one in again} == {one.sender for one in sent}
    group = await cage.directory.conversations.get(sent[0].conversation_id)
    assert group is not None
    assert {one.user_id for one in group.members} == {one.sender for one in sent}


async def test_what_a_platform_refuses_is_told_as_failed() -> None:
    cage = Cage("mock:a")
    await cage.fly(lambda _: Status.FAILED)
    assert cage.measured.flights == [("app", "mock", "failed", False)]
    assert [one.outcome for one in cage.canary.latest] == ["failed"]


async def test_an_address_that_is_somebodys_is_left_alone() -> None:
    cage = Cage("mock:a", "mock:b")
    rita = UserId(new_id())
    await cage.directory.users.add(
        User(id=rita, kind=UserKind.CONTACT, display_name="Rita", created_at=NOW)
    )
    channel = Channel(
        id=ChannelId(new_id()), user_id=rita, platform="mock", external_id="a", linked_at=NOW
    )
    await cage.directory.channels.link(channel)
    for _ in range(2):
        sent = await cage.fly(lambda _: Status.DELIVERED)
        assert len(sent) == 1
        assert rita not in (sent[0].to or ())
