"""The WhatsApp connector against the simulator, by the suite that every connector passes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from chat4all.connectors.whatsapp import WhatsAppConfig
from chat4all.connectors.whatsapp.connector import WhatsAppConnector
from chat4all.ports.connector import Connector
from chat4all.testing.connector import ConnectorContract
from chat4all.testing.fake_platform import RETRY_AFTER, Fault
from chat4all.testing.whatsapp import Fault as Planned
from chat4all.testing.whatsapp import FaultKind, Phone, WhatsAppSimulator, signature
from chat4all.testing.whatsapp.phone import MEDIA

TOKEN = "EAAexample0token0of0a0system0user0000001"
SECRET = "0123456789abcdef0123456789abcdef"
VERIFY = "example-verify-token_1"
NUMBER = "106540352242922"
BUSINESS = "102290000000001"
FAULTS = {
    Fault.RATE_LIMITED: Planned(
        kind=FaultKind.REFUSED, times=None, code=130429, retry_after=RETRY_AFTER
    ),
    Fault.SERVER_ERROR: Planned(kind=FaultKind.SERVER_ERROR, times=None),
    Fault.NO_ANSWER: Planned(kind=FaultKind.LOST_REQUEST, times=None),
    Fault.REFUSED: Planned(kind=FaultKind.REFUSED, times=None, code=131030),
    Fault.LOGGED_OUT: Planned(kind=FaultKind.REFUSED, times=None, code=190, status=401),
}


def whatsapp(url: str) -> WhatsAppConnector:
    config = {
        "access_token": TOKEN,
        "app_secret": SECRET,
        "verify_token": VERIFY,
        "phone_number_id": NUMBER,
        "business_account_id": BUSINESS,
        "api_base": url,
        "timeout": 5,
    }
    return WhatsAppConnector(WhatsAppConfig.model_validate(config))


class SimulatedWhatsApp:
    def __init__(self, simulator: WhatsAppSimulator, ana: Phone, url: str) -> None:
        self.url = url
        self._simulator = simulator
        self._ana = ana

    @property
    def address(self) -> str:
        return self._ana.owner.phone

    def taken(self) -> int:
        return sum(not message.mine for message in self._ana.view().messages)

    def texts(self) -> list[str]:
        return [one.text for one in self._ana.view().messages if one.text and not one.mine]

    def files(self) -> list[tuple[bytes, str | None]]:
        shown = [one for one in self._ana.view().messages if one.kind in MEDIA and not one.mine]
        return [(self._ana.download(one), one.content.get("caption")) for one in shown]

    def hold(self, data: bytes) -> str:
        sent = self._ana.send_media("document", data)
        [message] = [one for one in self._ana.view().messages if one.id == sent]
        return str(message.content["id"])

    def hold_too_large(self) -> str | None:
        return None

    def lose_all(self) -> None:
        self._simulator.expire_files()

    def break_off(self) -> None:
        self._simulator.faults.add(Planned(kind=FaultKind.BROKEN_DOWNLOAD))

    async def fail(self, fault: Fault) -> None:
        self._simulator.faults.add(FAULTS[fault])


class TestWhatsApp(ConnectorContract):
    payloads = Path(__file__).parent / "payloads"
    secrets = (TOKEN, SECRET, VERIFY)

    @pytest.fixture
    async def platform(self) -> AsyncIterator[SimulatedWhatsApp]:
        simulator = WhatsAppSimulator()
        number = simulator.add_number(
            phone_number_id=NUMBER, access_token=TOKEN, app_secret=SECRET, verify_token=VERIFY
        )
        assert number.business_account_id == BUSINESS
        simulator.add_template(number, "reminder", "pt_BR", "Olá {{1}}, até {{2}}!")
        simulator.add_template(number, "welcome", "en", "Hello {{name}}", header="{{day}}")
        ana = simulator.add_person("Ana")
        ana.write("Oi")  # which opens the window
        async with simulator.serve() as server:
            yield SimulatedWhatsApp(simulator, ana, server.url)

    @pytest.fixture
    async def connector(self, platform: SimulatedWhatsApp) -> AsyncIterator[Connector]:
        connector = whatsapp(platform.url)
        yield connector
        await connector.aclose()

    @pytest.fixture
    def translator(self) -> Connector:
        return whatsapp("http://127.0.0.1:9")

    def headers(self, body: bytes) -> Mapping[str, str]:
        return {"x-hub-signature-256": signature(SECRET, body)}
