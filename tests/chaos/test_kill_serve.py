"""The real server is killed again and again under load; nothing that was accepted is lost."""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.chaos.killed_server import Server
from tests.chaos.tally import Tally
from tests.chaos.world import World

CHANCE = random.SystemRandom()


async def kill_again_and_again(
    folder: Path, kills: int, settings: Mapping[str, str] | None = None
) -> Tally:
    server = Server(folder / "data", settings)
    await server.start()
    world = World(server.url)
    try:
        await world.populate()
        async with world.load():
            for _ in range(kills):
                world.sending.set()
                await asyncio.sleep(CHANCE.uniform(0.05, 1.0))
                await server.kill()
                world.tally.restarts.append(await server.start())
                await asyncio.sleep(CHANCE.uniform(0.0, 0.3))
                await world.quiet()
                await asyncio.sleep(0.3)  # what came twice would be stored a little later
                await world.check()
    finally:
        await world.http.aclose()
        await server.kill()
    return world.tally


@pytest.mark.slow
async def test_three_kills_lose_nothing(tmp_path: Path) -> None:
    tally = await kill_again_and_again(tmp_path, 3)
    assert tally.acknowledged > 0
    assert tally.faults() == 0, tally.table()


@pytest.mark.chaos
@pytest.mark.timeout(1200)
async def test_many_kills_lose_nothing(tmp_path: Path, kills: int) -> None:
    tally = await kill_again_and_again(tmp_path, kills)
    sys.stdout.write(f"\n{tally.table()}\n")
    assert tally.acknowledged > 0
    assert tally.faults() == 0, tally.table()
