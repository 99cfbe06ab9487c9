"""A server that dies in the middle, and clients that go on as if nothing had been."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from chat4all.client import Client
from tests.chaos.killed_server import Server
from tests.cli.gated_proxy import UP, gated_proxy
from tests.client.people import Listener, history, two_people

pytestmark = [pytest.mark.timeout(240), pytest.mark.slow]

MIB = 1024**2
SIZE = 20 * MIB + 321
MESSAGES = 60


@asynccontextmanager
async def mortal_server(folder: Path, **settings: str) -> AsyncIterator[Server]:
    server = Server(folder / "data", settings)
    try:
        await server.start()
        yield server
    finally:
        await server.kill()


async def test_events_are_the_history_whatever_dies_meanwhile(tmp_path: Path) -> None:
    async with (
        mortal_server(tmp_path) as server,
        two_people(server.url, "ada", "bob") as (ada, bob, talk),
    ):
        async with Listener(bob, await bob.cursor()).listening() as bobs:
            sending = asyncio.create_task(say(ada, talk))
            for after in (MESSAGES // 3, 2 * MESSAGES // 3):
                await bobs.until(after)
                await server.kill()
                await server.start()
            await sending
            heard = await bobs.until(MESSAGES)
            kept = await history(bob, talk, MESSAGES)
            assert [one.message_id for one in heard] == [one.message_id for one in kept]
        assert [one.seq for one in heard] == list(range(1, MESSAGES + 1))
        assert [one.text for one in heard] == [str(number) for number in range(MESSAGES)]


async def say(client: Client, talk: str) -> None:
    for number in range(MESSAGES):
        await client.send(talk, str(number))


async def test_an_upload_goes_on_where_it_was_when_the_server_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "film.bin"
    path.write_bytes(hashlib.shake_256(b"film").digest(SIZE))
    with gated_proxy() as proxy:
        async with mortal_server(tmp_path, CHAT4ALL_PUBLIC_URL=proxy.url) as server:
            proxy.target = server.port
            async with two_people(proxy.url, "ada", "bob") as (ada, bob, talk):
                proxy.hold_after(UP, 10 * MIB)
                steps: list[tuple[int, int]] = []
                sending = asyncio.create_task(
                    ada.send_file(
                        talk, path, caption="Watch", progress=lambda *step: steps.append(step)
                    )
                )
                await asyncio.to_thread(proxy.wait_until_held)
                await server.kill()
                proxy.release()
                await server.start()
                sent = await sending
                assert proxy.passed[UP] < SIZE - 5 * MIB
                assert steps[-1] == (SIZE, SIZE)
                assert {size for _, size in steps} == {SIZE}
                [message] = await history(bob, talk, 1)
                assert message.message_id == sent.message_id
                assert message.payload is not None
                assert (message.payload.type, message.payload.caption) == ("document", "Watch")
                copy = tmp_path / "copy"
                await bob.download(message.payload.file_id or "", copy)
                assert copy.read_bytes() == path.read_bytes()
                assert not copy.with_name("copy.part").exists()
