"""Goes through the rows: strikes the distributed column under load, and checks what people saw."""

from __future__ import annotations

import asyncio
import itertools
import random
import statistics
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import msgspec

from bench.machine import Commit, Machine
from chat4all.testing.telegram import TelegramSimulator
from tests.chaos.faults import Row
from tests.chaos.scene import PROOF_SECONDS, Scene
from tests.chaos.stage import Stage, open_stage
from tests.chaos.tally import Tally
from tests.chaos.world import SENDERS, Habits, Person, World

STRIKES = 10
"""The most faults of a row before people begin new talks and what they saw is checked."""
ROUND_SECONDS = 1200.0
CALM = (0.5, 3.0)
"""Seconds of load before each fault."""


class Line(msgspec.Struct, kw_only=True):
    """What one row came to."""

    row: str
    times: int = 0
    acknowledged: int = 0
    repeated_by_clients: int = 0
    files: int = 0
    lost: int = 0
    duplicates: int = 0
    gaps: int = 0
    disorder: int = 0
    cursors_back: int = 0
    again_at_telegram: int = 0
    """Messages that Telegram showed twice: it takes no idempotency keys, so this is allowed."""
    recovery: list[float] = msgspec.field(default_factory=list)
    """Seconds from each fault's end until a fresh message was everywhere."""
    findings: list[str] = msgspec.field(default_factory=list)

    @property
    def broken(self) -> int:
        found = self.lost + self.duplicates + self.gaps + self.disorder + self.cursors_back
        return found or len(self.findings)

    def add(self, tally: Tally) -> None:
        self.acknowledged += tally.acknowledged
        self.repeated_by_clients += tally.retried
        self.lost += tally.lost
        self.duplicates += tally.repeated
        self.gaps += tally.gaps
        self.disorder += tally.disordered
        self.cursors_back += tally.cursors_back
        self.findings += tally.told

    def cells(self) -> list[str]:
        times = [f"{of(self.recovery):.1f}" for of in (statistics.median, max) if self.recovery]
        numbers = (
            self.times,
            self.acknowledged,
            self.repeated_by_clients,
            self.lost,
            self.duplicates,
            self.gaps,
            self.disorder,
            self.cursors_back,
            self.again_at_telegram,
        )
        return [self.row, *(str(one) for one in numbers), " / ".join(times)]


HEADS = (
    "row",
    "times",
    "acknowledged",
    "repeated by clients",
    "lost",
    "duplicates",
    "gaps",
    "disorder",
    "cursors back",
    "again at Telegram",
    "recovery p50 / max, s",
)


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All that the file holds."""

    date: str
    commit: Commit
    machine: Machine
    seed: int
    lines: list[Line]


Say = Callable[[str], None]


class Chaos:
    """One installation that lives through all rows."""

    def __init__(
        self, stage: Stage, telegram: TelegramSimulator, people: list[Person], say: Say
    ) -> None:
        self._stage = stage
        self._say = say
        self._telegram = telegram
        self._people = people
        self._scenes = itertools.count(1)

    async def line(self, row: Row, times: int) -> Line:
        """Do what a row says, so many times."""
        line = Line(row=row.name)
        while line.times < times:
            try:
                async with asyncio.timeout(ROUND_SECONDS):
                    await self._round(row, line, min(STRIKES, times - line.times))
            except TimeoutError:
                line.findings.append(f"the round was not over within {ROUND_SECONDS:.0f} s")
                return line
            except (httpx.HTTPError, AssertionError) as error:
                line.findings.append(f"the round broke off: {error!r}")
                return line
        return line

    async def _round(self, row: Row, line: Line, strikes: int) -> None:
        scene = Scene(self._stage.url, self._people, next(self._scenes))
        try:
            await scene.set_up(self._telegram)
            async with scene.load():
                scene.sending.set()
                for _ in range(strikes):
                    await self._strike(row, line, scene)
                await scene.quiet()
                self._say(f"{row.name}: {scene.tally.acknowledged} acknowledged are looked for")
                await scene.check()
        finally:
            await scene.http.aclose()
            line.add(scene.tally)
            line.files += len(scene.files)
            line.again_at_telegram += scene.again_at_telegram

    async def _strike(self, row: Row, line: Line, scene: Scene) -> None:
        await asyncio.sleep(self._stage.chance.uniform(*CALM))
        scene.remember()
        over = await row.fault(self._stage)
        line.times += 1
        try:
            line.recovery.append(await scene.proven(row.proof, over))
            self._say(f"{row.name} {line.times}: recovered in {line.recovery[-1]:.1f} s")
        except TimeoutError:
            line.findings.append(f"no recovery within {PROOF_SECONDS:.0f} s")
        await self._stage.whole()


@asynccontextmanager
async def open_chaos(folder: Path, seed: int, say: Say) -> AsyncIterator[Chaos]:
    """Run the column and sign people up, until the block ends."""
    telegram = TelegramSimulator()
    token = telegram.add_bot("chaos_bot")
    async with telegram.serve() as bots:
        settings = {"CHAT4ALL_TELEGRAM_API": bots.url}
        async with open_stage(folder, settings, random.Random(seed)) as stage:  # noqa: S311
            world = World(stage.url, Habits(patience=120.0))  # a platform is loaded
            world.people = [Person(f"user{number}") for number in range(SENDERS + 1)]
            await world.sign_up()
            bot = {"platform": "telegram", "name": "Shop", "config": {"token": token}}
            path = "/v1/admin/connectors/accounts"
            await world.call(world.people[0], "POST", path, json=bot)
            await world.http.aclose()
            yield Chaos(stage, telegram, world.people, say)


async def run_rows(
    rows: Sequence[Row], times: int, folder: Path, seed: int, say: Say
) -> AsyncGenerator[Line]:
    """Go through rows; `say` gets a sentence for each thing that happens."""
    async with open_chaos(folder, seed, say) as chaos:
        for row in rows:
            yield await chaos.line(row, times)
