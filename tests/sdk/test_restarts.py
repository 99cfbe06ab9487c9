"""A server that dies in the middle, and TypeScript clients that go on as if nothing had been."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest

from tests.cli.gated_proxy import DOWN, UP, gated_proxy
from tests.client.test_restarts import MESSAGES, MIB, SIZE, mortal_server
from tests.sdk.node_client import NodeClient
from tests.sdk.node_people import stored, two_node_people

pytestmark = [pytest.mark.timeout(240), pytest.mark.slow]


async def test_events_are_the_history_whatever_dies_meanwhile(tmp_path: Path, folder: Path) -> None:
    async with (
        mortal_server(tmp_path) as server,
        two_node_people(server.url, folder, "ada", "bob") as (ada, bob, talk),
    ):
        bob.begun("follow", {"cursor": await bob.call("cursor")})
        sending = asyncio.create_task(say(ada, talk))
        for after in (MESSAGES // 3, 2 * MESSAGES // 3):
            await bob.until("message", after)
            await server.kill()
            await server.start()
        await sending
        await bob.until("message", MESSAGES)
        kept = await bob.call("history", talk)
        assert [one["message_id"] for one in bob.messages] == [one["message_id"] for one in kept]
        assert [one["seq"] for one in bob.messages] == list(range(1, MESSAGES + 1))
        said = [one["payload"]["text"] for one in bob.messages]
        assert said == [str(number) for number in range(MESSAGES)]


async def say(client: NodeClient, talk: str) -> None:
    for number in range(MESSAGES):
        await client.call("send", talk, str(number))


async def test_a_file_goes_on_where_it_was_when_the_server_comes_back(
    tmp_path: Path, folder: Path
) -> None:
    path = tmp_path / "film.bin"
    path.write_bytes(hashlib.shake_256(b"film").digest(SIZE))
    with gated_proxy() as proxy:
        async with mortal_server(tmp_path, CHAT4ALL_PUBLIC_URL=proxy.url) as server:
            proxy.target = server.port
            async with two_node_people(proxy.url, folder, "ada", "bob") as (ada, bob, talk):
                proxy.hold_after(UP, 10 * MIB)
                sending = ada.begun("sendFile", talk, str(path), {"caption": "Watch"})
                await asyncio.to_thread(proxy.wait_until_held)
                await server.kill()
                proxy.release()
                await server.start()
                sent = await sending
                assert proxy.passed[UP] < SIZE - MIB
                assert ada.progress[-1] == (SIZE, SIZE)
                message = await stored(bob, sent["message_id"])
                assert message["payload"]["caption"] == "Watch"
                proxy.hold_after(DOWN, 10 * MIB)
                copy = tmp_path / "copy"
                fetching = bob.begun("pieces", message["payload"]["file_id"], str(copy))
                await asyncio.to_thread(proxy.wait_until_held)
                await server.kill()
                proxy.release()
                await server.start()
                await fetching
                assert proxy.passed[DOWN] < SIZE - MIB
                assert copy.read_bytes() == path.read_bytes()
                assert bob.progress[-1] == (SIZE, SIZE)
