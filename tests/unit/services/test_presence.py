from __future__ import annotations

from chat4all.adapters.memory.directory import MemoryDirectory
from chat4all.adapters.memory.ephemeral import MemoryEphemeral
from chat4all.domain.ids import UserId
from chat4all.services.presence import LEASE, PresenceBoard, PresenceStatus

ANA = UserId("ana")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def board(clock: Clock) -> PresenceBoard:
    directory = MemoryDirectory()
    return PresenceBoard(MemoryEphemeral(clock=clock), directory.conversations, directory.users)


async def status(board: PresenceBoard) -> PresenceStatus | None:
    [found] = await board.of(ANA, [ANA])
    return found.status


async def test_presence_ends_unless_renewed() -> None:
    clock = Clock()
    here = board(clock)
    await here.announce(ANA, PresenceStatus.BUSY)
    clock.now += LEASE - 1
    await here.renew(ANA, PresenceStatus.ONLINE)
    clock.now += LEASE - 1
    assert await status(here) is PresenceStatus.BUSY
    clock.now += 2
    assert await status(here) is PresenceStatus.OFFLINE


async def test_a_connection_does_not_bring_back_who_said_that_they_are_offline() -> None:
    here = board(Clock())
    await here.announce(ANA, PresenceStatus.ONLINE)
    await here.announce(ANA, PresenceStatus.OFFLINE)
    await here.renew(ANA, PresenceStatus.ONLINE)
    assert await status(here) is PresenceStatus.OFFLINE


async def test_a_connection_renews_what_it_said_when_the_leases_were_lost() -> None:
    before, after = board(Clock()), board(Clock())
    await before.announce(ANA, PresenceStatus.AWAY)
    await after.renew(ANA, PresenceStatus.AWAY)
    assert await status(after) is PresenceStatus.AWAY
