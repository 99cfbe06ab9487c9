"""The connector of the simulated phones, by the suite that every connector passes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from chat4all.connectors.mock import MockConfig, MockConnector, PhoneNetwork, sign
from chat4all.ports.connector import Connector
from chat4all.testing.connector import ConnectorContract, Features
from chat4all.testing.fake_platform import Fault

SECRET = "example-secret-of-the-phones"
PHONE = "+5571999990000"
FAILURES = {Fault.SERVER_ERROR: "temporary", Fault.REFUSED: "permanent"}


class OnePhone:
    address = PHONE

    def __init__(self, network: PhoneNetwork) -> None:
        self.network = network

    def taken(self) -> int:
        return len(self.network.screen(PHONE).bubbles)

    def texts(self) -> list[str]:
        return [one.payload.text or "" for one in self.network.screen(PHONE).bubbles.values()]

    async def fail(self, fault: Fault) -> None:
        await self.network.configure(PHONE, online=True, fail=FAILURES[fault])


class TestMock(ConnectorContract):
    features = Features(faults=frozenset(FAILURES))
    payloads = Path(__file__).parent / "payloads"
    secrets = (SECRET,)

    @pytest.fixture
    async def platform(self) -> AsyncIterator[OnePhone]:
        async with PhoneNetwork() as network:
            yield OnePhone(network)

    @pytest.fixture
    def connector(self, platform: OnePhone) -> Connector:
        return MockConnector(MockConfig.model_validate({"secret": SECRET}), platform.network)

    def headers(self, body: bytes) -> Mapping[str, str]:
        return {"x-mock-signature": sign(SECRET, body)}
