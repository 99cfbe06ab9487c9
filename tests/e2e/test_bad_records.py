"""Records in the log that another version of the program wrote: kept, told, and stepped over."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from chat4all.adapters.kafka.event_log import KafkaEventLog
from chat4all.adapters.sqlite.event_log import SqliteEventLog
from chat4all.ports.event_log import COMMANDS, EARLY_RECEIPTS, EVENTS, Record, outbound
from chat4all.testing.event_log_reading import FullLog
from tests.e2e.account import Account
from tests.e2e.product import PROGRAM
from tests.e2e.watched_server import Watched, watched_server
from tests.servers.kafka_server import KafkaServer, kafka_server

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.embedded("stops `chat4all serve` to write into its log"),
]

PATIENCE = 60.0
PHONE = {"platform": "mock", "external_id": "+5511999990001"}
TAGS = {
    COMMANDS: "submit",
    EVENTS: "message_added",
    EARLY_RECEIPTS: "receipt",
    outbound("mock"): "delivery",
}
PARKED = {COMMANDS, EARLY_RECEIPTS, outbound("mock")}
"""Where a record is work to be done; an event tells of what the store has."""


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    with kafka_server(tmp_path_factory.mktemp("kafka")) as server:
        yield server


async def test_in_a_log_of_sqlite(tmp_path: Path) -> None:
    file = tmp_path / "data" / "log.sqlite3"
    await _talk_goes_on_around_them(tmp_path, lambda: SqliteEventLog(file))


async def test_in_a_log_of_kafka(tmp_path: Path, kafka: KafkaServer) -> None:
    url = f"{kafka.url}/foreign?partitions=1"
    await _talk_goes_on_around_them(tmp_path, lambda: KafkaEventLog(url), log_url=url)


async def _talk_goes_on_around_them(
    folder: Path, opened: Callable[[], AbstractAsyncContextManager[FullLog]], **settings: str
) -> None:
    async with (
        watched_server(folder, **settings) as server,
        Account(server.url, "ana").signed_up("Ana") as ana,
    ):
        rui = await ana.post("contacts", {"display_name": "Rui", "channels": [PHONE]})
        talk = {"type": "private", "member_ids": [rui["id"]]}
        chat = (await ana.post("conversations", talk))["id"]
        sent = await ana.say(chat, ["before"])
        await ana.history(chat, 1)
    foreign = [
        Record(stream, chat, json.dumps({"type": tag, "v": 99, "conversation_id": chat}).encode())
        for stream, tag in TAGS.items()
    ]
    async with opened() as log:
        await log.append(foreign)
    for words in ("after", "and after another start"):
        async with watched_server(folder, **settings) as server:
            ana = Account(server.url, "ana")
            async with ana.signed_in():
                sent += await ana.say(chat, [words])
                found = await ana.history(chat, len(sent))
                assert [one["message_id"] for one in found] == sent
                assert [one["seq"] for one in found] == list(range(1, len(sent) + 1))
                await _reached(ana, sent[-1])
                letters = (await ana.get("admin/dead-letters"))["items"]
                assert {one["stream"] for one in letters} == PARKED
                assert len(letters) == len(PARKED), "each once, also after a start"
                assert {one["code"] for one in letters} == {"unreadable_record"}
                assert all("version 99" in one["reason"] for one in letters)
            _check_kept_their_promises(server)
            assert "Traceback" not in server.output()
    async with opened() as log:
        for record in foreign:
            held = [one.value for one in await log.read(record.stream, after=None, limit=1_000)]
            assert held.count(record.value) == 1


async def _reached(ana: Account, message: str) -> None:
    """Wait until the phone has it: the delivery goes on behind the record that it cannot read."""
    async with asyncio.timeout(PATIENCE):
        while True:
            told = await ana.get(f"messages/{message}/status")
            if [one["status"] for one in told["recipients"]] in (["delivered"], ["read"]):
                return
            await asyncio.sleep(0.1)


def _check_kept_their_promises(server: Watched) -> None:
    command = [*PROGRAM, "--data-dir", str(server.data), "check", "--json"]
    done = subprocess.run(command, capture_output=True, check=False)
    assert json.loads(done.stdout)["ok"], done.stdout
