"""`scripts/devstack`: the servers of the distributed column, for a developer."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from pymongo import MongoClient

from tests.e2e.account import Account
from tests.e2e.cluster import running
from tests.e2e.watched_server import until
from tests.servers.cache import Missing, skip_for
from tests.servers.devstack import NAMES, ROOT
from tests.servers.go_program import MINIO
from tests.servers.kafka_server import jars
from tests.servers.leftovers import DEVSTACK, bearing
from tests.servers.mongo_server import PROGRAMS, USUAL
from tests.servers.postgres_server import programs
from tests.servers.redis_server import executable

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.own_engines,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs Linux's /proc"),
]


class Shell:
    """Runs the command on a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.servers.devstack", "--folder", str(self.folder), *words],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str) -> tuple[int, str, str]:
        """Return the exit code and what it printed."""
        process = self.start(*words)
        out, err = process.communicate()
        return process.returncode, out, err

    def states(self) -> dict[str, str]:
        """Return what `status` says of each server."""
        _, out, _ = self.run("status")
        return {line.split()[0]: line.split()[1] for line in out.splitlines()}

    def processes(self) -> dict[int, str]:
        return bearing(DEVSTACK, str(self.folder))


@pytest.fixture
def shell() -> Iterator[Shell]:
    try:
        for there in (jars, PROGRAMS[USUAL], MINIO.path, programs, executable):
            there()
    except Missing as missing:
        skip_for(missing)
    # Not in pytest's folder, which is closed to the user that PostgreSQL runs as under root.
    folder = Path(tempfile.mkdtemp(prefix="chat4all-devstack-"))
    folder.chmod(0o755)
    made = Shell(folder)
    try:
        yield made
    finally:
        made.run("down", "--wipe")
        shutil.rmtree(folder, ignore_errors=True)


def exported(lines: str) -> dict[str, str]:
    """Return the variables that a shell has after it evaluated `lines`."""
    words = [shlex.split(line) for line in lines.splitlines()]
    assert {word for word, _ in words} == {"export"}
    return dict(assignment.split("=", 1) for _, assignment in words)


async def test_a_message_goes_through_servers_that_keep_what_they_have_until_wiped(
    shell: Shell, tmp_path: Path
) -> None:
    code, out, err = shell.run("up")
    assert code == 0, err
    assert shell.states() == dict.fromkeys(NAMES, "up")
    assert shell.run("status", "--env")[1] == out
    async with (
        running(tmp_path, exported(out), "gateway", "router,notifier") as (gateway, _),
        Account(gateway.url, "ana").signed_up("Ana") as ana,
        Account(gateway.url, "bia").signed_up("Bia") as bia,
    ):
        chat = await ana.chat_with(bia)
        await ana.say(chat, ["hello"])
        [found] = await bia.history(chat, 1)
        assert found["payload"]["text"] == "hello"
    assert shell.run("down")[0] == 0
    assert shell.processes() == {}
    assert shell.states() == dict.fromkeys(NAMES, "down")

    assert shell.run("up")[1] == out  # the ports are those of before
    url = exported(out)["CHAT4ALL_MESSAGES_URL"]
    with MongoClient[dict[str, object]](url) as client:
        assert client.get_default_database()["messages"].count_documents({}) == 1
    assert shell.run("down", "--wipe")[0] == 0
    assert not shell.folder.exists()


async def test_servers_that_an_interrupted_start_left_behind_are_found_and_ended(
    shell: Shell,
) -> None:
    starting = shell.start("up")

    def is_redis_there() -> bool:
        return any("redis-server" in command for command in shell.processes().values())

    await until(is_redis_there, within=120)
    starting.kill()
    for process, command in shell.processes().items():
        if command.endswith(" begin"):
            os.kill(process, signal.SIGKILL)
    starting.communicate()
    assert "left of an `up` that was broken off" in shell.run("status")[2]
    assert shell.run("down")[0] == 0
    assert shell.processes() == {}
