"""A served simulator with one number, somebody to talk to, and a place that is called back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from chat4all.testing.listening import Receive, Scope, Send, listening, read_body
from chat4all.testing.whatsapp import (
    Backoff,
    ManualClock,
    Number,
    Phone,
    SimulatorServer,
    WhatsAppSimulator,
)


class Listener:
    """Keeps the callbacks that come; `answers` are the statuses of the next ones."""

    def __init__(self, verify_token: str) -> None:
        self.url = ""
        self.bodies: list[bytes] = []
        self.signatures: list[str] = []
        self.answers: list[int] = []
        self._verify_token = verify_token
        self._came = asyncio.Event()

    @property
    def values(self) -> list[dict[str, Any]]:
        return [
            change["value"]
            for body in self.bodies
            for entry in json.loads(body)["entry"]
            for change in entry["changes"]
        ]

    @property
    def texts(self) -> list[str]:
        return [
            message["text"]["body"]
            for value in self.values
            for message in value.get("messages", [])
            if message["type"] == "text"
        ]

    @property
    def statuses(self) -> list[tuple[str, str]]:
        return [
            (status["id"], status["status"])
            for value in self.values
            for status in value.get("statuses", [])
        ]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not condition():
                self._came.clear()
                await self._came.wait()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status, answer = 200, b""
        if scope["method"] == "GET":
            query = httpx.QueryParams(scope["query_string"].decode())
            proven = query.get("hub.verify_token") == self._verify_token
            status, answer = (200, query["hub.challenge"].encode()) if proven else (403, b"")
        else:
            body = await read_body(receive, most=10**6) or b""
            status = self.answers.pop(0) if self.answers else 200
            if status == 200:
                self.bodies.append(body)
                headers = dict(scope["headers"])
                self.signatures.append(headers[b"x-hub-signature-256"].decode())
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": answer})
        self._came.set()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def simulator(clock: ManualClock) -> WhatsAppSimulator:
    return WhatsAppSimulator(clock=clock, backoff=Backoff(first=0.01, most=0.02))


@pytest.fixture
def number(simulator: WhatsAppSimulator) -> Number:
    return simulator.add_number()


@pytest.fixture
def ana(simulator: WhatsAppSimulator, number: Number) -> Phone:
    return simulator.add_person("Ana Lima")


@pytest.fixture
async def server(simulator: WhatsAppSimulator, number: Number) -> AsyncIterator[SimulatorServer]:
    async with simulator.serve() as server:
        yield server


@pytest.fixture
async def listener(server: SimulatorServer, number: Number) -> AsyncIterator[Listener]:
    listener = Listener(number.verify_token)
    async with listening(listener, host="127.0.0.1", port=0, before_stop=lambda: None) as url:
        await server.simulator.subscribe(number, url)
        listener.url = url
        yield listener


class Business:
    """Makes plain calls as the number's app."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def send(self, to: str, kind: str = "text", content: Any = None, **more: Any) -> Any:
        content = {"body": "Hi"} if content is None else content
        body = {"messaging_product": "whatsapp", "to": to, "type": kind, kind: content, **more}
        return (await self.http.post("messages", json=body)).json()

    async def sent(self, to: str, kind: str = "text", content: Any = None, **more: Any) -> str:
        message: str = (await self.send(to, kind, content, **more))["messages"][0]["id"]
        return message

    async def refused(self, to: str, kind: str = "text", content: Any = None) -> int:
        code: int = (await self.send(to, kind, content))["error"]["code"]
        return code


@pytest.fixture
async def shop(server: SimulatorServer, number: Number) -> AsyncIterator[Business]:
    base = f"{server.url}/v23.0/{number.phone_number_id}/"
    headers = {"Authorization": f"Bearer {number.access_token}"}
    async with httpx.AsyncClient(base_url=base, headers=headers, trust_env=False) as http:
        yield Business(http)
