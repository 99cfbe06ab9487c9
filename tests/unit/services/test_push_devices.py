"""Devices of every kind: whose they are, when they are forgotten, and who sends to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chat4all.adapters.memory.directory import MemoryDirectory
from chat4all.adapters.memory.push import TAKEN, MemoryPushSender
from chat4all.domain.errors import InvalidInput
from chat4all.domain.ids import UserId
from chat4all.domain.push import PushKind, PushSubscription, fitting, subscription_id
from chat4all.ports.push import Push, PushOutcome, PushResult
from chat4all.services.push_devices import PushDevices
from chat4all.services.push_senders import PushSenders
from chat4all.testing.push_sender import HELLO

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANA, BIA = UserId("ana"), UserId("bia")


class Desk:
    """Registers phones, by a clock that is set."""

    def __init__(self) -> None:
        self.minute = 0.0
        self.sender = MemoryPushSender()
        self.subscriptions = MemoryDirectory().push_subscriptions
        self.devices = PushDevices(
            self.subscriptions, self.sender, public_key="a key", now=self.now
        )

    def now(self) -> datetime:
        return START + timedelta(minutes=self.minute)

    async def phone(self, user: UserId = ANA) -> PushSubscription:
        return await self.devices.register(
            user, kind=PushKind.APNS, endpoint="abc", keys={"topic": "org.example"}
        )

    def says(self, outcome: PushOutcome) -> None:
        self.sender.answers = lambda *_: outcome


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def tried(desk: Desk, *, gone_at: float | None) -> PushResult:
    """Push to the phone, which has been gone since a minute; return what is made of it."""
    since = None if gone_at is None else START + timedelta(minutes=gone_at)
    desk.says(PushOutcome(result=PushResult.GONE, gone_since=since))
    [device] = await desk.devices.list(ANA)
    return (await desk.devices.test(ANA, device.id)).result


@pytest.mark.parametrize(
    ("gone_at", "result"),
    [(None, PushResult.GONE), (6, PushResult.GONE), (4, PushResult.LATER)],
)
async def test_a_phone_that_was_registered_anew_since_it_left_stays(
    desk: Desk, gone_at: float | None, result: PushResult
) -> None:
    await desk.phone()
    desk.minute = 5
    await desk.phone()
    desk.minute = 9
    assert await tried(desk, gone_at=gone_at) is result
    assert len(await desk.devices.list(ANA)) == (0 if result is PushResult.GONE else 1)


async def test_what_is_changed_elsewhere_is_no_sign_of_life_of_the_phone(desk: Desk) -> None:
    device = await desk.phone()
    desk.minute = 5
    changed = await desk.devices.change(ANA, device.id, device="Old phone")
    assert changed.registered_at == START
    assert await tried(desk, gone_at=4) is PushResult.GONE
    assert await desk.devices.list(ANA) == []


async def test_a_phone_that_is_registered_while_a_push_is_on_its_way_stays(desk: Desk) -> None:
    class Slow(MemoryPushSender):
        async def send(self, subscription: PushSubscription, push: Push) -> PushOutcome:
            desk.minute = 1
            await desk.phone(BIA)
            return PushOutcome(result=PushResult.GONE)

    device = await desk.phone()
    devices = PushDevices(desk.subscriptions, Slow(), public_key="a key", now=desk.now)
    assert (await devices.test(ANA, device.id)).result is PushResult.LATER
    [kept] = await desk.devices.list(BIA)
    assert kept.id == device.id


async def test_a_token_is_of_the_user_who_registered_it_last(desk: Desk) -> None:
    device = await desk.phone()
    taken = await desk.phone(BIA)
    assert (taken.id, taken.user_id) == (device.id, BIA)
    assert await desk.devices.list(ANA) == []


def test_the_same_text_is_another_device_of_another_kind() -> None:
    names = {subscription_id("abc", kind) for kind in PushKind}
    assert len(names) == len(PushKind)
    assert subscription_id("abc") == subscription_id("abc", PushKind.WEB)


async def test_each_device_is_left_to_the_sender_of_its_kind(desk: Desk) -> None:
    phones, browsers = MemoryPushSender(), MemoryPushSender()
    senders = PushSenders({PushKind.APNS: phones, PushKind.WEB: browsers})
    phone = await desk.phone()
    for kind in (PushKind.APNS, PushKind.WEB):
        await senders.check(replace(phone, kind=kind))
        assert await senders.send(replace(phone, kind=kind), HELLO) == TAKEN
    assert [device.kind for device, _ in phones.taken] == [PushKind.APNS]
    assert [device.kind for device, _ in browsers.taken] == [PushKind.WEB]


async def test_a_kind_that_is_not_set_up_is_refused_and_what_waits_for_it_may_wait(
    desk: Desk,
) -> None:
    senders = PushSenders({PushKind.WEB: desk.sender})
    phone = await desk.phone()
    with pytest.raises(InvalidInput, match="not set up to push to devices of the kind apns"):
        await senders.check(phone)
    assert (await senders.send(phone, HELLO)).result is PushResult.LATER
    assert desk.sender.tries == []


@pytest.mark.parametrize(
    ("most", "result"),
    [(9, "abcdef"), (6, "abcdef"), (5, "ab…"), (4, "a…"), (3, "…"), (1, "…")],
)
@pytest.mark.parametrize("written", [str.encode])
def test_a_text_is_cut_as_little_as_it_takes(
    most: int, result: str, written: Callable[[str], bytes]
) -> None:
    assert fitting("abcdef", most, written).decode() == result
