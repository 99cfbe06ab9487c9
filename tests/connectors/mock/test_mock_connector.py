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

    def __init__(self, network: PhoneNetwork, folder: Path) -> None:
        self.network = network
        self.folder = folder
        self.held = ""

    def taken(self) -> int:
        return len(self.network.screen(PHONE).bubbles)

    def texts(self) -> list[str]:
        return [one.payload.text or "" for one in self.network.screen(PHONE).bubbles.values()]

    def files(self) -> list[tuple[bytes, str | None]]:
        shown = self.network.screen(PHONE).bubbles.values()
        held = [
            (self.network.files.read(one.file.id), one.payload.caption) for one in shown if one.file
        ]
        return [(data or b"", caption) for data, caption in held]

    def hold(self, data: bytes) -> str:
        self.held = self.network.files.keep(data)
        return f"{self.held}.{len(data)}@{PHONE}"

    def hold_too_large(self) -> str | None:
        return None  # none is sent that cannot be fetched

    def lose_all(self) -> None:
        self.network.files.forget_all()

    def break_off(self) -> None:
        (self.folder / "files" / self.held).write_bytes(b"the first half")

    async def fail(self, fault: Fault) -> None:
        await self.network.configure(PHONE, online=True, fail=FAILURES[fault])


class TestMock(ConnectorContract):
    features = Features(faults=frozenset(FAILURES))
    payloads = Path(__file__).parent / "payloads"
    secrets = (SECRET,)

    @pytest.fixture
    async def platform(self, tmp_path: Path) -> AsyncIterator[OnePhone]:
        async with PhoneNetwork(tmp_path) as network:
            yield OnePhone(network, tmp_path)

    @pytest.fixture
    def connector(self, platform: OnePhone) -> Connector:
        return MockConnector(MockConfig.model_validate({"secret": SECRET}), platform.network)

    def headers(self, body: bytes) -> Mapping[str, str]:
        return {"x-mock-signature": sign(SECRET, body)}
