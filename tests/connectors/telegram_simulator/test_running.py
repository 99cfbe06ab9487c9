"""Starting and stopping the simulator."""

from __future__ import annotations

import asyncio
import socket

import httpx
import pytest

from chat4all.testing.telegram import TelegramSimulator, describe, run_telegram_simulator


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


async def test_it_runs_until_cancelled_and_prints_nothing(
    capfd: pytest.CaptureFixture[str],
) -> None:
    port = free_port()
    running = asyncio.create_task(run_telegram_simulator("127.0.0.1", port, "123456:AAtoken"))
    transport = httpx.AsyncHTTPTransport(retries=5)
    async with httpx.AsyncClient(transport=transport, timeout=60) as client:
        url = f"http://127.0.0.1:{port}"
        me = await client.get(f"{url}/bot123456:AAtoken/getMe")
        assert me.json()["result"]["id"] == 123456
        state = (await client.get(f"{url}/sim/state")).json()
        assert [person["first_name"] for person in state["people"]] == ["Ana", "Bruno"]
        # A poll that waits does not hold up the stop.
        poll = asyncio.create_task(client.get(f"{url}/bot123456:AAtoken/getUpdates?timeout=50"))
        version = state["version"]
        await client.get(f"{url}/sim/state?since={version}&wait=5")
        running.cancel()
        assert (await asyncio.wait_for(poll, 5)).json() == {"ok": True, "result": []}
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(running, 5)
    assert capfd.readouterr() == ("", "")
    with socket.create_server(("127.0.0.1", port)):
        pass


async def test_a_taken_port_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        await run_telegram_simulator("127.0.0.1", taken.getsockname()[1], "123456:AAtoken")


async def test_two_simulators_do_not_meet() -> None:
    one, two = TelegramSimulator(), TelegramSimulator()
    token = one.add_bot("one_bot")
    async with one.serve() as first, two.serve() as second, httpx.AsyncClient() as client:
        assert (await client.get(f"{first.url}/bot{token}/getMe")).status_code == 200
        assert (await client.get(f"{second.url}/bot{token}/getMe")).status_code == 401


def test_the_description_says_where_to_go() -> None:
    told = describe("127.0.0.1", 8081, "123456:AAtoken")
    assert "http://127.0.0.1:8081/" in told
    assert "123456:AAtoken" in told
