"""When one channel does not bring a message, the next one of the sender's list does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chat4all.adapters.memory.directory import MemoryDirectory
from chat4all.adapters.memory.ephemeral import MemoryEphemeral
from chat4all.adapters.memory.event_log import MemoryEventLog
from chat4all.adapters.memory.message_store import MemoryMessageStore
from chat4all.domain.commands import AdvanceCursor, ReportStatus, SubmitMessage
from chat4all.domain.directory import Account, Channel
from chat4all.domain.errors import ChannelError
from chat4all.domain.failover import Deadlines
from chat4all.domain.ids import AccountId, ChannelId, ConversationId, MessageId, UserId, new_id
from chat4all.domain.outgoing import Outgoing
from chat4all.domain.payload import text
from chat4all.domain.status import Failure, Status, StatusEntry
from chat4all.ports.event_log import COMMANDS, Record
from chat4all.router.carrier import Carrier, RetryPolicy
from chat4all.router.deadlines import DeadlineWatch
from chat4all.router.delivery import DeliveryWorker
from chat4all.router.failover import DELIVER_WITHIN, Failover
from chat4all.router.gate import Gate
from chat4all.router.planner import Planner
from chat4all.router.windows import WindowGuard
from chat4all.router.worker import Router
from chat4all.services.directory_cache import DirectoryCache
from chat4all.services.last_channel import LastChannels
from chat4all.services.people import People
from chat4all.services.records import encode_command
from chat4all.testing.paper import PaperConnector
from chat4all.testing.pipeline import add_contact, add_conversation, add_person
from chat4all.testing.virtual_time import run_in_virtual_time
from tests.unit.router.post_office import START, clock

RECEIPTS = replace(PaperConnector.capabilities, delivery_receipts=True, read_receipts=True)
CAPABILITIES = {
    "red": RECEIPTS,
    "blue": replace(RECEIPTS, delivery_receipts=False, read_receipts=False),
    "green": RECEIPTS,
    "windowed": replace(RECEIPTS, session_window=timedelta(hours=24)),
}


class Sender(PaperConnector):
    """One account; `trouble` is asked before each send."""

    def __init__(self, channel: str) -> None:
        super().__init__()
        self.capabilities = CAPABILITIES[channel]  # type: ignore[misc] # one class for all
        self.trouble: Callable[[], None] = lambda: None
        self.before_send = self._ask

    async def _ask(self, message: Outgoing) -> None:
        del message
        self.trouble()

    def refuse(self) -> None:
        self.trouble = self._blocked

    def _blocked(self) -> None:
        raise ChannelError("blocked", retry=False, reason="blocked")

    def go_down(self) -> None:
        self.trouble = self._down

    def _down(self) -> None:
        raise ChannelError("down", retry=True, reason="network")

    def recover(self) -> None:
        self.trouble = lambda: None


class Town:
    """Ana, her contact Davi on every channel, and all that outlives a restart."""

    def __init__(self) -> None:
        self.directory = MemoryDirectory()
        self.store = MemoryMessageStore()
        self.log = MemoryEventLog()
        self.accounts = {AccountId(name): Sender(name) for name in CAPABILITIES}
        self.ana = self.davi = UserId("")
        self.talk = ConversationId("")
        self.last_sent = MessageId("")

    def __getitem__(self, name: str) -> Sender:
        return self.accounts[AccountId(name)]

    async def populate(self, *, person: bool = False) -> None:
        self.ana = await add_person(self.directory, "ana")
        self.davi = await (
            add_person(self.directory, "davi")
            if person
            else add_contact(self.directory, "davi", self.ana)
        )
        for name in CAPABILITIES:
            await self.add_account(name)
            channel = Channel(
                id=ChannelId(new_id()),
                user_id=self.davi,
                platform=name,
                external_id="davi",
                linked_at=START,
            )
            await self.directory.channels.link(channel)
        self.talk = await add_conversation(self.directory, self.ana, self.davi)

    async def add_account(self, name: str) -> None:
        account = Account(
            id=AccountId(name),
            platform=name,
            name=name,
            owner_id=self.ana,
            config={},
            created_at=START,
            updated_at=START,
        )
        await self.directory.accounts.put(account)

    @asynccontextmanager
    async def awake(self) -> AsyncIterator[None]:
        """Run one process; leaving it is a crash."""
        people = People(self.directory, DirectoryCache(self.directory))
        failover = Failover(self.directory.failovers, self.store, CAPABILITIES, clock=clock)
        last = LastChannels(MemoryEphemeral().leases)
        routes = self.directory.routes
        planner = Planner(people, self.store, last, routes, failover)
        policy = RetryPolicy(first=1.0, most=2.0, attempts=100_000)
        carrier = Carrier(
            self.log,
            self.store,
            self.accounts,
            Gate(),
            windows=WindowGuard(routes),
            policy=policy,
            clock=clock,
        )
        watch = DeadlineWatch(self.directory.failovers, failover, self.log, clock=clock)
        work: list[Coroutine[Any, Any, None]] = [
            Router(self.log, self.store, planner, self).run(),
            watch.run(),
            *(DeliveryWorker(name, self.log, carrier).run() for name in CAPABILITIES),
        ]
        tasks = [asyncio.create_task(one) for one in work]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(one, asyncio.CancelledError) for one in ended), ended

    def happened(self, events: object, traces: object) -> None:
        """See `Observer.happened`."""

    def stored(self, events: object) -> None:
        """See `Observer.stored`."""

    def done(self, positions: object) -> None:
        """See `Observer.done`."""

    async def send(
        self, *channels: str, gateway_is_off: timedelta = timedelta(), **deadlines: float
    ) -> None:
        self.last_sent = MessageId(new_id())
        await self.append(
            SubmitMessage(
                message_id=self.last_sent,
                conversation_id=self.talk,
                sender=self.ana,
                payload=text("hello"),
                accepted_at=clock() + gateway_is_off,
                digest=self.last_sent,
                channels=channels,
                failover=Deadlines(**deadlines) if deadlines else None,
            )
        )
        await asyncio.sleep(0.1)

    async def hear(self, channel: str, status: Status) -> None:
        """Take a receipt from the platform."""
        sent = (entry for entry in await self.history() if entry.external_id)
        entry = next(one for one in sent if one.channel == channel)
        error = Failure(code="undeliverable", text="") if status is Status.FAILED else None
        reported = replace(entry, status=status, at=clock(), note=None, error=error)
        await self.append(ReportStatus(conversation_id=self.talk, entry=reported))
        await asyncio.sleep(0.1)

    async def read_in_app(self) -> None:
        await self.append(
            AdvanceCursor(
                conversation_id=self.talk,
                user_id=self.davi,
                delivered_seq=1,
                read_seq=1,
                at=clock(),
            )
        )

    async def append(self, command: SubmitMessage | ReportStatus | AdvanceCursor) -> None:
        await self.log.append([Record(COMMANDS, self.talk, encode_command(command))])

    async def history(self) -> list[StatusEntry]:
        return list(await self.store.statuses([self.last_sent]))

    async def story(self) -> list[tuple[str, str, str | None]]:
        """Return channel, status, and why it failed or was begun."""
        return [
            (one.channel, one.status.word, one.error.code if one.error else one.note)
            for one in await self.history()
        ]

    def sent(self) -> dict[str, int]:
        return {name: len(one.sent) for name, one in self.accounts.items() if one.sent}


def in_town(story: Callable[[Town], Coroutine[Any, Any, None]], *, person: bool = False) -> None:
    async def main() -> None:
        town = Town()
        await town.populate(person=person)
        async with town.awake():
            await story(town)

    run_in_virtual_time(main())


def test_after_a_refusal_the_next_channel_is_tried_and_the_history_says_why() -> None:
    async def story(town: Town) -> None:
        town["red"].refuse()
        await town.send("red", "blue", "green")
        assert await town.story() == [
            ("red", "failed", "blocked"),
            ("blue", "accepted", "instead of red: blocked"),
            ("blue", "sent", None),
        ]
        assert town.sent() == {"blue": 1}
        [kept] = await town.store.page(town.talk, viewer=town.ana, limit=10)
        assert kept.message_id == town.last_sent, "the sender sees one message"

    in_town(story)


def test_when_the_last_channel_fails_the_message_has_failed() -> None:
    async def story(town: Town) -> None:
        town["red"].refuse()
        town["blue"].refuse()
        await town.send("red", "blue")
        assert [status for _, status, _ in await town.story()] == ["failed", "accepted", "failed"]

    in_town(story)


def test_a_channel_without_an_account_is_passed_over() -> None:
    async def story(town: Town) -> None:
        await town.directory.accounts.remove(AccountId("red"))
        await town.send("red", "blue")
        assert ("red", "failed", "no_account") in await town.story()
        assert town.sent() == {"blue": 1}

    in_town(story)


def test_a_closed_session_window_is_refused_before_sending_and_the_next_channel_tried() -> None:
    async def story(town: Town) -> None:
        await town.send("windowed", "blue")
        assert (await town.story())[0] == ("windowed", "failed", "session_window_closed")
        assert town.sent() == {"blue": 1}
        await town.directory.routes.heard("windowed", AccountId("windowed"), "davi", clock())
        await town.send("windowed", "blue")
        assert town.sent() == {"blue": 1, "windowed": 1}
        await asyncio.sleep(24 * 3_600)
        await town.send("windowed", "blue")
        assert town.sent() == {"blue": 3, "windowed": 1}, "the deadline of the second, the third"

    in_town(story)


def test_what_is_sent_and_not_delivered_in_time_goes_by_the_next_channel_too() -> None:
    async def story(town: Town) -> None:
        await town.send("red", "blue", deliver_within=60)
        await asyncio.sleep(58)
        assert town.sent() == {"red": 1}
        await asyncio.sleep(4)
        assert town.sent() == {"red": 1, "blue": 1}
        assert await town.story() == [
            ("red", "sent", None),
            ("blue", "accepted", "instead of red: not delivered within 60 s"),
            ("blue", "sent", None),
        ]
        await town.hear("red", Status.DELIVERED)
        assert (await town.story())[-1] == ("red", "delivered", None), "a late success counts"

    in_town(story)


def test_a_delivery_in_time_ends_it() -> None:
    async def story(town: Town) -> None:
        await town.send("red", "blue", deliver_within=60)
        await asyncio.sleep(50)
        await town.hear("red", Status.DELIVERED)
        await asyncio.sleep(3_600)
        assert town.sent() == {"red": 1}
        plan = await town.directory.failovers.get(town.last_sent, town.davi)
        assert plan is not None
        assert plan.due_at is None

    in_town(story)


def test_what_is_delivered_and_not_read_in_time_goes_by_the_next_channel_too() -> None:
    async def story(town: Town) -> None:
        await town.send("red", "green", read_within=300)
        await town.hear("red", Status.DELIVERED)
        await asyncio.sleep(303)
        assert town.sent() == {"red": 1, "green": 1}
        assert ("green", "accepted", "instead of red: not read within 300 s") in await town.story()

    in_town(story)


def test_what_is_read_in_time_is_not_sent_again() -> None:
    async def story(town: Town) -> None:
        await town.send("red", "green", read_within=300)
        await town.hear("red", Status.READ)
        await asyncio.sleep(2 * DELIVER_WITHIN)
        assert town.sent() == {"red": 1}

    in_town(story)


def test_what_could_not_be_sent_in_time_is_given_up_there_and_never_sent_later() -> None:
    async def story(town: Town) -> None:
        town["red"].go_down()
        await town.send("red", "blue", deliver_within=30)
        await asyncio.sleep(35)
        assert town.sent() == {"blue": 1}
        assert ("red", "failed", "not_sent_in_time") in await town.story()
        town["red"].recover()
        await asyncio.sleep(60)
        assert town.sent() == {"blue": 1}
        await town.send("red", "blue")
        assert town.sent() == {"blue": 1, "red": 1}, "the chat goes on"

    in_town(story)


def test_a_fallback_is_not_sent_once_the_first_channel_has_delivered() -> None:
    async def story(town: Town) -> None:
        town["green"].go_down()
        await town.send("red", "green", deliver_within=30)
        await asyncio.sleep(35)
        await town.hear("red", Status.DELIVERED)
        town["green"].recover()
        await asyncio.sleep(60)
        assert town.sent() == {"red": 1}
        assert (await town.story())[-1] == ("green", "failed", "superseded")

    in_town(story)


def test_a_failure_that_the_platform_reports_later_counts_too() -> None:
    async def story(town: Town) -> None:
        await town.send("red", "blue")
        await town.hear("red", Status.FAILED)
        assert town.sent() == {"red": 1, "blue": 1}

    in_town(story)


def test_a_late_failure_of_an_earlier_channel_does_not_put_off_the_next_deadline() -> None:
    async def story(town: Town) -> None:
        await town.send("red", "green", "blue", deliver_within=30)
        await asyncio.sleep(50)
        assert town.sent() == {"red": 1, "green": 1}
        await town.hear("red", Status.FAILED)
        await asyncio.sleep(14)
        assert town.sent() == {"red": 1, "green": 1, "blue": 1}

    in_town(story)


def test_a_channel_with_receipts_has_a_deadline_of_its_own_and_others_have_none() -> None:
    async def story(town: Town) -> None:
        await town.send("red", "blue")
        await asyncio.sleep(DELIVER_WITHIN + 2)
        assert town.sent() == {"red": 1, "blue": 1}
        await town.send("blue", "red", deliver_within=10)
        await asyncio.sleep(2 * DELIVER_WITHIN)
        assert town.sent() == {"red": 1, "blue": 2}, "it cannot tell more than that it sent"

    in_town(story)


def test_without_a_list_nothing_is_tried_besides_the_usual_channel() -> None:
    async def story(town: Town) -> None:
        town["red"].refuse()
        await town.send()
        await town.send("red")
        await asyncio.sleep(2 * DELIVER_WITHIN)
        assert town.sent() == {}

    in_town(story)


@pytest.mark.parametrize("reads", [False, True])
def test_who_does_not_look_into_the_app_in_time_is_reached_elsewhere(*, reads: bool) -> None:
    async def story(town: Town) -> None:
        await town.send("app", "blue", deliver_within=60)
        if reads:
            await town.read_in_app()
        await asyncio.sleep(70)
        assert town.sent() == ({} if reads else {"blue": 1})

    in_town(story, person=True)


@pytest.mark.parametrize("down_for", [5, 3_600])
def test_a_deadline_survives_a_restart(down_for: float) -> None:
    async def main() -> None:
        town = Town()
        await town.populate()
        async with town.awake():
            await town.send("red", "blue", deliver_within=60)
        await asyncio.sleep(down_for)
        async with town.awake():
            await asyncio.sleep(62)
            assert town.sent() == {"red": 1, "blue": 1}
        async with town.awake():
            await asyncio.sleep(7_200)
        assert town.sent() == {"red": 1, "blue": 1}

    run_in_virtual_time(main())


@pytest.mark.parametrize("stop_at", [0.0, 0.3, 29.9, 30.05, 30.1, 31.0, 31.05])
def test_whenever_it_stops_the_message_goes_once_by_each_channel_it_should(stop_at: float) -> None:
    async def main() -> None:
        town = Town()
        await town.populate()
        town["red"].refuse()
        async with town.awake():
            await town.send("red", "green", "blue", deliver_within=30)
            await asyncio.sleep(stop_at)
        async with town.awake():
            await asyncio.sleep(120)
        async with town.awake():
            await asyncio.sleep(120)
        assert town.sent() == {"green": 1, "blue": 1}

    run_in_virtual_time(main())


@pytest.mark.parametrize("minutes", [-5, 5])
def test_a_gateway_whose_clock_is_off_moves_no_deadline(minutes: int) -> None:
    async def main() -> None:
        town = Town()
        await town.populate()
        async with town.awake():
            off = timedelta(minutes=minutes)
            await town.send("red", "green", gateway_is_off=off, deliver_within=60)
            await asyncio.sleep(55)
            assert town.sent() == {"red": 1}
            await asyncio.sleep(10)
            assert town.sent() == {"red": 1, "green": 1}

    run_in_virtual_time(main())


def test_two_watches_switch_once() -> None:
    async def main() -> None:
        town = Town()
        await town.populate()
        async with town.awake():
            failover = Failover(town.directory.failovers, town.store, CAPABILITIES, clock=clock)
            plans = town.directory.failovers
            other = asyncio.create_task(DeadlineWatch(plans, failover, town.log, clock=clock).run())
            await town.send("red", "green", "blue", deliver_within=30)
            await asyncio.sleep(35)
            assert town.sent() == {"red": 1, "green": 1}
            await asyncio.sleep(60)
            assert town.sent() == {"red": 1, "green": 1, "blue": 1}
            other.cancel()

    run_in_virtual_time(main())
