"""Events reach their endpoints: in order, once per id, after days of failures too."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from chat4all.adapters.memory.directory import MemoryDirectory
from chat4all.domain.ids import DeliveryId, EndpointId, UserId
from chat4all.domain.webhook_signature import new_secret
from chat4all.domain.webhooks import Delivery, DeliveryState, Disabled, Endpoint, Secret
from chat4all.ports.webhooks import Answer
from chat4all.services.webhook_sender import SendingLimits, WebhookSender
from chat4all.testing.receiver import OK, PaperReceiver, Posted
from chat4all.testing.virtual_time import run_in_virtual_time

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = 86_400.0
BROKEN = Answer(status=500, text="oops")
LIMITS = SendingLimits(look=30.0, tidy=3_600.0)


class Office:
    """A directory, a receiver and a clock that shows the virtual time."""

    def __init__(self, answers: Callable[[Posted], Answer] = lambda _: OK) -> None:
        self.directory = MemoryDirectory()
        self.receiver = PaperReceiver(answers)

    def now(self) -> datetime:
        """Return the virtual time."""
        return START + timedelta(seconds=asyncio.get_running_loop().time())

    @property
    def elapsed(self) -> float:
        """Return the virtual seconds since the start."""
        return asyncio.get_running_loop().time()

    async def open(self, name: str = "shop", *, ordered: bool = True) -> Endpoint:
        """Make an endpoint."""
        endpoint = Endpoint(
            id=EndpointId(name),
            owner_id=UserId("ana"),
            url=f"https://{name}.example/",
            secrets=(Secret(value=new_secret()),),
            ordered=ordered,
            created_at=START,
            updated_at=START,
        )
        await self.directory.endpoints.put(endpoint)
        return endpoint

    async def happen(self, talk: str, count: int, *, to: str = "shop", first: int = 0) -> None:
        """Have events of one conversation wait for an endpoint."""
        endpoint = await self.directory.endpoints.get(EndpointId(to))
        assert endpoint is not None
        made = []
        for number in range(first, first + count):
            event_id = f"{talk}-{number:05d}"
            made.append(
                Delivery(
                    id=DeliveryId(f"{to}-{event_id}"),
                    endpoint_id=endpoint.id,
                    event_id=event_id,
                    type="chat4all.message",
                    lane=talk if endpoint.ordered else event_id,
                    place=f"{number:034d}",
                    body="{}",
                    created_at=self.now(),
                )
            )
        await self.directory.deliveries.add(made, at=self.now())

    @asynccontextmanager
    async def sending(self, limits: SendingLimits = LIMITS) -> AsyncIterator[WebhookSender]:
        """Send until the block ends."""
        sender = WebhookSender(
            self.directory,
            self.receiver,
            source="https://chat.example",
            limits=limits,
            now=self.now,
            jitter=lambda: 0.5,
        )
        task = asyncio.create_task(sender.run())
        try:
            yield sender
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def states(self, name: str = "shop") -> Counter[DeliveryState]:
        """Count the deliveries of an endpoint by their state."""
        found = await self.directory.deliveries.page(EndpointId(name), limit=10_000)
        return Counter(one.state for one in found)

    async def endpoint(self, name: str = "shop") -> Endpoint:
        """Return the endpoint as it is now."""
        found = await self.directory.endpoints.get(EndpointId(name))
        assert found is not None
        return found


def test_a_receiver_that_fails_for_two_days_gets_everything_in_order_once_per_id() -> None:
    async def main() -> None:
        office = Office(lambda _: OK if office.elapsed > 2 * DAY else BROKEN)
        await office.open()
        async with office.sending():
            for hour in range(48):
                for talk in ("a", "b", "c"):
                    await office.happen(talk, 2, first=2 * hour)
                await asyncio.sleep(3_600)
            assert office.receiver.taken == []
            await asyncio.sleep(0.5 * DAY)
        taken = [one.event_id for one in office.receiver.taken]
        for talk in ("a", "b", "c"):
            assert [one for one in taken if one.startswith(talk)] == [
                f"{talk}-{number:05d}" for number in range(96)
            ]
        assert len(taken) == len(set(taken)) == 288
        assert await office.states() == {DeliveryState.DELIVERED: 288}
        shop = await office.endpoint()
        assert shop.enabled
        assert shop.failing_since is None
        # Ever rarer: some tries in the first hour, then one every few hours for a conversation.
        assert len(office.receiver.calls) < 288 + 3 * 30

    run_in_virtual_time(main())


def test_an_event_that_is_refused_holds_back_its_conversation_and_no_other() -> None:
    async def main() -> None:
        office = Office(lambda post: BROKEN if post.event_id == "a-00001" else OK)
        await office.open()
        await office.open("loose", ordered=False)
        async with office.sending():
            for name in ("shop", "loose"):
                for talk in ("a", "b"):
                    await office.happen(talk, 4, to=name)
            await asyncio.sleep(DAY)
            assert (await office.states())[DeliveryState.PENDING] == 3
            assert (await office.states("loose"))[DeliveryState.PENDING] == 1
            taken = [one for one in office.receiver.taken if "shop" in one.url]
            assert [one.event_id for one in taken if one.event_id[0] == "a"] == ["a-00000"]
            assert len([one for one in taken if one.event_id[0] == "b"]) == 4
            await asyncio.sleep(4 * DAY)  # it is given up, and the rest goes on
            for name in ("shop", "loose"):
                assert await office.states(name) == {
                    DeliveryState.DELIVERED: 7,
                    DeliveryState.FAILED: 1,
                }
            assert (await office.endpoint()).enabled

    run_in_virtual_time(main())


def test_410_switches_an_endpoint_off_at_once_and_the_owners_others_are_told() -> None:
    async def main() -> None:
        office = Office(lambda post: Answer(status=410) if "shop" in post.url else OK)
        await office.open()
        await office.open("till")
        async with office.sending():
            await office.happen("a", 3)
            await asyncio.sleep(DAY)
        assert len([one for one in office.receiver.calls if "shop" in one.url]) == 1
        assert (await office.endpoint()).disabled is Disabled.GONE
        [notice] = office.receiver.taken
        assert json.loads(notice.body)["type"] == "chat4all.endpoint-disabled"
        assert json.loads(notice.body)["data"]["reason"] == "gone"

    run_in_virtual_time(main())


def test_an_endpoint_that_fails_for_five_days_is_switched_off_and_can_go_on_later() -> None:
    async def main() -> None:
        office = Office(lambda _: OK if office.elapsed > 7 * DAY else BROKEN)
        await office.open()
        async with office.sending():
            await office.happen("a", 3)
            await asyncio.sleep(4.9 * DAY)
            assert (await office.endpoint()).enabled
            await asyncio.sleep(0.5 * DAY)
            assert (await office.endpoint()).disabled is Disabled.FAILING
            calls = len(office.receiver.calls)
            await asyncio.sleep(2 * DAY)
            assert len(office.receiver.calls) == calls
            again = replace(await office.endpoint(), disabled=None)
            await office.directory.endpoints.put(again)
            await asyncio.sleep(DAY)
        # the first was given up after four days; the others had waited behind it
        assert [one.event_id for one in office.receiver.taken] == ["a-00001", "a-00002"]

    run_in_virtual_time(main())


def test_a_receiver_that_says_when_to_come_again_is_left_alone_until_then() -> None:
    async def main() -> None:
        busy = Answer(status=429, retry_after=7_200.0)
        office = Office(lambda _: OK if office.elapsed > 7_000 else busy)
        await office.open()
        async with office.sending():
            await office.happen("a", 2)
            await asyncio.sleep(10)
            await office.happen("b", 2)  # nor with what comes after
            await asyncio.sleep(7_000)
            assert len(office.receiver.calls) == 1
            await asyncio.sleep(1_000)
        assert len(office.receiver.taken) == 4

    run_in_virtual_time(main())


def test_a_slow_receiver_slows_nobody_else_and_gets_few_calls_at_a_time() -> None:
    async def main() -> None:
        office = Office()
        at_once = most = 0
        inner = office.receiver

        class Slow(PaperReceiver):
            async def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
                nonlocal at_once, most
                if "slow" not in url:
                    return await inner(url, headers, body)
                at_once += 1
                most = max(most, at_once)
                await asyncio.sleep(3_600)
                at_once -= 1
                return OK

        office.receiver = Slow()
        await office.open("slow")
        await office.open("fast")
        async with office.sending():
            for number in range(300):
                await office.happen(f"s{number}", 1, to="slow")
            await asyncio.sleep(60)
            for number in range(100):
                await office.happen(f"f{number}", 1, to="fast")
            await asyncio.sleep(120)
            assert len(inner.taken) == 100
        assert most == LIMITS.per_endpoint

    run_in_virtual_time(main())


def test_a_sender_that_is_woken_looks_at_once() -> None:
    async def main() -> None:
        office = Office()
        await office.open()
        async with office.sending() as sender:
            await asyncio.sleep(1)
            await office.happen("a", 3)
            await asyncio.sleep(1)
            assert office.receiver.taken == []
            sender.wake()
            await asyncio.sleep(1)
            assert len(office.receiver.taken) == 3

    run_in_virtual_time(main())


def test_a_long_lane_lets_the_others_of_its_endpoint_have_their_turn() -> None:
    class Slow(PaperReceiver):
        async def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
            await asyncio.sleep(1)
            return await super().__call__(url, headers, body)

    async def main() -> None:
        office = Office()
        office.receiver = Slow()
        await office.open()
        await office.happen("a", 12)
        await office.happen("b", 1)
        async with office.sending(replace(LIMITS, per_endpoint=1, in_a_row=5)):
            await asyncio.sleep(14)
        taken = [one.event_id for one in office.receiver.taken]
        assert len(taken) == 13
        assert taken.index("b-00000") == 5

    run_in_virtual_time(main())


def test_too_much_that_waits_switches_an_endpoint_off() -> None:
    async def main() -> None:
        office = Office(lambda _: BROKEN)
        await office.open()
        async with office.sending(replace(LIMITS, backlog=10)):
            await office.happen("a", 11)
            await asyncio.sleep(7_200)
        assert (await office.endpoint()).disabled is Disabled.BACKLOG

    run_in_virtual_time(main())


def test_each_try_is_kept_with_what_the_receiver_said() -> None:
    async def main() -> None:
        answers = [Answer(error="no answer within 20 seconds"), BROKEN, OK]
        office = Office(lambda _: answers.pop(0))
        await office.open()
        async with office.sending():
            await office.happen("a", 1)
            await asyncio.sleep(600)
        [one] = await office.directory.deliveries.page(EndpointId("shop"), limit=5)
        assert (one.state, one.attempts) == (DeliveryState.DELIVERED, 3)
        assert [(each.status, each.error, each.answer) for each in one.tries] == [
            (None, "no answer within 20 seconds", ""),
            (500, None, "oops"),
            (204, None, ""),
        ]
        waits = [
            (later.at - earlier.at).total_seconds()
            for earlier, later in zip(one.tries, one.tries[1:], strict=False)
        ]
        assert 4 <= waits[0] <= 5 + LIMITS.look
        assert 12 <= waits[1] <= 18 + LIMITS.look

    run_in_virtual_time(main())
