"""A simulated WhatsApp with a number, and somebody who wrote to it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from chat4all.testing.whatsapp import Number, Phone, SimulatorServer, WhatsAppSimulator


@pytest.fixture
def simulator() -> WhatsAppSimulator:
    return WhatsAppSimulator()


@pytest.fixture
def number(simulator: WhatsAppSimulator) -> Number:
    return simulator.add_number()


@pytest.fixture
def ana(simulator: WhatsAppSimulator, number: Number) -> Phone:
    ana = simulator.add_person("Ana Lima")
    ana.write("Oi")
    return ana


@pytest.fixture
async def server(simulator: WhatsAppSimulator, number: Number) -> AsyncIterator[SimulatorServer]:
    async with simulator.serve() as server:
        yield server
