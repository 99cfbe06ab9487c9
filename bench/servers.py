"""Servers as processes of their own, each on its core."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

import msgspec

from bench.ceiling import READY
from bench.job import Answer, Job

ROOT = Path(__file__).parent.parent
START_SECONDS, STOP_SECONDS = 60.0, 60.0
RATES = {"CHAT4ALL_SENDER_RATE": "1000000", "CHAT4ALL_CONVERSATION_RATE": "1000000"}
"""Settings of the product under load: a few users send what many would."""


class BenchFailed(Exception):
    """The bench cannot go on; the text says why."""


@dataclass(frozen=True, slots=True)
class Cores:
    """Which core the server and the load generator are kept on; None leaves it to the system."""

    server: int | None
    load: int | None

    def prefix(self, core: int | None) -> list[str]:
        """Return the command that keeps the command after it on `core`."""
        return [] if core is None else ["taskset", "-c", str(core)]

    def __str__(self) -> str:
        if self.server is None:
            return "server and load generator share the cores"
        return f"server on core {self.server}, load generator on core {self.load}"


def two_cores() -> Cores:
    """Return the first two cores we may use, or no pinning when there are not two."""
    usable = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(usable) < 2 or shutil.which("taskset") is None:  # noqa: PLR2004 - one for each
        return Cores(None, None)
    return Cores(usable[0], usable[1])


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers."""

    url: str
    pid: int
    program: str

    @property
    def address(self) -> tuple[str, int]:
        """Return host and port."""
        parts = urlsplit(self.url)
        return parts.hostname or "127.0.0.1", parts.port or 80


def product_command() -> list[str]:
    """Return how the product is started: its own program."""
    program = Path(sys.executable).with_name("chat4all")
    if not program.exists():
        raise BenchFailed(f"there is no {program}; scripts/setup serve installs it")
    return [str(program), "serve"]


@contextlib.contextmanager
def product(
    folder: Path, cores: Cores, *, environment: Mapping[str, str], profile: Path | None = None
) -> Iterator[Server]:
    """Run the product on the data in `folder`; with `profile` under cProfile."""
    command = product_command()
    if profile is not None:
        command = [sys.executable, "-m", "bench.profiled", str(profile)]
    ours = {
        "CHAT4ALL_DATA_DIR": str(folder),
        "CHAT4ALL_PORT": "0",
        "CHAT4ALL_LOG_LEVEL": "warning",
        **environment,
    }
    with _running(command, folder, folder / "operator.json", cores, ours) as server:
        _wait_until_ready(server.url)
        yield server


@contextlib.contextmanager
def ceiling(name: str, folder: Path, cores: Cores) -> Iterator[Server]:
    """Run the empty POST on `litestar` or `asgi`."""
    command = [sys.executable, "-m", "bench.ceiling", name, str(folder)]
    with _running(command, folder, folder / READY, cores, {}) as server:
        yield server


@contextlib.contextmanager
def _running(
    command: Sequence[str], folder: Path, ready: Path, cores: Cores, settings: Mapping[str, str]
) -> Iterator[Server]:
    folder.mkdir(parents=True, exist_ok=True)
    ready.unlink(missing_ok=True)
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("CHAT4ALL_")}
    output = folder / "output.txt"
    with output.open("w") as file:
        process = subprocess.Popen(  # noqa: S603 - our own commands
            [*cores.prefix(cores.server), *command],
            cwd=ROOT,
            env={**inherited, **settings},
            stdout=file,
            stderr=subprocess.STDOUT,
        )
        try:
            url = _address(process, ready, output)
            yield Server(url, process.pid, " ".join(Path(one).name for one in command[:3]))
        finally:
            _stop(process)


def _address(process: subprocess.Popen[bytes], ready: Path, output: Path) -> str:
    limit = time.monotonic() + START_SECONDS
    while time.monotonic() < limit:
        if process.poll() is not None:
            raise BenchFailed(f"the server ended at its start: {output.read_text()[-2000:]}")
        with contextlib.suppress(OSError, json.JSONDecodeError):
            url: str = json.loads(ready.read_text())["url"]
            return url
        time.sleep(0.02)
    raise BenchFailed(f"the server did not start in {START_SECONDS:.0f} s")


def _wait_until_ready(url: str) -> None:
    limit = time.monotonic() + START_SECONDS
    while time.monotonic() < limit:
        with contextlib.suppress(URLError, OSError), urlopen(f"{url}/readyz") as answer:  # noqa: S310 - our own server
            if answer.status == 200:  # noqa: PLR2004 - OK
                return
        time.sleep(0.02)
    raise BenchFailed(f"{url}/readyz was not answered 200 in {START_SECONDS:.0f} s")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def do(job: Job, cores: Cores) -> Answer:
    """Run the load generator on a job; return what came of it."""
    done = subprocess.run(  # noqa: S603 - our own command
        [*cores.prefix(cores.load), sys.executable, "-m", "bench.load"],
        cwd=ROOT,
        input=msgspec.json.encode(job),
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise BenchFailed(f"the load generator failed: {done.stderr.decode()[-2000:]}")
    return msgspec.json.decode(done.stdout, type=Answer)
