"""The same kills with the messages in MongoDB: a batch that was cut is finished."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.chaos.test_kill_serve import kill_again_and_again
from tests.servers.mongo_server import KINDS, mongo_server


@pytest.mark.chaos
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("kind", KINDS)
async def test_many_kills_lose_nothing_over_mongodb(tmp_path: Path, kills: int, kind: str) -> None:
    with mongo_server(kind, tmp_path) as server:
        settings = {"CHAT4ALL_MESSAGES_URL": server.url("killed")}
        tally = await kill_again_and_again(tmp_path, kills, settings)
    sys.stdout.write(f"\n{tally.table()}\n")
    assert tally.acknowledged > 0
    assert tally.faults() == 0, tally.table()
