"""A platform that does not answer is left alone, then asked carefully."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from chat4all.domain.errors import ChannelError
from chat4all.domain.ids import AccountId
from chat4all.router.breaker import Circuit
from chat4all.testing.virtual_time import run_in_virtual_time
from tests.unit.router.post_office import PostOffice, now

ONE = AccountId("one")


def down(_: str) -> None:
    raise ChannelError("cannot be reached", retry=True, reason="network")


def well(_: str) -> None:
    pass


def test_an_account_that_is_down_is_asked_by_one_probe_at_a_time_and_loses_nothing() -> None:
    async def main() -> None:
        office, gate = PostOffice("one", "other"), None
        gate = office.gate()
        office["one"].trouble = down
        async with office.open(gate):
            for number in range(100):
                await office.put("one", f"c{number}", times=2)
            await asyncio.sleep(1)
            assert gate.circuit(ONE) is Circuit.OPEN
            before = len(office["one"].calls)
            await office.put("other", "x")
            await asyncio.sleep(300)
            assert len(office["one"].calls) - before <= 10, "a platform that is down is hammered"
            assert office["other"].of_chat("x") == ["0"]
            office["one"].trouble = well
            await office.done()
        assert gate.circuit(ONE) is Circuit.CLOSED
        for number in range(100):
            assert office["one"].of_chat(f"c{number}") == ["0", "1"]

    run_in_virtual_time(main())


def test_one_chat_that_always_fails_does_not_stop_its_account() -> None:
    async def main() -> None:
        office = PostOffice("one")
        gate = office.gate()
        office["one"].trouble = lambda chat: down(chat) if chat == "dead" else None
        async with office.open(gate):
            await office.put("one", "dead")
            await asyncio.sleep(600)
            assert gate.circuit(ONE) is Circuit.CLOSED
            await office.put("one", "a")
            await asyncio.sleep(0.1)
            assert office["one"].of_chat("a") == ["0"]

    run_in_virtual_time(main())


def test_refusals_for_good_say_that_the_platform_answers() -> None:
    async def main() -> None:
        office = PostOffice("one")
        gate = office.gate()

        def blocked(_: str) -> None:
            raise ChannelError("blocked", retry=False, reason="blocked")

        office["one"].trouble = blocked
        async with office.open(gate):
            for number in range(20):
                await office.put("one", f"c{number}")
            await office.done()
        assert gate.circuit(ONE) is Circuit.CLOSED
        assert len(office["one"].calls) == 20

    run_in_virtual_time(main())


def test_a_limit_of_the_whole_account_pauses_all_its_chats_as_long_as_asked() -> None:
    async def main() -> None:
        office = PostOffice("one", "other")
        told: list[float] = []

        def limited(_: str) -> None:
            if not told:
                told.append(now())
                raise ChannelError(
                    "too fast", retry=True, reason="rate_limited", retry_after=42, of_account=True
                )

        office["one"].trouble = limited
        async with office.open():
            await office.put("one", "a")
            await asyncio.sleep(0.1)
            await office.put("one", "b")
            await office.put("other", "c")
            await office.done()
        assert len(office["one"].calls) == 3
        assert min(at for at, _, _ in office["one"].taken) >= told[0] + 42
        assert office["other"].taken[0][0] < 1

    run_in_virtual_time(main())


def test_a_platform_that_says_when_is_asked_then_also_when_it_says_so_again() -> None:
    async def main() -> None:
        office = PostOffice("one")

        def limited(_: str) -> None:
            if len(office["one"].calls) <= 4:
                raise ChannelError(
                    "too fast", retry=True, reason="rate_limited", retry_after=1, of_account=True
                )

        office["one"].trouble = limited
        async with office.open():
            await office.put("one", "a", times=2)
            await office.done()
        assert office["one"].taken[0][0] < 10, "no pause doubles"

    run_in_virtual_time(main())


def test_a_lost_connection_of_the_account_pauses_all_its_chats_at_once() -> None:
    async def main() -> None:
        office = PostOffice("one", "other")
        gate = office.gate()

        def lost(_: str) -> None:
            raise ChannelError("lost", retry=True, reason="network", of_account=True)

        office["one"].trouble = lost
        async with office.open(gate):
            await office.put("one", "a")
            await asyncio.sleep(0.1)
            assert gate.circuit(ONE) is Circuit.OPEN, "by one chat"
            for number in range(50):
                await office.put("one", f"c{number}")
            await office.put("other", "x")
            await asyncio.sleep(60)
            assert len(office["one"].calls) < 6, "each chat would have found it out for itself"
            assert office["other"].of_chat("x") == ["0"]
            office["one"].trouble = well
            await office.done()
        assert all(office["one"].of_chat(f"c{number}") == ["0"] for number in range(50))

    run_in_virtual_time(main())


def test_each_probe_that_fails_doubles_the_pause() -> None:
    async def main() -> None:
        office = PostOffice("one")
        office["one"].trouble = down
        async with office.open():
            for number in range(30):
                await office.put("one", f"c{number}")
            await asyncio.sleep(400)
        moments = [at for at, _ in office["one"].calls if at > 1]
        gaps = [later - at for at, later in pairwise(moments)]
        assert [round(gap) for gap in gaps[:4]] == [10, 20, 40, 60]

    run_in_virtual_time(main())
