"""What happens is posted to the addresses of those who asked for it, also over a kill."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.killed_server import Server
from tests.e2e.account import Account

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.embedded("it kills the one process that there is"),
]

NETWORKS = {"CHAT4ALL_WEBHOOK_NETWORKS": "127.0.0.0/8"}
PATIENCE = 60.0


class Receiver:
    """A web server of somebody else: it takes events while it is `well`."""

    def __init__(self) -> None:
        self.well = True
        self.tries = 0
        self.taken: list[tuple[dict[str, str], bytes]] = []
        self.url = ""
        self._more = asyncio.Condition()

    @asynccontextmanager
    async def on(self) -> AsyncIterator[Receiver]:
        """Listen until the block ends."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        async with server:
            self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/in"
            yield self

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await self._answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = [one.partition(": ") for one in head.splitlines()[1:] if one]
        headers = {name.lower(): value for name, _, value in lines}
        body = await reader.readexactly(int(headers["content-length"]))
        self.tries += 1
        if self.well:
            self.taken.append((headers, body))
        status = b"204 No Content" if self.well else b"500 Not Now"
        writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        async with self._more:
            self._more.notify_all()

    async def tried(self, count: int) -> None:
        """Wait for so many tries."""
        async with asyncio.timeout(PATIENCE), self._more:
            await self._more.wait_for(lambda: self.tries >= count)

    async def until(self, count: int) -> list[dict[str, Any]]:
        """Wait for so many events, each counted once; return all that came."""
        async with asyncio.timeout(PATIENCE), self._more:
            await self._more.wait_for(
                lambda: len({headers["webhook-id"] for headers, _ in self.taken}) >= count
            )
        return [json.loads(body) for _, body in self.taken]


def texts(events: list[dict[str, Any]]) -> list[str]:
    return [one["data"]["message"]["payload"]["text"] for one in events]


async def test_a_receiver_hears_what_happens_signed_and_again_when_asked(tmp_path: Path) -> None:
    server = Server(tmp_path / "data", NETWORKS)
    (tmp_path / "data").mkdir()
    await server.start()
    try:
        async with (
            Receiver().on() as receiver,
            Account(server.url, "ana").signed_up("Ana") as ana,
            Account(server.url, "bia").signed_up("Bia") as bia,
        ):
            body = {"url": receiver.url, "events": ["message"]}
            endpoint = await bia.post("webhook-endpoints", body)
            chat = await ana.chat_with(bia)
            said = [str(number) for number in range(20)]
            await ana.say(chat, said)
            events = await receiver.until(20)
            assert texts(events) == said
            key = base64.b64decode(endpoint["secret"].removeprefix("whsec_"))
            for headers, raw in receiver.taken:
                signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + raw
                expected = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
                assert headers["webhook-signature"] == f"v1,{expected}"
                assert headers["content-type"].startswith("application/cloudevents+json")
                assert headers["webhook-id"] == json.loads(raw)["id"]
            wanted = [events[3]["id"], events[5]["id"]]
            path = f"webhook-endpoints/{endpoint['id']}"
            assert await bia.post(f"{path}/replay", {"event_ids": wanted}) == {"events": 2}
            await receiver.tried(22)
            assert [one["id"] for one in (await receiver.until(20))[20:]] == wanted
            await bia.post(f"{path}/test", {})
            assert (await receiver.until(21))[22]["type"] == "chat4all.test"
    finally:
        await server.kill()


async def test_what_waits_for_a_receiver_survives_kills_of_the_server(tmp_path: Path) -> None:
    server = Server(tmp_path / "data", NETWORKS)
    (tmp_path / "data").mkdir()
    await server.start()
    try:
        async with (
            Receiver().on() as receiver,
            Account(server.url, "ana").signed_up("Ana") as ana,
            Account(server.url, "bia").signed_up("Bia") as bia,
        ):
            receiver.well = False
            await bia.post("webhook-endpoints", {"url": receiver.url, "events": ["message"]})
            chat = await ana.chat_with(bia)
            for part in range(3):
                await ana.say(chat, [str(number) for number in range(10 * part, 10 * part + 10)])
                if part == 0:
                    await receiver.tried(1)
                await server.kill()
                await server.start()
            receiver.well = True
            events = await receiver.until(30)
            once = {one["id"]: one for one in events}
            assert texts(list(once.values())) == [str(number) for number in range(30)]
    finally:
        await server.kill()
