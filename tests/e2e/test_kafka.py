"""The product with its log on Kafka; both are killed while people talk."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.account import Account
from tests.e2e.watched_server import watched_server
from tests.servers.kafka_server import KafkaServer, kafka_server


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    with kafka_server(tmp_path_factory.mktemp("kafka")) as server:
        yield server


async def test_what_was_accepted_before_kafka_was_killed_is_there_once_and_in_order(
    tmp_path: Path, kafka: KafkaServer
) -> None:
    async with (
        watched_server(tmp_path, log_url=f"{kafka.url}/killed?partitions=4") as server,
        Account(server.url, "ana").signed_up("Ana") as ana,
        Account(server.url, "bia").signed_up("Bia") as bia,
    ):
        chat = await ana.chat_with(bia)
        sent = await ana.say(chat, [str(n) for n in range(100)])
        kafka.stop()
        refused = asyncio.create_task(ana.say(chat, ["while it is away"]))
        await asyncio.sleep(0.5)
        await asyncio.to_thread(kafka.start)
        try:
            sent += await refused
        except httpx.HTTPStatusError as error:
            assert error.response.status_code == 503  # noqa: PT017 - both are right
        sent += await ana.say(chat, [str(n) for n in range(100, 200)])
        found = await bia.history(chat, len(sent))
        assert [one["seq"] for one in found] == list(range(1, len(found) + 1))
        assert [one["message_id"] for one in found if one["message_id"] in sent] == sent
        assert len(found) - len(sent) in (0, 1)


async def test_a_server_that_starts_again_goes_on_where_its_group_was(
    tmp_path: Path, kafka: KafkaServer
) -> None:
    url = f"{kafka.url}/again"
    async with (
        watched_server(tmp_path, log_url=url) as server,
        Account(server.url, "ana").signed_up("Ana") as ana,
        Account(server.url, "bia").signed_up("Bia") as bia,
    ):
        chat = await ana.chat_with(bia)
        before = await ana.say(chat, ["before"])
    async with watched_server(tmp_path, log_url=url) as server:
        ana_again = Account(server.url, "ana")
        async with ana_again.signed_in():
            after = await ana_again.say(chat, ["after"])
            found = await ana_again.history(chat, 2)
            assert [one["message_id"] for one in found] == before + after
            assert [one["seq"] for one in found] == [1, 2]
