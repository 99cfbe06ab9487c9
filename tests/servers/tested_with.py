"""Runs the contract suites on each engine and writes what came of it: `scripts/tested-with`."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

from tests.servers import kafka_server, mongo_server, postgres_server
from tests.servers.cache import Missing
from tests.servers.go_program import MINIO

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/reference/tested-with.md"
CONTRACT = "tests/contract/"
REAL, COMPATIBLE = "real", "compatible"
HEAD = """# Tested with

Written by `scripts/tested-with`, which runs the contract suites of the ports on each engine that
it finds. **Real** is the server itself. **Compatible** is another server that speaks its protocol:
what holds there is likely to hold, but it tells nothing of how the engine itself fails over, or of
what it does when it is short of something. What a server does not promise is skipped, and the test
says why.

| engine | server | version | evidence | tests passed | skipped |
|---|---|---|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Engine:
    """One engine: the server that stood for it, and the tests that ran on it."""

    name: str
    server: str
    version: Callable[[], str]
    evidence: str
    tests: Sequence[str]
    """Files and, after `::`, classes; what pytest selects by."""
    select: str = ""


class Outcome(NamedTuple):
    """What pytest counted."""

    passed: int
    skipped: int
    failed: int


def printed(*command: str) -> Callable[[], str]:
    """Return what finds the version that a program prints; it raises `Missing`."""

    def version() -> str:
        program = shutil.which(command[0], path=f"{os.environ['PATH']}:/usr/sbin")
        if program is None:
            raise Missing(f"there is no {command[0]}")
        told = subprocess.run([program, *command[1:]], capture_output=True, text=True, check=False)
        found = re.search(r"\d+\.\d+[\w.-]*", told.stdout + told.stderr)
        if found is None:
            raise Missing(f"{command[0]} does not tell its version")
        return found[0]

    return version


def postgres() -> str:
    """Return the version of PostgreSQL. Raises `Missing`."""
    return printed(str(postgres_server.programs() / "postgres"), "--version")()


def secantus_rust() -> str:
    """Return the version of SecantusDB in Rust. Raises `Missing` where it was not built."""
    mongo_server.PROGRAMS["secantusdb-rust"]()
    return mongo_server.SECANTUS_RUST_VERSION


SQLITE = (
    "test_directory.py::TestSqlite",
    "test_event_log.py::TestSqliteAlone",
    "test_event_log.py::TestSqliteShared",
    "test_event_log.py::TestSqliteSharedWithPartitions",
    "test_file_records.py::TestSqlite",
    "test_message_store.py::TestSqlite",
)
MONGODB = ("test_mongodb.py", "test_mongodb_batches.py", "test_mongodb_start.py")
DIRECTORY = "test_directory_postgresql.py::Test{}"
ENGINES = (
    Engine("SQLite", "SQLite", lambda: sqlite3.sqlite_version, REAL, SQLITE),
    Engine(
        "Kafka", "Apache Kafka", lambda: kafka_server.VERSION, REAL, ["test_event_log_kafka.py"]
    ),
    Engine(
        "MongoDB",
        "mongod",
        printed("mongod", "--version"),
        REAL,
        MONGODB,
        "not secantusdb and not ferretdb",  # "mongod" is in the name of each file
    ),
    Engine(
        "MongoDB",
        "SecantusDB",
        lambda: mongo_server.SECANTUS_VERSION,
        COMPATIBLE,
        MONGODB,
        "secantusdb and not secantusdb-rust",
    ),
    Engine(
        "MongoDB",
        "SecantusDB in Rust",
        secantus_rust,
        COMPATIBLE,
        MONGODB,
        "secantusdb-rust",
    ),
    Engine(
        "MongoDB", "FerretDB", lambda: mongo_server.FERRET_VERSION, COMPATIBLE, MONGODB, "ferretdb"
    ),
    Engine("PostgreSQL", "PostgreSQL", postgres, REAL, [DIRECTORY.format("Postgres")]),
    Engine(
        "CockroachDB",
        "cockroach",
        printed("cockroach", "version"),
        REAL,
        [DIRECTORY.format("Cockroach")],
    ),
    Engine("CockroachDB", "PostgreSQL", postgres, COMPATIBLE, [DIRECTORY.format("Postgres")]),
    Engine(
        "Redis", "Redis", printed("redis-server", "--version"), REAL, ["test_ephemeral_redis.py"]
    ),
    Engine(
        "S3",
        "MinIO",
        lambda: MINIO.version,
        REAL,
        ["test_object_store.py::TestMinio", "test_s3.py"],
    ),
)


def outcome(engine: Engine) -> Outcome:
    """Run the tests of one engine."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [
            sys.executable,
            "-m",
            "pytest",
            "--quiet",
            f"--junitxml={report}",
            "--timeout=300",
        ]
        command += [f"tests/contract/{one}" for one in engine.tests]
        if engine.select:
            command += ["-k", engine.select]
        subprocess.run(command, cwd=ROOT, check=False, stdout=sys.stderr)
        suite = ET.parse(report).getroot()[0]  # noqa: S314 - pytest wrote it just before
    count = {name: int(suite.attrib[name]) for name in ("tests", "skipped", "failures", "errors")}
    failed = count["failures"] + count["errors"]
    return Outcome(count["tests"] - count["skipped"] - failed, count["skipped"], failed)


def main() -> int:
    """Write the page; return 1 when a test failed, with the page as it was."""
    rows, failed = [], 0
    for engine in ENGINES:
        try:
            version = engine.version()
        except Missing as missing:
            rows.append(f"| {engine.name} | {engine.server} | | not run: {missing} | | |")
            continue
        found = outcome(engine)
        failed += found.failed
        row = (engine.name, engine.server, f"`{version}`", engine.evidence, *map(str, found[:2]))
        rows.append(f"| {' | '.join(row)} |")
    if failed:
        return 1
    PAGE.write_text(HEAD + "\n".join(rows) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
