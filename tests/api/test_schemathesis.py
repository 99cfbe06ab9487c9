"""The running product keeps to its OpenAPI document, whatever it is sent."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sys
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.product import running_server
from tests.e2e.sender import Sender
from tests.servers.push_service import Browser

CONFIG = Path(__file__).with_name("schemathesis.toml")
HOOKS = Path(__file__).with_name("schemathesis_hooks.py")
PASSWORD = "correct horse battery"
MANY = 30
LEAST_EXAMPLES = 2_000
METHODS = ("get", "put", "post", "delete", "head", "patch")
SETTINGS = {
    "CHAT4ALL_TELEGRAM_API": "http://127.0.0.1:9",
    "CHAT4ALL_WHATSAPP_API": "http://127.0.0.1:9",
    "CHAT4ALL_WEBHOOK_NETWORKS": "127.0.0.1/32",
}
"""Nothing outside this machine is called."""


@dataclass(frozen=True)
class Run:
    """One run of schemathesis: how it ended, what it printed, how often it called what."""

    status: int
    printed: str
    examples: Counter[str]


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_the_product_keeps_to_its_document(tmp_path: Path) -> None:
    shutil.copy(CONFIG, tmp_path)
    shutil.copy(HOOKS, tmp_path)
    async with (
        running_server(tmp_path, SETTINGS) as url,
        signed_up(url, "ana") as admin,
        signed_up(url, "bia") as person,
    ):
        for name, values in (await furnished(admin, person)).items():
            lines = "".join(f'"{value}"\n' for value in values)
            (tmp_path / f"{name}.txt").write_text(lines)
        runs = [
            await run(tmp_path, admin, "examples,coverage,fuzzing", "--max-examples", "10"),
            await run(tmp_path, admin, "stateful", "--max-examples", "3", "--max-time", "45"),
            await run(tmp_path, person, "fuzzing", "--max-examples", "5"),
        ]
        metrics = (await person.get("/metrics")).text
        described = operations((await person.get("/openapi.json")).json())
    for one in runs:
        sys.stdout.write(f"{one.printed}\n{one.examples.total()} examples\n\n")
    assert [one.status for one in runs] == [0, 0, 0]
    assert set(runs[0].examples) == set(runs[2].examples) == described
    assert sum(one.examples.total() for one in runs) >= LEAST_EXAMPLES
    answered = set(re.findall(r'http_response_status_code="(\d+)"', metrics))
    assert {"200", "201", "400", "404"} <= answered
    assert {one for one in answered if one >= "500"} <= {"502"}  # a platform did not answer
    log = (tmp_path / "output.txt").read_text()
    assert re.findall(r"^.*(?:Traceback|unhandled error).*$", log, re.MULTILINE) == []


@asynccontextmanager
async def signed_up(url: str, username: str) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client for a new person; the first is the administrator."""
    person = {"username": username, "password": PASSWORD}
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30.0) as client:
        (await client.post("/v1/auth/register", json=person)).raise_for_status()
        answer = await client.post("/v1/auth/token", data={"grant_type": "password", **person})
        token = answer.raise_for_status().json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


async def furnished(
    admin: httpx.AsyncClient, person: httpx.AsyncClient
) -> Mapping[str, Sequence[str]]:
    """Make what the runs find: each dictionary of the config and its entries."""
    bia = (await person.get("/v1/users/me")).json()["id"]
    group = {"type": "group", "member_ids": [bia]}
    talks = [await made(admin, "conversations", group) for _ in range(MANY)]
    messages = [str(uuid.uuid4()) for _ in talks]
    for talk, message, sender in zip(talks, messages, cycle([admin, person]), strict=False):
        words = {"type": "text", "text": "Lunch?"}
        body = {"conversation_id": talk, "message_id": message, "payload": words}
        (await sender.post("/v1/messages", json=body)).raise_for_status()
    phones = [str(number) for number in range(MANY)]
    cards = [
        {"display_name": "Rita", "channels": [{"platform": "mock", "external_id": number}]}
        for number in phones
    ]
    account = {"platform": "mock", "name": "Phones"}
    receiver = {"url": "http://127.0.0.1:9/"}
    devices = [
        {"endpoint": f"http://127.0.0.1:9/{number}", "keys": dict(Browser().keys)}
        for number in range(10)
    ]
    return {
        "conversations": talks,
        "messages": messages,
        "users": [bia, (await admin.get("/v1/users/me")).json()["id"]],
        "contacts": [await made(admin, "contacts", card) for card in cards],
        "phones": phones,
        "accounts": [await made(admin, "admin/connectors/accounts", account) for _ in range(8)],
        "endpoints": [await made(admin, "webhook-endpoints", receiver) for _ in range(10)],
        "devices": [await made(admin, "push-subscriptions", device) for device in devices],
        "files": [
            await uploaded(admin, talk, ready=ready) for talk in talks[:8] for ready in (0, 1)
        ],
    }


async def uploaded(client: httpx.AsyncClient, talk: str, *, ready: int) -> str:
    """Upload a small file, or begin to."""
    sender = Sender(client, "")
    if ready:
        return await sender.upload(talk, b"<b>no page of ours</b>", mime_type="text/html")
    file_id, _ = await sender.begin(talk, b"unfinished")
    return file_id


async def made(client: httpx.AsyncClient, path: str, body: Any) -> str:
    answer = await client.post(f"/v1/{path}", json=body)
    return str(answer.raise_for_status().json()["id"])


async def run(folder: Path, client: httpx.AsyncClient, phases: str, *options: str) -> Run:
    """Let schemathesis loose as who `client` is."""
    report = folder / f"{uuid.uuid4()}.ndjson"
    # One worker: CPython 3.11 counts the depth of syntax trees for all threads together, and
    # with two of them hypothesis fails now and then with "AST constructor recursion depth".
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("st"),
        *("--config-file", folder / CONFIG.name, "run", f"{client.base_url}/openapi.json"),
        *("--header", f"Authorization: {client.headers['Authorization']}"),
        *("--phases", phases, "--workers", "1", "--warnings", "off"),
        *("--report", "ndjson", "--report-ndjson-path", report),
        *options,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await process.communicate()
    examples = Counter(examples_in(report))
    return Run(process.returncode or 0, printed.decode(), examples)


def operations(document: Mapping[str, Any]) -> set[str]:
    """Return every operation of the document, as schemathesis names it."""
    return {
        f"{method.upper()} {path}"
        for path, item in document["paths"].items()
        for method in METHODS
        if method in item
    }


def examples_in(report: Path) -> Iterator[str]:
    """Yield the operation of each example that was sent."""
    with report.open() as lines:
        for line in lines:
            recorder = json.loads(line).get("ScenarioFinished", {}).get("recorder", {})
            for _ in recorder.get("cases", ()):
                yield recorder["label"]
