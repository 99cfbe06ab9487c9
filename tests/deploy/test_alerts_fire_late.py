"""Alerts whose faults take long to bring about: `scripts/test -m chaos tests/deploy`."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
import pytest_asyncio

from chat4all.bootstrap.mock import MOCK_ACCOUNT
from tests.deploy.test_alerts_fire import FAULTS as SOON
from tests.deploy.test_alerts_fire import (
    PATIENCE,
    SEVERITY,
    Fault,
    Scene,
    a_scene,
    again_and_again,
)

pytestmark = pytest.mark.embedded("damages and locks SQLite files, and stops one process")

SETTINGS = {
    "audit_rate": "100000",
    "audit_grace_seconds": "1",
    "canary": "mock:canary-a mock:canary-b",
    "canary_seconds": "1",
    "sender_rate": "100000",
    "conversation_rate": "100000",
    "backlog": "50000",
}
BEHIND, AT_ONCE = 5_500, 500
"""Messages that the log takes while the store takes none, and how many of them in a request."""
HURRIED = 20
"""How many times faster the rules are. What waits for a locked file is refused in one go, every
few seconds: in 15 seconds at least once."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    async with a_scene(tmp_path_factory.mktemp("alerted"), hurried=HURRIED, **SETTINGS) as made:
        yield made


@asynccontextmanager
async def locked(file: Path) -> AsyncIterator[None]:
    """Keep a database from being written to."""
    with closing(sqlite3.connect(file, timeout=30, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        yield
        database.execute("ROLLBACK")


@asynccontextmanager
async def log_takes_nothing(scene: Scene) -> AsyncIterator[None]:
    async with locked(scene.server.data / "log.sqlite3"), again_and_again(scene.say):
        yield


@asynccontextmanager
async def a_cursor_is_ahead(scene: Scene) -> AsyncIterator[None]:
    assert (await scene.say()).status_code == 202
    async with asyncio.timeout(PATIENCE):
        while not await _moved(scene, 1_000_000):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.2)
    yield
    assert await _moved(scene, -1_000_000)


async def _moved(scene: Scene, by: int) -> bool:
    """Move what one member has read, behind the server's back; say whether there was one."""

    def work() -> bool:
        file = scene.server.data / "messages.sqlite3"
        with closing(sqlite3.connect(file, timeout=30)) as database, database:
            changed = """
                UPDATE cursor SET read = read + ?, delivered = delivered + ? WHERE
                (conversation, user) = (SELECT conversation, user FROM cursor LIMIT 1)
            """
            return database.execute(changed, (by, by)).rowcount == 1

    return await asyncio.to_thread(work)


@asynccontextmanager
async def store_takes_nothing(scene: Scene) -> AsyncIterator[None]:
    async with locked(scene.server.data / "messages.sqlite3"):
        for _ in range(BEHIND // AT_ONCE):
            some = [
                {
                    "message_id": str(uuid.uuid4()),
                    "conversation_id": scene.talk,
                    "payload": {"type": "text", "text": "Hello"},
                }
                for _ in range(AT_ONCE)
            ]
            answer = await scene.ana.ask("POST", "/v1/messages/batch", json={"messages": some})
            assert answer.status_code < 300, answer.text
        yield


@asynccontextmanager
async def phones_are_switched_off(scene: Scene) -> AsyncIterator[None]:
    account = f"admin/connectors/accounts/{MOCK_ACCOUNT}"
    await scene.ana.patch(account, {"enabled": False})
    yield
    await scene.ana.patch(account, {"enabled": True})


@asynccontextmanager
async def auditor_hangs(scene: Scene) -> AsyncIterator[None]:
    process: int = json.loads((scene.server.data / "operator.json").read_text())["pid"]
    os.kill(process, signal.SIGSTOP)
    yield
    os.kill(process, signal.SIGCONT)


FAULTS: dict[Fault, set[str]] = {
    log_takes_nothing: {"Chat4AllSlow"},
    a_cursor_is_ahead: {"Chat4AllPromiseBroken"},
    phones_are_switched_off: {"Chat4AllCanaryLost"},
    auditor_hangs: {"Chat4AllAuditorSilent"},
    store_takes_nothing: {"Chat4AllRouterBehind"},
}

ELSEWHERE = {
    "Chat4AllAuditBehind",
    "Chat4AllAvailabilityBurnsFast",
    "Chat4AllAvailabilityBurnsSlowly",
    "Chat4AllErrorsOverOnePercent",
}
"""What test_alert_audit_behind.py and test_alerts_of_errors.py bring about."""


@pytest.mark.chaos
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("fault", FAULTS, ids=lambda one: one.__name__)
async def test_an_alert_is_told_and_taken_back(scene: Scene, fault: Fault) -> None:
    async with fault(scene):
        await scene.comes_to("firing", FAULTS[fault])
    await scene.comes_to("resolved", FAULTS[fault])


async def firing(scene: Scene) -> set[str]:
    """Return what fires, whether or not a receiver is told."""
    return {name for name, state in (await scene.alerts()).items() if state == "firing"}


def test_every_alert_is_brought_about() -> None:
    """With promtool as well: tests of the rules in ops/prometheus/tests."""
    brought = {name for names in (SOON | FAULTS).values() for name in names} | ELSEWHERE
    assert set(SEVERITY) == brought
