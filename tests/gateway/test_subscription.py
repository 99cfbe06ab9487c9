"""What one connected client is told: each event once, whichever way it comes."""

from __future__ import annotations

import json

from chat4all.domain.events import SyncCursor
from chat4all.domain.ids import UserId
from tests.gateway.world import Person, World, say


async def test_an_event_that_was_missed_and_comes_live_is_told_once(
    world: World, ana: Person, bia: Person, group: str
) -> None:
    subscription = world.subscribe(UserId(bia.id))
    await subscription.begin()
    await say(ana, group, "one")
    waiting = await subscription.take()
    missed = [
        frame["message"]["seq"]
        async for frame in subscription.missed(SyncCursor({}))
        if frame["type"] == "message"
    ]
    again = [json.loads(frame) for _, frame in subscription.live(waiting)]
    assert missed == [1]
    assert [frame for frame in again if frame["type"] == "message"] == []
    await say(ana, group, "two")
    live = [json.loads(frame) for _, frame in subscription.live(await subscription.take())]
    assert [one["message"]["seq"] for one in live if one["type"] == "message"] == [2]
    assert await subscription.end()
