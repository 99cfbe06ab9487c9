"""Starts processes of the product that have loaded it already: a column has twelve of them.

Loading takes seconds of a processor each time. Here one process loads the program once, and
each role is a fork of it that goes on as `chat4all WORDS` would, with an environment, an
output and signals of its own. `python -m tests.e2e.nursery` is that one process: a line of
JSON in starts one, a line out says its id, another one how it ended.
"""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import importlib
import json
import os
import queue
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

LOADED = (
    "chat4all.bootstrap.server",
    "chat4all.bootstrap.http_server",
    "chat4all.bootstrap.node",
    "chat4all.bootstrap.role_server",
    "chat4all.bootstrap.files_role",
    "chat4all.adapters.kafka.event_log",
    "chat4all.adapters.mongodb.message_store",
    "chat4all.adapters.mongodb.file_records",
    "chat4all.adapters.redis.ephemeral",
    "chat4all.adapters.s3.object_store",
    "chat4all.adapters.sql.server",
    "chat4all.connectors.telegram.connector",
    "chat4all.connectors.whatsapp.connector",
    "chat4all.cli.app",
    # What those load when they are first used.
    "aioboto3.s3.inject",
    "asyncpg",
    "boto3.s3.transfer",
    "litestar.plugins.pydantic.plugins",
    "multiprocessing.managers",
    "uvicorn.lifespan.off",
    "uvicorn.protocols.websockets.websockets_sansio_impl",
    "uvloop",
)
PATIENCE = 120.0  # seconds


class Born:
    """A process that was started; as much of `asyncio.subprocess.Process` as a role needs."""

    def __init__(self, pid: int, ended: Mapping[int, int]) -> None:
        self.pid = pid
        self._ended = ended

    @property
    def returncode(self) -> int | None:
        return self._ended.get(self.pid)

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    async def wait(self) -> int:
        while (code := self.returncode) is None:  # noqa: ASYNC110 - a thread learns of it
            await asyncio.sleep(0.02)
        return code


class Nursery:
    """The process that starts others, for as long as it is not closed."""

    def __init__(self) -> None:
        names = {k: v for k, v in os.environ.items() if not k.startswith("CHAT4ALL_")}
        command = [sys.executable, "-m", "tests.e2e.nursery"]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=names)
        self._born: queue.Queue[int] = queue.Queue()
        self._ended: dict[int, int] = {}
        self._all: list[Born] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def start(self, words: Sequence[str], settings: Mapping[str, str], output: Path) -> Born:
        """Start `chat4all WORDS`, which appends to `output`."""
        assert self._process.stdin is not None
        told = {"words": list(words), "settings": dict(settings), "output": str(output)}
        self._process.stdin.write(json.dumps(told) + "\n")
        self._process.stdin.flush()
        born = Born(self._born.get(timeout=PATIENCE), self._ended)
        self._all.append(born)
        return born

    def close(self) -> None:
        """End it, and those that a test that was cut short has left."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        for one in self._all:
            one.send_signal(signal.SIGKILL)
        self._process.wait(PATIENCE)
        self._reader.join()
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            told = json.loads(line)
            if "code" in told:
                self._ended[told["pid"]] = told["code"]
            else:
                self._ended.pop(told["pid"], None)  # the system gives an id again
                self._born.put(told["pid"])


def _tell(**told: Any) -> None:
    os.write(1, json.dumps(told).encode() + b"\n")


def _go_on(asked: Mapping[str, Any]) -> None:
    """Become the program."""
    os.environ.update(asked["settings"])
    output = os.open(asked["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, place in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(descriptor, place)
    os.setsid()
    faulthandler.enable(output)
    sys.argv = ["chat4all", *asked["words"]]
    importlib.import_module("chat4all.cli").main()


def _reap(living: set[int]) -> None:
    while living:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        living.discard(pid)
        _tell(pid=pid, code=os.waitstatus_to_exitcode(status))


def main() -> None:
    """Start what is asked for, until the input ends and all have ended."""
    for name in LOADED:
        importlib.import_module(name)
    tasks = len(list(Path("/proc/self/task").iterdir()))
    assert tasks == 1, "a fork has one thread, so what is loaded must not have begun others"
    gc.collect()
    gc.freeze()  # what is loaded is not looked through again in each fork
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    living: set[int] = set()
    rest, is_open = b"", True
    while is_open or living:
        if is_open and select.select([0], [], [], 0.02)[0]:
            piece = os.read(0, 65536)
            is_open = bool(piece)
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                pid = os.fork()
                if pid == 0:
                    signal.signal(signal.SIGINT, signal.default_int_handler)
                    _go_on(json.loads(line))
                    sys.exit(0)
                living.add(pid)
                _tell(pid=pid)
        elif not is_open:
            select.select([], [], [], 0.02)
        _reap(living)


if __name__ == "__main__":
    main()
