"""A crew does what is due once."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

from chat4all.services.crew import Crew, Job


class Desk:
    """One thing that is due until it is done; looking at it takes as long as the test says."""

    def __init__(self) -> None:
        self.due = True
        self.done = 0
        self.looks: asyncio.Queue[asyncio.Event] = asyncio.Queue()
        self.finish, self.finished = asyncio.Event(), asyncio.Event()

    async def look(self, _full: Collection[str]) -> Sequence[Job]:
        jobs = [Job("ana", "phone", self.work)] if self.due else []
        answer = asyncio.Event()
        await self.looks.put(answer)
        await answer.wait()
        return jobs

    async def work(self) -> None:
        await self.finish.wait()
        self.due = False
        self.done += 1
        self.finished.set()


async def test_what_ends_during_a_look_is_not_done_again() -> None:
    desk = Desk()
    crew = Crew(desk.look, what="tests", every=60.0, at_a_time=10, per_owner=2)
    running = asyncio.create_task(crew.run())
    (await desk.looks.get()).set()
    await asyncio.sleep(0)
    crew.wake()
    second = await desk.looks.get()  # it has seen the job, which is being done
    desk.finish.set()
    await desk.finished.wait()
    await asyncio.sleep(0)  # until the crew has forgotten it
    second.set()
    (await desk.looks.get()).set()
    for _ in range(10):
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running])
    assert desk.done == 1
