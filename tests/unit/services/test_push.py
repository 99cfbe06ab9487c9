"""Who is away is told of new messages on their devices, once, and of nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from chat4all.adapters.memory.push import TAKEN, MemoryPushSender
from chat4all.domain.commands import SubmitMessage
from chat4all.domain.events import Position
from chat4all.domain.ids import ConversationId, MessageId, UserId, new_id
from chat4all.domain.payload import Payload, PayloadType
from chat4all.domain.push import (
    PushPreferences,
    PushSubscription,
    QuietHours,
    subscription_id,
)
from chat4all.ports.event_log import EVENTS
from chat4all.ports.push import Push, PushOutcome, PushResult
from chat4all.services.push_courier import PushCourier, PushLimits
from chat4all.services.push_devices import PushDevices
from chat4all.services.push_feed import GROUP, PushFeed
from chat4all.services.push_news import PushNews
from chat4all.testing.pipeline import Pipeline
from chat4all.testing.virtual_time import run_in_virtual_time
from tests.unit.services.conftest import Town

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = PushOutcome(result=PushResult.LATER)
GONE = PushOutcome(result=PushResult.GONE)
REFUSED = PushOutcome(result=PushResult.REFUSED)
HOUR, DAY = 3_600.0, 86_400.0


class Sender(MemoryPushSender):
    """Has a push service that does not answer for the devices of those who are `slow`."""

    def __init__(self, answers: Callable[[PushSubscription, Push], PushOutcome]) -> None:
        super().__init__(answers)
        self.slow: set[UserId] = set()
        self.asked = asyncio.Event()

    async def send(self, subscription: PushSubscription, push: Push) -> PushOutcome:
        self.asked.set()
        if subscription.user_id in self.slow:
            await asyncio.sleep(DAY)
        return await super().send(subscription, push)


class Post:
    """A town with devices, a push service, and a clock that shows the virtual time."""

    def __init__(self, town: Town, process: Pipeline) -> None:
        self.town = town
        self.process = process
        self.here: set[UserId] = set()
        self.answer = TAKEN
        self.sender = Sender(lambda *_: self.answer)
        self.devices = PushDevices(
            process.directory.push_subscriptions, self.sender, public_key="a key", now=self.now
        )

    def now(self) -> datetime:
        return START + timedelta(seconds=asyncio.get_running_loop().time())

    async def device(self, user: UserId, name: str = "phone", **wishes: Any) -> PushSubscription:
        return await self.devices.register(
            user,
            endpoint=f"https://push.example/{user}/{name}",
            keys={"auth": "a secret"},
            preferences=PushPreferences(**wishes),
        )

    async def _connected(self, users: Collection[UserId]) -> Collection[UserId]:
        return self.here & set(users)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Feed and push until the block ends, which is a crash."""
        process = self.process
        news = PushNews(process.people, process.store, self._connected)
        courier = PushCourier(
            process.directory,
            news,
            self.sender,
            limits=PushLimits(look=30.0),
            now=self.now,
            jitter=lambda: 0.5,
        )
        feed = PushFeed(
            process.log,
            process.directory,
            process.people,
            self._connected,
            now=self.now,
            kept=courier.wake,
        )
        tasks = [asyncio.create_task(one.run()) for one in (feed, courier)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def say(self, words: str, *, by: UserId | None = None, **fields: Any) -> MessageId:
        """Say something in the group, and wait until it was looked at."""
        draft = self.town.draft(words, **fields)
        assert draft.message_id is not None
        await self.process.send(by or self.town.ana, draft)
        await self.process.settle()
        while self.process.log.backlog(EVENTS, GROUP):  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)
        await asyncio.sleep(1)
        return draft.message_id

    @property
    def told(self) -> list[tuple[UserId, dict[str, Any]]]:
        """Return whom was told what, in order."""
        return [
            (
                device.user_id,
                {**push.data, "title": push.title, "body": push.text, "unread": push.unread},
            )
            for device, push in self.sender.taken
        ]

    @property
    def bodies(self) -> list[str]:
        """Return the texts that were shown, in order."""
        return [said["body"] for _, said in self.told]


def play(scene: Callable[[Post], Coroutine[Any, Any, None]]) -> None:
    """Play a scene in virtual time."""

    async def main() -> None:
        town = Town()
        await town.populate()
        async with town.running() as process:
            await scene(Post(town, process))

    run_in_virtual_time(main())


def test_who_is_away_is_told_who_wrote_what_and_how_much_is_unread() -> None:
    async def scene(post: Post) -> None:
        town = post.town
        for user in (town.ana, town.bia, town.eve):
            await post.device(user)
        async with post.running():
            first = await post.say("lunch?")
            await post.say("or later?")
        assert [user for user, _ in post.told] == [town.bia, town.bia]
        said = post.told[0][1]
        assert datetime.fromisoformat(said.pop("at")).tzinfo is not None
        assert said == {
            "kind": "message",
            "conversation_id": town.group,
            "message_id": first,
            "seq": 1,
            "title": "Ana",
            "body": "lunch?",
            "unread": 1,
        }
        assert post.told[1][1]["unread"] == 2
        assert len({push.topic for _, push in post.sender.taken}) == 1

    play(scene)


def test_nobody_is_told_of_a_message_for_others() -> None:
    async def scene(post: Post) -> None:
        for user in (post.town.bia, post.town.caio):
            await post.device(user)
        async with post.running():
            await post.say("for bia alone", to=[post.town.bia])
        assert [user for user, _ in post.told] == [post.town.bia]

    play(scene)


def test_who_is_connected_gets_no_push_then_or_later() -> None:
    async def scene(post: Post) -> None:
        await post.device(post.town.bia)
        post.here.add(post.town.bia)
        async with post.running():
            await post.say("lunch?")
            await asyncio.sleep(DAY / 2)
            post.here.clear()
            await asyncio.sleep(DAY / 2)
        assert post.told == []

    play(scene)


def test_who_seemed_connected_and_was_not_is_told_within_two_minutes() -> None:
    async def scene(post: Post) -> None:
        await post.device(post.town.bia)
        post.here.add(post.town.bia)
        async with post.running():
            await post.say("lunch?")
            post.here.clear()
            await asyncio.sleep(120)
            assert post.bodies == ["lunch?"]

    play(scene)


def test_what_a_client_had_before_its_connection_ended_is_not_pushed() -> None:
    async def scene(post: Post) -> None:
        town = post.town
        await post.device(town.bia)
        post.here.add(town.bia)
        async with post.running():
            await post.say("lunch?")
            await post.process.messages.mark(town.bia, town.group, delivered=1, read=0)
            await post.process.settle()
            post.here.clear()
            await asyncio.sleep(DAY)
        assert post.told == []

    play(scene)


def test_a_device_that_is_gone_is_asked_once() -> None:
    async def scene(post: Post) -> None:
        device = await post.device(post.town.bia)
        await post.device(post.town.bia, "laptop")
        post.answer = GONE
        async with post.running():
            await post.say("lunch?")
            post.answer = TAKEN
            await post.say("anybody?")
        assert len(post.sender.tries) == 2
        assert await post.process.directory.push_subscriptions.get(device.id) is None
        assert await post.devices.list(post.town.bia) == []

    play(scene)


def test_a_device_that_came_back_since_it_was_gone_is_told_later() -> None:
    async def scene(post: Post) -> None:
        device = await post.device(post.town.bia)
        post.answer = replace(GONE, gone_since=START - timedelta(seconds=1))
        async with post.running():
            await post.say("lunch?")
            post.answer = TAKEN
            await asyncio.sleep(HOUR)
        assert post.bodies == ["lunch?"]
        assert await post.process.directory.push_subscriptions.get(device.id) is not None

    play(scene)


def test_a_busy_push_service_is_left_alone_as_long_as_it_asks_and_then_gets_the_newest() -> None:
    async def scene(post: Post) -> None:
        await post.device(post.town.bia)
        post.answer = replace(LATER, retry_after=2 * HOUR)
        async with post.running():
            for number in range(5):
                await post.say(str(number))
            await asyncio.sleep(HOUR)
            assert len(post.sender.tries) == 1
            post.answer = TAKEN
            await asyncio.sleep(HOUR)
        assert post.bodies == ["4"]

    play(scene)


def test_a_push_service_that_fails_is_tried_ever_less_and_for_a_day() -> None:
    async def scene(post: Post) -> None:
        await post.device(post.town.bia)
        post.answer = LATER
        async with post.running():
            await post.say("lunch?")
            await asyncio.sleep(DAY)
            tries = len(post.sender.tries)
            assert 10 < tries < 40
            post.answer = TAKEN
            await asyncio.sleep(DAY)
        assert len(post.sender.tries) == tries
        assert await post.process.directory.push_notices.due(post.now(), limit=9) == []

    play(scene)


def test_what_is_refused_is_not_tried_again_and_the_device_stays() -> None:
    async def scene(post: Post) -> None:
        await post.device(post.town.bia)
        post.answer = REFUSED
        async with post.running():
            await post.say("lunch?")
            await asyncio.sleep(DAY)
            assert len(post.sender.tries) == 1
            post.answer = TAKEN
            await post.say("dinner?")
        assert post.bodies == ["dinner?"]

    play(scene)


def test_in_quiet_hours_nothing_is_pushed_and_at_their_end_the_newest() -> None:
    async def scene(post: Post) -> None:
        quiet = QuietHours(start=time(13), end=time(7, 30), zone="Europe/Berlin")
        await post.device(post.town.bia, quiet=quiet)
        await post.device(post.town.caio)
        async with post.running():  # 13:00 in Berlin
            await post.say("lunch?")
            await post.say("dinner?")
            await asyncio.sleep(18 * HOUR)
            assert [user for user, _ in post.told] == [post.town.caio] * 2
            await asyncio.sleep(HOUR)
        assert [(user, said["body"]) for user, said in post.told[2:]] == [
            (post.town.bia, "dinner?")
        ]

    play(scene)


def test_a_device_is_told_of_the_conversations_that_it_wants() -> None:
    async def scene(post: Post) -> None:
        town = post.town
        elsewhere = ConversationId(new_id())
        await post.device(town.bia, "muted", muted=(town.group,))
        await post.device(town.bia, "elsewhere", only=(elsewhere,))
        wants = await post.device(town.bia, "wants", only=(town.group,), muted=(elsewhere,))
        async with post.running():
            await post.say("lunch?")
        assert [device.id for device, _ in post.sender.taken] == [wants.id]

    play(scene)


def test_a_conversation_that_is_muted_while_a_push_waits_is_not_pushed() -> None:
    async def scene(post: Post) -> None:
        town = post.town
        device = await post.device(town.bia)
        post.answer = LATER
        async with post.running():
            await post.say("lunch?")
            post.answer = TAKEN
            wishes = PushPreferences(muted=(town.group,))
            await post.devices.change(town.bia, device.id, preferences=wishes)
            await asyncio.sleep(DAY)
        assert post.told == []

    play(scene)


def test_a_discreet_device_shows_neither_who_nor_what() -> None:
    async def scene(post: Post) -> None:
        await post.device(post.town.bia, show_content=False)
        async with post.running():
            await post.say("lunch?")
        [(_, push)] = post.sender.taken
        assert (push.title, push.text) == ("Chat4All", "New message")
        assert post.told[0][1]["conversation_id"] == post.town.group

    play(scene)


async def _delete(post: Post, message: MessageId) -> None:
    await post.process.messages.delete(post.town.ana, message, for_everyone=True)


async def _hide(post: Post, message: MessageId) -> None:
    await post.process.messages.delete(post.town.bia, message, for_everyone=False)


async def _leave(post: Post, message: MessageId) -> None:
    del message
    await post.process.directory.members.remove(post.town.group, post.town.bia)


async def _pass_on(post: Post, message: MessageId) -> None:
    del message
    [device] = await post.devices.list(post.town.bia)
    await post.devices.register(post.town.eve, endpoint=device.endpoint, keys=device.keys)


@pytest.mark.parametrize("what", [_delete, _hide, _leave, _pass_on])
def test_what_may_not_be_read_any_more_when_its_push_goes_out_is_not_pushed(
    what: Callable[[Post, MessageId], Awaitable[None]],
) -> None:
    async def scene(post: Post) -> None:
        await post.device(post.town.bia)
        post.answer = LATER
        async with post.running():
            message = await post.say("oops")
            assert len(post.sender.tries) == 1
            post.answer = TAKEN
            await what(post, message)
            await post.process.settle()
            await asyncio.sleep(HOUR)
        assert post.told == []

    play(scene)


def test_history_that_is_brought_in_is_pushed_to_nobody() -> None:
    async def scene(post: Post) -> None:
        town = post.town
        await post.device(town.bia)
        old = SubmitMessage(
            message_id=MessageId(new_id()),
            conversation_id=town.group,
            sender=town.ana,
            channel="import",
            payload=Payload(type=PayloadType.TEXT, text="long ago"),
            accepted_at=START,
            digest="old",
            history=True,
        )
        async with post.running():
            await post.process.command(old)
            await post.say("now")
        assert post.bodies == ["now"]

    play(scene)


def test_a_feed_that_died_before_its_commit_loses_nothing_and_repeats_one_notification() -> None:
    async def scene(post: Post) -> None:
        await post.device(post.town.bia)
        died = asyncio.Event()

        def refuse(stream: str, _position: Position) -> None:
            if stream == EVENTS:
                died.set()
                raise RuntimeError("killed")

        post.town.faults.on_commit = refuse
        await post.process.send(post.town.ana, post.town.draft("lunch?"))
        await post.process.settle()
        async with post.running():
            await died.wait()
        post.town.faults.none()
        async with post.running():
            await post.say("dinner?")
        assert set(post.bodies) == {"lunch?", "dinner?"}
        assert post.bodies[-1] == "dinner?"
        assert len({push.topic for _, push in post.sender.taken}) == 1

    play(scene)


def test_a_push_under_way_in_a_crash_is_made_again() -> None:
    async def scene(post: Post) -> None:
        await post.device(post.town.bia)
        post.sender.slow.add(post.town.bia)
        async with post.running():
            await post.process.send(post.town.ana, post.town.draft("lunch?"))
            await post.sender.asked.wait()
        post.sender.slow.clear()
        async with post.running():
            await asyncio.sleep(60)
        assert post.bodies == ["lunch?"]

    play(scene)


def test_a_device_that_does_not_answer_slows_nobody_else() -> None:
    async def scene(post: Post) -> None:
        town = post.town
        for number in range(10):
            await post.device(town.bia, str(number))
        await post.device(town.caio)
        post.sender.slow.add(town.bia)
        async with post.running():
            for number in range(3):
                await post.say(str(number))
        assert post.bodies == ["0", "1", "2"]

    play(scene)


@pytest.mark.parametrize(
    ("payload", "body"),
    [
        (Payload(type=PayloadType.TEXT, text=" two\n lines "), "two lines"),
        (Payload(type=PayloadType.TEXT, text="é" * 16_000), "é" * 299 + "…"),
        (Payload(type=PayloadType.TEXT, text="\0🙂" * 8_000), None),
        (Payload(type=PayloadType.LOCATION, latitude=1.0, longitude=2.0), "Location"),
        (Payload(type=PayloadType.CONTACT, name="Davi"), "Contact: Davi"),
    ],
)
def test_every_message_fits_into_a_push(payload: Payload, body: str | None) -> None:
    async def scene(post: Post) -> None:
        await post.device(post.town.bia)
        async with post.running():
            await post.say("", payload=payload)
        [(_, push)] = post.sender.taken
        assert len(push.title) <= 100
        assert len(push.text) <= 300
        assert body is None or post.bodies == [body]

    play(scene)


@pytest.mark.parametrize(
    ("now", "end"),
    [
        ("2026-03-01T21:29:59+00:00", None),
        ("2026-03-01T21:30:00+00:00", "2026-03-02T06:00:00+00:00"),
        ("2026-03-02T05:59:59+00:00", "2026-03-02T06:00:00+00:00"),
        ("2026-03-02T06:00:00+00:00", None),
        # The clock springs forward in this night, and falls back in the other.
        ("2026-03-28T23:00:00+00:00", "2026-03-29T05:00:00+00:00"),
        ("2026-10-24T23:00:00+00:00", "2026-10-25T06:00:00+00:00"),
    ],
)
def test_quiet_hours_follow_the_clock_of_their_zone(now: str, end: str | None) -> None:
    quiet = QuietHours(start=time(22, 30), end=time(7), zone="Europe/Berlin")
    found = quiet.end_after(datetime.fromisoformat(now))
    assert found == (None if end is None else datetime.fromisoformat(end))


def test_one_device_has_one_id_whoever_uses_it() -> None:
    assert subscription_id("https://a.example/1") == subscription_id("https://a.example/1")
    assert subscription_id("https://a.example/1") != subscription_id("https://a.example/2")
