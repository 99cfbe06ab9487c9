"""A PostgreSQL of Debian's packages on a free loopback port, for as long as a context lasts."""

from __future__ import annotations

import asyncio
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import asyncpg

from tests.servers.cache import Missing, skip_for
from tests.servers.process import free_port

PATIENCE = 60.0  # seconds until it answers
USER, PASSWORD = "chat4all_tests", "no:secret/of@anybody"
_UNPRIVILEGED = ("postgres", "nobody")
"""Whom it runs as when the tests are root's: it refuses to be root."""
# A test needs what was committed after a kill of the server, not after a power cut.
_OPTIONS = ("fsync=off", "full_page_writes=off", "max_connections=200", "shared_buffers=32MB")
_databases = itertools.count()


class PostgresServer:
    """One server; stopped and started again it has what it had, on the same port."""

    def __init__(self, folder: Path, *options: str, port: int | None = None) -> None:
        self._data = folder / "data"
        self._log = folder / "server.log"
        self._programs = programs()
        self._options = (*_OPTIONS, *options)
        self._process: subprocess.Popen[bytes] | None = None
        self.port = port or free_port()
        self.certificate = b""
        if who := _as_whom():
            os.chown(folder, who["user"], who["group"])
        if not self._data.exists():
            self._initialise(folder)

    def _initialise(self, folder: Path) -> None:
        """Make the data folder; one that was broken off on the way is none."""
        new = folder / "new"
        shutil.rmtree(new, ignore_errors=True)
        secret = folder / "secret"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        command = [str(self._programs / "initdb"), "-D", str(new), "--no-sync"]
        command += ["--auth=scram-sha-256", f"--username={USER}", f"--pwfile={secret}"]
        # An order of letters as on most servers, not that of bytes.
        command += ["--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US"]
        made = subprocess.run(command, capture_output=True, check=False, **_as_whom())
        assert made.returncode == 0, made.stderr.decode()
        new.rename(self._data)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def url(self, database: str = "postgres", **options: str) -> str:
        """Return the address of a database, with the credentials of its administrator."""
        secret = PASSWORD.replace(":", "%3A").replace("/", "%2F").replace("@", "%40")
        asked = f"?{urlencode(options)}" if options else ""
        return f"postgresql://{USER}:{secret}@127.0.0.1:{self.port}/{database}{asked}"

    def start(self) -> None:
        command = [str(self._programs / "postgres"), "-D", str(self._data), "-p", str(self.port)]
        command += ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
        for option in self._options:
            command += ["-c", option]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, **_as_whom())
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.02)

    def start_with_tls(self, certificate: bytes, key: bytes) -> None:
        """Start it anew, to show this certificate (PEM) to whoever asks for TLS."""
        self.stop()
        self.certificate = certificate
        for name, content in (("server.crt", certificate), ("server.key", key)):
            file = self._data / name
            file.write_bytes(content)
            file.chmod(0o600)
            if who := _as_whom():
                os.chown(file, who["user"], who["group"])
        self._options = (*self._options, "ssl=on")
        self.start()

    def stop(self) -> None:
        """End it at once, with every connection, as a crash does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
            self._process = None

    async def new_database(self) -> str:
        """Make an empty database; return its address."""
        name = f"test_{next(_databases)}"
        await execute(self.url(), f'CREATE DATABASE "{name}"')
        return self.url(name)

    async def stopped(self) -> None:
        await asyncio.to_thread(self.stop)

    async def started(self) -> None:
        await asyncio.to_thread(self.start)

    def _answers(self) -> bool:
        ready = [str(self._programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(ready, check=False).returncode == 0


async def execute(url: str, *statements: str) -> list[Any]:
    """Run statements on one connection; return the rows of the last."""
    connection = await asyncpg.connect(url.replace("cockroachdb:", "postgresql:", 1))
    try:
        rows: list[Any] = []
        for statement in statements:
            rows = await connection.fetch(statement)
        return rows
    finally:
        await connection.close()


def _as_whom() -> dict[str, Any]:
    """Return as whom to run it: as ourselves, unless that is root."""
    if os.geteuid() != 0:
        return {}
    for name in _UNPRIVILEGED:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": [], "cwd": "/"}
    raise Missing("PostgreSQL does not run as root, and there is no other user")


def programs() -> Path:
    """Return the folder of the newest server's programs. Raises `Missing`."""
    debian = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    found = sorted(debian, key=lambda path: float(path.parts[4]))
    on_path = shutil.which("postgres")
    if not found and on_path is None:
        raise Missing("needs PostgreSQL; on Debian: apt-get install postgresql")
    return found[-1].parent if found else Path(on_path or "").resolve().parent


@contextmanager
def postgres_server(*options: str) -> Iterator[PostgresServer]:
    """Run one on a folder of its own; skips where there is none."""
    # Not in pytest's folder, which is closed to the user that the server runs as.
    folder = Path(tempfile.mkdtemp(prefix="chat4all-postgres-"))
    server = None
    try:
        server = PostgresServer(folder, *options)
        server.start()
        yield server
    except Missing as missing:
        skip_for(missing)
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
