"""The servers of the distributed column for a developer: `scripts/devstack`.

They outlive the command that starts them. Each bears the folder of their data in its
environment, by which `down` also finds what an `up` that was killed has left. Linux tells the
environment of a process; elsewhere this does not work.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol

import asyncpg
import boto3

from tests.servers import kafka_server, mongo_server
from tests.servers.cache import Missing, held
from tests.servers.go_program import MINIO
from tests.servers.kafka_server import KafkaServer
from tests.servers.leftovers import DEVSTACK, bearing
from tests.servers.minio import PASSWORD, USER, Minio
from tests.servers.mongo_server import USUAL, MongoServer
from tests.servers.postgres_server import PostgresServer, execute
from tests.servers.redis_server import RedisServer

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".devstack"
NAME = "chat4all"
"""Of the topics' prefix, the databases and the bucket."""
REGION = "us-east-1"
STOP_SECONDS = 20.0
DURABLE = ("fsync=on", "full_page_writes=on")
"""What a developer keeps may meet a power cut, unlike what a test does."""


class Server(Protocol):
    """One that is running once `start` has returned."""

    port: int

    @property
    def pid(self) -> int: ...

    def start(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Servers:
    """One of each."""

    kafka: KafkaServer
    mongodb: MongoServer
    postgresql: PostgresServer
    redis: RedisServer
    minio: Minio

    @classmethod
    def prepared(cls, folder: Path, ports: Mapping[str, int]) -> Servers:
        """Make ready to start them on `folder`, at these ports. Raises `Missing`."""
        for name in NAMES:
            (folder / name).mkdir(exist_ok=True)
        return cls(
            kafka=KafkaServer(folder / "kafka", port=ports.get("kafka")),
            mongodb=MongoServer(USUAL, folder / "mongodb", port=ports.get("mongodb")),
            postgresql=PostgresServer(
                folder / "postgresql", *DURABLE, port=ports.get("postgresql")
            ),
            redis=RedisServer(folder / "redis", port=ports.get("redis")),
            minio=Minio(folder / "minio", ports.get("minio")),
        )

    def by_name(self) -> dict[str, Server]:
        return {name: getattr(self, name) for name in NAMES}

    def settings(self) -> dict[str, str]:
        """Return what `chat4all` has to be told of them."""
        return {
            "CHAT4ALL_LOG_URL": f"{self.kafka.url}/{NAME}?partitions=4",
            "CHAT4ALL_MESSAGES_URL": self.mongodb.url(NAME),
            "CHAT4ALL_DIRECTORY_URL": self.postgresql.url(NAME),
            "CHAT4ALL_EPHEMERAL_URL": self.redis.url,
            "CHAT4ALL_OBJECTS_URL": f"s3://{NAME}?endpoint={self.minio.url}&region={REGION}",
            "AWS_ACCESS_KEY_ID": USER,
            "AWS_SECRET_ACCESS_KEY": PASSWORD,
        }

    def make_places(self) -> None:
        """Make the database and the bucket that the settings name, where they are not there."""
        with suppress(asyncpg.DuplicateDatabaseError):
            asyncio.run(execute(self.postgresql.url(), f"CREATE DATABASE {NAME}"))
        secret = {"aws_access_key_id": USER, "aws_secret_access_key": PASSWORD}
        s3 = boto3.client("s3", endpoint_url=self.minio.url, region_name=REGION, **secret)
        with suppress(s3.exceptions.BucketAlreadyOwnedByYou):
            s3.create_bucket(Bucket=NAME)


NAMES = tuple(one.name for one in fields(Servers))


class Devstack:
    """The servers whose data is in `folder`, and what `servers.json` there tells of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._state = folder / "servers.json"

    def up(self) -> int:
        """Start what is not there; all of it is up at the end, or nothing."""
        with held(self.folder):
            if set(self.states().values()) != {"up"}:
                self.down()
                if not self._started():
                    self.down()
                    return 1
        return self.tell_settings()

    def down(self) -> None:
        """End every process that bears the folder, as Ctrl-C would, and at last by force."""
        last = time.monotonic() + STOP_SECONDS
        told: set[int] = set()
        while left := set(self._processes()):
            by_force = time.monotonic() > last
            for process in left:
                # A server's own processes are ended by the server.
                if by_force or (process not in told and _parent(process) not in left):
                    told.add(process)
                    with suppress(ProcessLookupError):
                        os.kill(process, signal.SIGKILL if by_force else signal.SIGINT)
            time.sleep(0.05)

    def wipe(self) -> None:
        """Forget what they kept."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def status(self) -> int:
        """Print how each is; return 0 when all are up."""
        known, states = self._known(), self.states()
        for name, state in states.items():
            at = f"127.0.0.1:{known[name]['port']}" if name in known else "-"
            sys.stdout.write(f"{name:<12}{state:<8}{at:<18}{self.folder / name}\n")
        left = self._processes()
        if left and "up" not in states.values():
            say(f"{len(left)} processes are left of an `up` that was broken off; `down` ends them")
        return int(set(states.values()) != {"up"})

    def states(self) -> dict[str, str]:
        """Return how each is: `up`, `silent` (it runs and does not answer) or `down`."""
        known, running = self._known(), self._processes()
        return {
            name: "down"
            if name not in known or known[name]["pid"] not in running
            else "up"
            if _answers(known[name]["port"])
            else "silent"
            for name in NAMES
        }

    def tell_settings(self) -> int:
        """Print them as lines to export; return 1 when nothing is known of the servers."""
        settings: dict[str, str] = self._read().get("settings", {})
        for name, value in settings.items():
            sys.stdout.write(f"export {name}={shlex.quote(value)}\n")
        if not settings:
            say("they are not up; `scripts/devstack up` starts them")
        return int(not settings)

    def _started(self) -> bool:
        """Start them from a session of their own, which no Ctrl-C of this terminal reaches."""
        say(f"starting {', '.join(NAMES)} in {self.folder}")
        command = [sys.executable, "-m", "tests.servers.devstack"]
        try:
            done = subprocess.run(
                [*command, "--folder", str(self.folder), "begin"],
                cwd=ROOT,
                env={**os.environ, DEVSTACK: str(self.folder)},
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                check=False,
            )
        except KeyboardInterrupt:
            return False
        return done.returncode == 0

    def begin(self) -> int:
        """Start them and write down what they are; return 1 when one does not start."""
        signal.signal(signal.SIGINT, signal.default_int_handler)  # where a shell has it ignored
        try:
            for build in (kafka_server.build, mongo_server.BUILD[USUAL], MINIO.build):
                build()
            servers = Servers.prepared(self.folder, self._free_ports())
        except (Missing, AssertionError) as error:
            say(str(error))
            return 1
        with ThreadPoolExecutor() as pool:
            starting = {
                name: pool.submit(_start, name, one) for name, one in servers.by_name().items()
            }
        failed = {name: why for name, one in starting.items() if (why := one.exception())}
        for name, why in failed.items():
            say(f"{name} does not start: {why}")
        if failed:
            return 1
        servers.make_places()
        known = {
            name: {"port": one.port, "pid": one.pid} for name, one in servers.by_name().items()
        }
        told = {"servers": known, "settings": servers.settings()}
        self._state.write_text(json.dumps(told, indent=2), encoding="utf-8")
        return 0

    def _free_ports(self) -> dict[str, int]:
        """Return the ports of last time that nobody else has taken."""
        ports = {name: one["port"] for name, one in self._known().items()}
        return {name: port for name, port in ports.items() if not _answers(port)}

    def _known(self) -> dict[str, dict[str, int]]:
        known: dict[str, dict[str, int]] = self._read().get("servers", {})
        return known

    def _read(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads(self._state.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return found

    def _processes(self) -> dict[int, str]:
        return bearing(DEVSTACK, str(self.folder))


def _start(name: str, server: Server) -> None:
    server.start()
    say(f"{name} answers at 127.0.0.1:{server.port}")


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _parent(process: int) -> int:
    """Return the id of a process's parent; 0 when it has ended."""
    try:
        told = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    # The name of the program, in brackets, may hold anything.
    return int(told.rpartition(")")[2].split()[1])


def say(text: str) -> None:
    """Tell the person; what a shell is to evaluate goes to standard output."""
    sys.stderr.write(f"devstack: {text}\n")


def main() -> int:
    """Do what the words ask for; return the exit code."""
    parser = argparse.ArgumentParser(prog="scripts/devstack")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where their data is")
    words = parser.add_subparsers(dest="word", required=True)
    words.add_parser("up", help="start them and print the settings")
    status = words.add_parser("status", help="tell how each is; ends with 1 unless all are up")
    status.add_argument("--env", action="store_true", help="print the settings instead")
    down = words.add_parser("down", help="end them")
    down.add_argument("--wipe", action="store_true", help="forget what they kept")
    words.add_parser("begin")
    asked = parser.parse_args()
    stack = Devstack(asked.folder.resolve())
    if asked.word == "up":
        return stack.up()
    if asked.word == "begin":
        return stack.begin()
    if asked.word == "status":
        return stack.tell_settings() if asked.env else stack.status()
    stack.down()
    if asked.wipe:
        stack.wipe()
    return 0


if __name__ == "__main__":
    sys.exit(main())
