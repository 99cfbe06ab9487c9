"""Servers that speak MongoDB's protocol, on a free loopback port for as long as a context lasts.

No registry has MongoDB itself: it is used where `mongod` is on the PATH. SecantusDB is
MongoDB written anew on its storage engine, in Python (PyPI) and in Rust (crates.io); the one
in Python reads a whole collection for a query with `$or`, so load is for the other, which
takes minutes to build. FerretDB (Go, with SQLite inside) has no transactions and fewer
operators. What holds on all, and follows the manual, is likely to hold on MongoDB.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pymongo import MongoClient

from tests.servers.cache import Missing, alone, cache_folder, skip_for
from tests.servers.process import free_port

PATIENCE = 60.0  # seconds until it answers
SECANTUS_VERSION, FERRET_VERSION = "0.7.0b3", "1.24.2"
_SECANTUS = f"secantusdb-{SECANTUS_VERSION}"
_SECANTUS_PACKAGE = f"secantusdb=={SECANTUS_VERSION}"
SECANTUS_RUST_VERSION = "0.5.3-beta.196"
_SECANTUS_RUST = f"secantus-mdb-{SECANTUS_RUST_VERSION}"
_FERRET = f"ferretdb-{FERRET_VERSION}"
_FERRET_MODULE = "github.com/FerretDB/FerretDB"
_NOT_HERE = "{} is not here; `scripts/servers` fetches it"


class MongoServer:
    """One server of a kind; killed and started again on the same port it has what it had."""

    def __init__(self, kind: str, folder: Path, *, port: int | None = None) -> None:
        self._folder = folder
        self.kind = kind
        self._program = PROGRAMS[kind]()
        self.port = port or free_port()
        self.options: list[str] = []
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str) -> str:
        """Return the address of a database, for a client that is patient on a busy machine."""
        return f"mongodb://127.0.0.1:{self.port}/{database}?socketTimeoutMS=120000"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        data = self._folder / "data"
        data.mkdir(exist_ok=True)
        options = [*_OPTIONS[self.kind](self.port, data), *self.options]
        with (self._folder / "output.txt").open("ab") as output:
            self._process = subprocess.Popen(
                [str(self._program), *options], stdout=output, stderr=output, cwd=self._folder
            )
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            told = (self._folder / "output.txt").read_text(errors="replace")[-5_000:]
            assert self._process.poll() is None, told
            assert time.monotonic() < deadline, told
            time.sleep(0.05)
        if self.kind == "mongod":
            _make_replica_set(self.port)

    def stop(self) -> None:
        """Kill it, as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True


def _make_replica_set(port: int) -> None:
    with MongoClient[dict[str, object]](port=port, directConnection=True) as client:
        if not client.admin.command("hello").get("setName"):
            member = {"_id": 0, "host": f"127.0.0.1:{port}"}
            client.admin.command("replSetInitiate", {"_id": "tests", "members": [member]})
        while not client.admin.command("hello")["isWritablePrimary"]:
            time.sleep(0.05)


def _mongod() -> Path:
    found = shutil.which("mongod")
    if found is None:
        raise Missing("there is no mongod on the PATH")
    return Path(found)


def _secantus() -> Path:
    program = cache_folder() / _SECANTUS / "bin" / "secantusd-py"
    if not program.exists():
        raise Missing(_NOT_HERE.format("SecantusDB"))
    return program


def _secantus_rust() -> Path:
    program = cache_folder() / _SECANTUS_RUST / "bin" / "secantusd-rs"
    if not program.exists():
        raise Missing("it is not here; `scripts/servers secantusdb-rust` builds it")
    return program


def _ferret() -> Path:
    program = cache_folder() / _FERRET / "ferretdb"
    if not program.exists():
        raise Missing(_NOT_HERE.format("FerretDB"))
    return program


def build_secantus() -> Path:
    """Install SecantusDB in an environment of its own. Raises `Missing`."""
    with alone(_SECANTUS) as folder:
        if (folder / "bin" / "secantusd-py").exists():
            return _secantus()
        _run([sys.executable, "-m", "venv", str(folder)], folder)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        _run([*pip, _SECANTUS_PACKAGE], folder)
        return _secantus()


def build_secantus_rust() -> Path:
    """Build SecantusDB's server in Rust, which takes minutes. Raises `Missing`."""
    with alone(_SECANTUS_RUST) as folder:
        if (folder / "bin" / "secantusd-rs").exists():
            return _secantus_rust()
        if shutil.which("cargo") is None:
            raise Missing("SecantusDB in Rust needs cargo to be built (https://rustup.rs)")
        version = ["--version", SECANTUS_RUST_VERSION, "--locked"]
        # It names a newer compiler than it needs.
        options = ["--ignore-rust-version", "--root", str(folder)]
        target = ["--target-dir", str(folder / "target")]
        _run(["cargo", "install", "secantus-mdb", *version, *options, *target], folder)
        shutil.rmtree(folder / "target")
        return _secantus_rust()


def build_ferret() -> Path:
    """Build FerretDB. Raises `Missing`."""
    with alone(_FERRET) as folder:
        if (folder / "ferretdb").exists():
            return _ferret()
        if shutil.which("go") is None:
            raise Missing("FerretDB needs Go to be built (https://go.dev/dl)")
        named = f"{_FERRET_MODULE}@v{FERRET_VERSION}"
        told = json.loads(_run(["go", "mod", "download", "-json", named], folder))
        source = folder / "source"
        shutil.rmtree(source, ignore_errors=True)
        shutil.copytree(told["Dir"], source, copy_function=shutil.copyfile)
        for place in (source, *source.rglob("*")):
            if place.is_dir():
                place.chmod(0o755)
        # Its module leaves out this file, without which it does not start.
        (source / "build" / "version" / "version.txt").write_text(f"v{FERRET_VERSION}")
        target = ["-o", str(folder / "new"), "./cmd/ferretdb"]
        _run(["go", "build", "-trimpath", "-ldflags=-s -w", *target], source)
        shutil.rmtree(source)
        (folder / "new").rename(folder / "ferretdb")
        return _ferret()


def _run(command: list[str], folder: Path) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "CGO_ENABLED": "0"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        raise Missing(f"{' '.join(command[:4])} ... failed:\n{done.stderr.decode()[-2000:]}")
    return done.stdout.decode()


PROGRAMS: dict[str, Callable[[], Path]] = {
    "mongod": _mongod,
    "secantusdb": _secantus,
    "secantusdb-rust": _secantus_rust,
    "ferretdb": _ferret,
}

BUILD: dict[str, Callable[[], Path]] = {
    "mongod": _mongod,
    "secantusdb": build_secantus,
    "secantusdb-rust": build_secantus_rust,
    "ferretdb": build_ferret,
}
"""What makes the program of a kind be there, or raises `Missing`."""


def _mongod_options(port: int, data: Path) -> list[str]:
    place = ["--bind_ip", "127.0.0.1", "--port", str(port), "--dbpath", str(data)]
    return [*place, "--replSet", "tests"]


def _secantus_options(port: int, data: Path) -> list[str]:
    place = ["--host", "127.0.0.1", "--port", str(port), "--storage-path", str(data)]
    return [*place, "--sync-on-commit", "--log-level", "WARNING", "--cache-size", "256M"]


def _ferret_options(port: int, data: Path) -> list[str]:
    place = [f"--listen-addr=127.0.0.1:{port}", f"--sqlite-url=file:{data}/"]
    quiet = ["--telemetry=disable", "--debug-addr=-", "--log-level=error"]
    return [*place, "--handler=sqlite", f"--state-dir={data}", *quiet]


_OPTIONS: dict[str, Callable[[int, Path], list[str]]] = {
    "mongod": _mongod_options,
    "secantusdb": _secantus_options,
    "secantusdb-rust": _secantus_options,
    "ferretdb": _ferret_options,
}


def _is_here(kind: str) -> bool:
    try:
        return PROGRAMS[kind]().exists()
    except Missing:
        return False


_MORE = tuple(kind for kind in ("mongod", "secantusdb-rust") if _is_here(kind))
KINDS = ("secantusdb", "ferretdb", *_MORE)
"""Those that the tests ask for."""
USUAL = (*_MORE, "secantusdb")[0]
"""The one for all that does not concern its kind."""


@contextmanager
def mongo_server(kind: str, folder: Path) -> Iterator[MongoServer]:
    try:
        server = MongoServer(kind, folder)
    except Missing as missing:
        skip_for(missing)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        with warnings.catch_warnings():
            # The driver leaves a socket open whose server ends while it connects.
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()
