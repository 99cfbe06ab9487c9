"""A platform's limits are kept before it has to refuse."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from chat4all.connectors.telegram import CAPABILITIES as TELEGRAM
from chat4all.connectors.whatsapp import CAPABILITIES as WHATSAPP
from chat4all.router.gate import chat_buckets, windowed
from chat4all.testing.virtual_time import run_in_virtual_time
from tests.unit.router.post_office import PostOffice

PER_SECOND = 10
CHATS = 20
MINUTES = 5


@pytest.mark.parametrize(
    ("count", "seconds", "burst"),
    [(30, 1, 3), (80, 1, 80), (2, 1, 5), (10, 1, 1), (1000, 1, 3), (20, 60, 5)],
)
def test_in_any_window_a_bucket_lets_no_more_through_than_the_platform_takes(
    count: float, seconds: float, burst: int
) -> None:
    bucket = windowed(count, seconds, burst=burst)
    assert bucket.size + bucket.rate * seconds <= count
    assert bucket.rate * seconds >= 0.47 * count
    assert bucket.size >= 1


def test_a_pace_below_two_in_its_window_has_no_burst() -> None:
    assert windowed(1.0, 1.0, burst=3) == (0.95, 1.0)


def test_the_pace_of_telegram_and_whatsapp_is_all_there() -> None:
    group = {"chat": (0.9, 1.0), "group": (pytest.approx(14 / 60), 5.0)}
    assert dict(chat_buckets("-1001", TELEGRAM)) == group
    assert dict(chat_buckets("4711", TELEGRAM)) == {"chat": (0.9, 1.0)}
    assert dict(chat_buckets("5571", WHATSAPP)) == {"chat": (1 / 6, 44.0)}
    assert (TELEGRAM.per_second, WHATSAPP.per_second) == (30, 80)


async def offer_too_much(office: PostOffice) -> None:
    """Offer account `busy` three times what it may send, for five minutes."""
    for second in range(MINUTES * 60):
        for number in range(3 * PER_SECOND):
            await office.put("busy", f"c{(second + number) % CHATS}")
        await asyncio.sleep(1)


async def talk_quietly(office: PostOffice) -> None:
    for number in range(MINUTES * 60):
        await office.put("quiet", f"q{number % 7}")
        await asyncio.sleep(1)


async def run(*, busy: bool) -> PostOffice:
    office = PostOffice(
        "busy", "quiet", per_second=float(PER_SECOND), per_chat_per_second=1.0, burst=3
    )
    async with office.open():
        work = [talk_quietly(office), *([offer_too_much(office)] if busy else [])]
        await asyncio.gather(*work)
        await office.done()
    return office


def test_at_three_times_the_limits_nothing_is_lost_and_the_limits_are_kept() -> None:
    office = run_in_virtual_time(run(busy=True))
    busy = office["busy"]
    assert len(busy.taken) == len(busy.calls) == MINUTES * 60 * 3 * PER_SECOND
    for chat in range(CHATS):
        address = f"c{chat}"
        assert busy.of_chat(address) == office.expected("busy", address)
        moments = [at for at, to in busy.calls if to == address]
        gaps = [later - at for at, later in pairwise(moments)]
        assert min(gaps) >= 1.0
    assert busy.most_in(1.0) <= PER_SECOND
    alone = run_in_virtual_time(run(busy=False)).waits("quiet")
    assert office.waits("quiet") == pytest.approx(alone, abs=0.01), "another account waited"


def test_two_processes_keep_one_pace_together() -> None:
    async def main() -> PostOffice:
        office = PostOffice("busy", per_second=10.0, burst=2)
        gates = office.gate(), office.gate()
        account = office["busy"]

        async def process(number: int) -> None:
            for turn in range(100):
                permit = await gates[number].permit(
                    next(iter(office.accounts)), f"{number}/{turn}", "talk", account.capabilities
                )
                account.calls.append((asyncio.get_running_loop().time(), ""))
                permit.close()

        await asyncio.gather(process(0), process(1))
        return office

    office = run_in_virtual_time(main())
    assert len(office["busy"].calls) == 200
    assert office["busy"].most_in(1.0) <= 10
