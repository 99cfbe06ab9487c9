"""Servers of others, run for a test on a free port of this machine."""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

from tests.servers.leftovers import mark

START_SECONDS, STOP_SECONDS = 120.0, 30.0
PORTS = range(20_000, 32_000)
TURNS = Path(tempfile.gettempdir()) / f"chat4all-tests-{os.getuid()}.port"
_open = build_opener(ProxyHandler({})).open


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on, and nobody else was given.

    It is none of those that the system gives to connections and to who asks for port 0, so a
    server that is killed finds it free when it comes back. All test processes of the machine
    take turns: two servers that are about to listen would else be given one port now and then.
    """
    while True:
        port = PORTS[_turn() % len(PORTS)]
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def _turn() -> int:
    with TURNS.open("a+") as turns:
        fcntl.flock(turns, fcntl.LOCK_EX)
        turns.seek(0)
        turn = int(turns.read() or secrets.randbelow(len(PORTS)))
        turns.truncate(0)
        turns.write(str(turn + 1))
        return turn


@contextmanager
def running(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    output: Path,
    ready: str,
    method: str = "GET",
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `command` until the block ends, as `started` starts it."""
    process = started(command, environment=environment, output=output, ready=ready, method=method)
    try:
        yield process
    finally:
        stop(process)


def started(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    output: Path,
    ready: str,
    method: str = "GET",
) -> subprocess.Popen[bytes]:
    """Start `command`; return it once `ready`, an address, answers.

    Raises `AssertionError` with what it printed when it does not start.
    """
    with output.open("wb") as sink:
        process = subprocess.Popen(command, env={**environment, **mark()}, stdout=sink, stderr=sink)
    try:
        _wait(process, lambda: _answers(ready, method), output)
    except BaseException:
        stop(process)
        raise
    return process


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process that we started."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], met: Callable[[], bool], output: Path) -> None:
    last = time.monotonic() + START_SECONDS
    while not met():
        told = output.read_text(errors="replace")
        assert process.poll() is None, f"it ended with {process.returncode}:\n{told}"
        assert time.monotonic() < last, f"it does not answer:\n{told}"
        time.sleep(0.05)


def _answers(url: str, method: str) -> bool:
    try:
        request = Request(url, method=method)  # noqa: S310 - of a server that we started
        with _open(request, timeout=2) as answer:
            return bool(answer.status < 300)
    except (URLError, OSError):
        return False
