"""At three times what the platforms take, their own limits are not met: no refusal, no loss.

The limits are those of the simulators, which count when a call *arrives*: some tens of
milliseconds after the gate let it go. Time is virtual.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import cycle

import pytest

from chat4all.connectors.telegram import CAPABILITIES as TELEGRAM
from chat4all.connectors.whatsapp import CAPABILITIES as WHATSAPP
from chat4all.domain.capabilities import Capabilities
from chat4all.domain.errors import ChannelError
from chat4all.domain.outgoing import Outgoing
from chat4all.testing.telegram import RateLimits as TelegramLimits
from chat4all.testing.telegram.errors import BotApiError
from chat4all.testing.telegram.limits import RateLimiter as TelegramLimiter
from chat4all.testing.telegram.model import Chat
from chat4all.testing.virtual_time import run_in_virtual_time
from chat4all.testing.whatsapp import RateLimits as WhatsAppLimits
from chat4all.testing.whatsapp.errors import GraphError
from chat4all.testing.whatsapp.limits import RateLimiter as WhatsAppLimiter
from tests.unit.router.post_office import PostOffice, now

SECONDS = 5 * 60
GROUP = "-1001"
FASTEST, SLOWEST = 0.02, 0.08  # seconds that a call is on its way


def telegram() -> Callable[[str], None]:
    limiter = TelegramLimiter(TelegramLimits(), now)

    def spend(address: str) -> None:
        kind = "group" if address.startswith("-") else "private"
        limiter.spend(1, Chat(id=int(address), kind=kind, people=set(), bots=set()))

    return spend


def whatsapp() -> Callable[[str], None]:
    limiter = WhatsAppLimiter(WhatsAppLimits(), now)
    return lambda address: limiter.spend("number", address)


@dataclass
class Platform:
    """What an account is asked to bring each second, and the limits it is asked at."""

    can: Capabilities
    limiter: Callable[[], Callable[[str], None]]
    loads: dict[str, float]
    """Messages a second, by the chat; three times what the platform takes."""
    refused: Counter[str] = field(default_factory=Counter)

    def connect(self, office: PostOffice, name: str) -> None:
        spend, account = self.limiter(), office[name]
        chance = random.Random(name)  # noqa: S311 - repeatable

        async def arrive(message: Outgoing) -> None:
            await asyncio.sleep(chance.uniform(FASTEST, SLOWEST))
            account.calls.append((now(), message.address))
            try:
                spend(message.address)
            except (BotApiError, GraphError) as error:
                self.refused[name] += 1
                text = f"refused: {error}"
                raise ChannelError(text, retry=True, reason="rate_limited") from error
            account.taken.append((now(), message.address, message.payload.text or ""))

        account.before_send = arrive


PLATFORMS = {
    # 90 a second for the bot, of which 3 to one chat, and 60 a minute to one group.
    "telegram": Platform(
        TELEGRAM, telegram, {"1": 3.0, GROUP: 1.0, **dict.fromkeys(map(str, range(2, 202)), 0.43)}
    ),
    # 240 a second for the number, of which 0.5 to one person.
    "whatsapp": Platform(
        WHATSAPP, whatsapp, {"1": 0.5, **dict.fromkeys(map(str, range(2, 2_002)), 0.12)}
    ),
}


async def flood(office: PostOffice, loads: dict[str, float]) -> None:
    due = dict.fromkeys(loads, 0.0)
    for _ in range(SECONDS):
        for address, rate in loads.items():
            due[address] += rate
            if due[address] >= 1:
                await office.put("busy", address, times=int(due[address]))
                due[address] %= 1
        await asyncio.sleep(1)


async def talk(office: PostOffice) -> None:
    for address, _ in zip(cycle(map(str, range(9_001, 9_011))), range(SECONDS), strict=False):
        await office.put("quiet", address)
        await asyncio.sleep(1)


async def run(platform: Platform, *, busy: bool) -> PostOffice:
    office = PostOffice("busy", "quiet")
    for name in ("busy", "quiet"):
        office[name].capabilities = platform.can  # type: ignore[misc] # an account's own here
        platform.connect(office, name)
    async with office.open():
        work = [talk(office), *([flood(office, platform.loads)] if busy else [])]
        await asyncio.gather(*work)
        await office.done()
    return office


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("telegram", marks=pytest.mark.slow),
        pytest.param(  # 72,000 messages
            "whatsapp", marks=[pytest.mark.chaos, pytest.mark.timeout(600)]
        ),
    ],
)
def test_three_times_the_limits_for_five_minutes_meet_no_refusal_and_lose_nothing(
    name: str,
) -> None:
    platform = PLATFORMS[name]
    alone = run_in_virtual_time(run(platform, busy=False))
    office = run_in_virtual_time(run(platform, busy=True))
    busy = office["busy"]
    offered = sum(map(len, (office.expected("busy", chat) for chat in platform.loads)))
    assert offered >= 0.95 * SECONDS * 3 * (platform.can.per_second or 0.0)
    assert platform.refused == {}
    assert len(busy.taken) == offered
    came: defaultdict[str, list[str]] = defaultdict(list)
    for _, chat, words in busy.taken:
        came[chat].append(words)
    assert came == {chat: office.expected("busy", chat) for chat in platform.loads}
    assert len(office["quiet"].taken) == SECONDS
    assert max(office.waits("quiet")) == pytest.approx(max(alone.waits("quiet")), abs=0.01)
    # The pace is kept, and not much undercut.
    in_flood = sum(1 for at, _ in busy.calls if at <= SECONDS)
    assert in_flood >= 0.85 * SECONDS * (platform.can.per_second or 0.0)
