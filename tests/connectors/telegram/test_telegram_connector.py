"""The Telegram connector against the simulator, by the suite that every connector passes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from chat4all.connectors.telegram import TelegramConfig
from chat4all.connectors.telegram.connector import TelegramConnector
from chat4all.ports.connector import Connector
from chat4all.testing.connector import ConnectorContract, Features
from chat4all.testing.fake_platform import RETRY_AFTER, Fault
from chat4all.testing.telegram import Fault as Planned
from chat4all.testing.telegram import FaultKind, Phone, TelegramSimulator

TOKEN = "7000000001:AAexample-token-of-the-shop_bot-123"
SECRET = "example-webhook-secret_1"
FAULTS = {
    Fault.RATE_LIMITED: FaultKind.TOO_MANY_REQUESTS,
    Fault.SERVER_ERROR: FaultKind.SERVER_ERROR,
    Fault.NO_ANSWER: FaultKind.LOST_REQUEST,
}


def telegram(url: str) -> TelegramConnector:
    config = {"token": TOKEN, "webhook_secret": SECRET, "api_base": url, "timeout": 5}
    return TelegramConnector(TelegramConfig.model_validate(config))


class SimulatedTelegram:
    def __init__(self, simulator: TelegramSimulator, ana: Phone, url: str) -> None:
        self.url = url
        self._simulator = simulator
        self._ana = ana

    @property
    def address(self) -> str:
        return str(self._ana.owner.id)

    def taken(self) -> int:
        return sum(not message.mine for message in self._ana.view().messages)

    def texts(self) -> list[str]:
        return [one.text or "" for one in self._ana.view().messages if not one.mine]

    def files(self) -> list[tuple[bytes, str | None]]:
        theirs = [one for one in self._ana.view().messages if one.media and not one.mine]
        return [(self._ana.download(one.media), one.caption) for one in theirs if one.media]

    def hold(self, data: bytes) -> str:
        number = self._ana.send_media("document", data)
        media = next(one.media for one in self._ana.view().messages if one.message_id == number)
        assert media is not None
        return media.file_id

    def hold_too_large(self) -> str | None:
        return self.hold(bytes(20 * 1024**2 + 1))

    def lose_all(self) -> None:
        self._simulator.expire_files()

    def break_off(self) -> None:
        self._simulator.faults.add(Planned(kind=FaultKind.BROKEN_DOWNLOAD))

    async def fail(self, fault: Fault) -> None:
        if fault is Fault.REFUSED:
            self._ana.block()
            return
        if fault is Fault.LOGGED_OUT:
            [bot] = self._simulator.network.bots.values()
            bot.token = "7000000001:AAanother-token-of-the-shop_bot-123"
            return
        planned = Planned(kind=FAULTS[fault], times=None, retry_after=RETRY_AFTER)
        self._simulator.faults.add(planned)


class TestTelegram(ConnectorContract):
    features = Features(signs_body=False, limits_account=None)
    payloads = Path(__file__).parent / "payloads"
    secrets = (TOKEN, SECRET)

    @pytest.fixture
    async def platform(self) -> AsyncIterator[SimulatedTelegram]:
        simulator = TelegramSimulator()
        simulator.add_bot("shop_bot", token=TOKEN)
        ana = simulator.add_person("Ana", id=501)
        ana.start()
        async with simulator.serve() as server:
            yield SimulatedTelegram(simulator, ana, server.url)

    @pytest.fixture
    async def connector(self, platform: SimulatedTelegram) -> AsyncIterator[Connector]:
        connector = telegram(platform.url)
        yield connector
        await connector.aclose()

    @pytest.fixture
    def translator(self) -> Connector:
        return telegram("http://127.0.0.1:9")

    def headers(self, body: bytes) -> Mapping[str, str]:
        return {"x-telegram-bot-api-secret-token": SECRET}
