"""Two rows of `scripts/chaos --column distributed`, once each."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.faults import ROWS
from tests.chaos.rows import run_rows

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1200)]

SMOKE = ("kill router", "cut kafka")


async def test_a_killed_router_and_a_cut_network_break_no_promise(tmp_path: Path) -> None:
    rows = [one for one in ROWS if one.name in SMOKE]
    told: list[str] = []
    async for line in run_rows(rows, 1, tmp_path, 1, told.append):
        assert line.acknowledged > 0
        assert not line.broken, (line, told)
