"""A served simulator with one bot, and a plain HTTP client that speaks as that bot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from chat4all.testing.telegram import (
    Backoff,
    ManualClock,
    Phone,
    SimulatorServer,
    TelegramSimulator,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def simulator(clock: ManualClock) -> TelegramSimulator:
    return TelegramSimulator(clock=clock, backoff=Backoff(first=0.01, most=0.02))


@pytest.fixture
def token(simulator: TelegramSimulator) -> str:
    return simulator.add_bot("example_bot")


@pytest.fixture
def ana(simulator: TelegramSimulator) -> Phone:
    return simulator.add_person("Ana", last_name="Lima", username="ana", id=501)


@pytest.fixture
async def server(simulator: TelegramSimulator, token: str) -> AsyncIterator[SimulatorServer]:
    async with simulator.serve() as server:
        yield server


@pytest.fixture
async def bot(server: SimulatorServer, token: str) -> AsyncIterator[httpx.AsyncClient]:
    """Calls methods: `await bot.post("sendMessage", json={...})`."""
    async with httpx.AsyncClient(base_url=f"{server.url}/bot{token}/", trust_env=False) as client:
        yield client
