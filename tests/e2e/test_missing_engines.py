"""A role may start before what it needs: it says what, is not ready, and begins when it comes."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.e2e.cluster import engines
from tests.e2e.column import Shared
from tests.e2e.gate import Gate
from tests.e2e.nursery import Nursery
from tests.e2e.roles import Role
from tests.e2e.watched_server import until
from tests.servers.cache import Missing, skip_for
from tests.servers.minio import running_minio

pytestmark = [pytest.mark.timeout(600), pytest.mark.own_engines]

PATIENCE = 120.0
ROLES = ("gateway", "router", "notifier", "presence", "connector --channel mock", "files")
SETTINGS = ("LOG_URL", "MESSAGES_URL", "DIRECTORY_URL", "EPHEMERAL_URL", "OBJECTS_URL")
NOT_NEEDED = {("files", "LOG_URL"), ("files", "EPHEMERAL_URL")}
PARTS = {"MESSAGES_URL": "messages", "DIRECTORY_URL": "directory", "OBJECTS_URL": "objects"}
_names = itertools.count()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    with engines(tmp_path_factory.mktemp("engines")) as found:
        try:
            with running_minio(tmp_path_factory.mktemp("minio")) as minio:
                yield Shared(found, minio)
        except Missing as missing:
            skip_for(missing)


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    nursery = Nursery()
    yield nursery
    nursery.close()


@pytest.mark.parametrize("setting", SETTINGS)
async def test_what_is_missing_is_told_and_waited_for(
    tmp_path: Path, shared: Shared, nursery: Nursery, setting: str
) -> None:
    name = f"CHAT4ALL_{setting}"
    settings = await shared.settings(f"missing{next(_names)}")
    # Else the driver of MongoDB learns of the address behind the gate and goes there.
    settings["CHAT4ALL_MESSAGES_URL"] += "&directConnection=true"
    settings[name], gate = _behind_a_gate(settings[name])
    async with gate.standing(), _launched(tmp_path, settings, nursery) as roles:
        waiting = [role for words, role in roles.items() if (words, setting) not in NOT_NEEDED]
        for role in waiting:
            await _says_that_it_waits(role, name)
        await gate.open()
        await asyncio.gather(*(role.is_up(within=PATIENCE) for role in roles.values()))
        if ("files", setting) not in NOT_NEEDED:
            await gate.shut()
            await _is_not_ready(roles["files"], PARTS[setting])
            await gate.open()
            await roles["files"].is_up(within=PATIENCE)


async def _is_not_ready(role: Role, part: str) -> None:
    async with asyncio.timeout(PATIENCE), httpx.AsyncClient(trust_env=False) as http:
        while (told := await http.get(f"{role.url}/readyz")).is_success:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    assert part in told.text


async def _says_that_it_waits(role: Role, name: str) -> None:
    await until(lambda: name in role.output.read_text(), within=PATIENCE)
    async with httpx.AsyncClient(base_url=role.url, trust_env=False) as http:
        ready, alive = await http.get("/readyz"), await http.get("/healthz")
    assert (ready.status_code, alive.status_code) == (503, 200)
    assert name in ready.text
    [line, *_] = [one for one in role.output.read_text().splitlines() if name in one]
    assert "not ready: an engine is waited for" in line
    assert "does not answer" in line
    assert "Traceback" not in role.output.read_text()


@asynccontextmanager
async def _launched(
    folder: Path, settings: dict[str, str], nursery: Nursery
) -> AsyncIterator[dict[str, Role]]:
    roles = {
        words: Role(("run", *words.split()), folder, settings, nursery=nursery) for words in ROLES
    }
    for words, role in roles.items():
        role.output = folder / f"{words.split()[0]}.txt"
        role.output.touch()
        role.settings["CHAT4ALL_PUBLIC_URL"] = roles["gateway"].url
    try:
        for role in roles.values():
            await role.launch()
        yield roles
    finally:
        await asyncio.gather(*(role.stop() for role in roles.values()))


def _behind_a_gate(url: str) -> tuple[str, Gate]:
    """Return the address of an engine through a gate that is shut, and the gate."""
    address = url.partition("endpoint=")[2] or url
    port = urlsplit(address.partition("&")[0]).port
    assert port is not None
    gate = Gate(port)
    return url.replace(f":{port}", f":{gate.port}"), gate
