"""The services that phones are reached by, and a clock that can be moved."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.servers.phone_services import PhoneServices


class Clock:
    """Shows the machine's time, moved."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[PhoneServices]:
    async with PhoneServices(tmp_path).on() as services:
        yield services
