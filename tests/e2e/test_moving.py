"""An installation that outgrew one machine is moved to other engines, with all it holds."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
import pytest

from tests.e2e import moved_talk
from tests.e2e.cluster import Engines, engines, running
from tests.e2e.product import PROGRAM
from tests.e2e.watched_server import watched_server
from tests.servers import postgres_server
from tests.servers.cache import Missing, skip_for
from tests.servers.minio import PASSWORD, USER, Minio, running_minio

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.embedded("moves the data folder of `chat4all serve`"),
]

PATIENCE = 240.0
PASSWORD_OF_POSTGRES = quote(postgres_server.PASSWORD, safe="")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    with engines(tmp_path_factory.mktemp("engines")) as found:
        yield found


@pytest.fixture(scope="module")
def minio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Minio]:
    try:
        with running_minio(tmp_path_factory.mktemp("minio")) as server:
            yield server
    except Missing as missing:
        skip_for(missing)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def told(self) -> Any:
        assert self.code == 0, self.err
        return json.loads(self.out)


class Console:
    """The command line on a data folder."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        given = {k: v for k, v in os.environ.items() if not k.startswith("CHAT4ALL_")}
        self._folder = folder / "data"
        self._environment = {**given, **settings, "PYTHONFAULTHANDLER": "1"}

    async def run(self, *words: str) -> Ended:
        process = await self._start(words)
        try:
            async with asyncio.timeout(PATIENCE):
                out, err = await process.communicate()
        except TimeoutError:
            process.send_signal(signal.SIGABRT)  # it says where each of its threads stood
            _, err = await process.communicate()
            pytest.fail(f"chat4all {' '.join(words[:2])} did not end:\n{err.decode()}")
        assert "Traceback" not in err.decode()
        return Ended(process.returncode or 0, out.decode(), err.decode())

    async def kill_at(self, line: str, *words: str) -> None:
        """Run a command, and kill it once it says `line` on standard error."""
        process = await self._start(words)
        assert process.stderr is not None
        said = b""
        while not said.startswith(line.encode()):
            said = await process.stderr.readline()
            assert said, f"it ended before it said {line!r}"
        process.kill()
        await process.communicate()

    async def _start(self, words: Sequence[str]) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *PROGRAM,
            "--data-dir",
            str(self._folder),
            *words,
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )


def options(settings: Mapping[str, str]) -> list[str]:
    moved = [url for name, url in settings.items() if name not in NOT_MOVED]
    return [word for url in moved for word in ("--to", url)]


DERIVED = {"indexed", "stretch", "timed"}
"""Tables that follow from others."""
NOT_MOVED = {"CHAT4ALL_EPHEMERAL_URL"}


async def test_an_installation_moves_to_engines_that_roles_share(
    tmp_path: Path, shared: Engines, minio: Minio
) -> None:
    async with watched_server(tmp_path) as server:
        talk = await moved_talk.begin(server.url)
        running_yet = await Console(tmp_path, {}).run("migrate-store", "--to", shared.kafka.url)
        assert (running_yet.code, "in use by process" in running_yet.err) == (1, True)
    before = contents(tmp_path / "data")
    new = await shared.settings("moved")
    new["CHAT4ALL_OBJECTS_URL"] = bucket(minio)
    command = ["migrate-store", *options(new), "--json"]
    console = Console(tmp_path, minio.environment())
    for line in ("messages (", "dead letters", "directory ("):
        await console.kill_at(line, *command)
    moved = await console.run(*command)
    counts = moved.told["counts"]
    assert (counts["messages"], counts["files"], counts["objects"]) == (603, 1, 1)
    assert counts["waiting records"] >= 1
    assert PASSWORD_OF_POSTGRES not in moved.out + moved.err
    assert (await console.run(*command)).told == moved.told
    assert contents(tmp_path / "data") == before

    roles = ("gateway", "gateway", "router", "notifier", "connector --channel mock")
    settings = {**new, **minio.environment()}
    async with running(tmp_path, settings, *roles) as (here, there, *_):
        async with moved_talk.again(here.url) as (ana, _), moved_talk.again(there.url) as (_, bia):
            await moved_talk.must_be_the_same(there.url, talk, ana, bia)
            await moved_talk.must_go_on(talk, ana, bia)
            await moved_talk.must_be_delivered(talk, ana)
        there_now = Console(tmp_path, settings)
        assert (await there_now.run("check", "--json")).told["ok"]
        at_work = await there_now.run("migrate-store", "--to", f"sqlite://{tmp_path}/back")
        assert (at_work.code, "consumers still read the log" in at_work.err) == (1, True)
    used = await console.run(*command)
    assert (used.code, "used since" in used.err) == (1, True)


async def test_it_goes_back_to_a_folder(tmp_path: Path, shared: Engines) -> None:
    away = {
        "CHAT4ALL_DIRECTORY_URL": await shared.postgres.new_database(),
        "CHAT4ALL_MESSAGES_URL": shared.mongodb.url("back"),
        "CHAT4ALL_LOG_URL": f"{shared.kafka.url}/back?partitions=3",
    }
    named = {key.removeprefix("CHAT4ALL_").lower(): url for key, url in away.items()}
    async with watched_server(tmp_path, **named) as server:
        talk = await moved_talk.begin(server.url)
    folder = tmp_path / "home" / "data"
    shutil.copytree(tmp_path / "data" / "phones", folder / "phones")
    shutil.copytree(tmp_path / "data" / "objects", folder / "objects")
    objects = (tmp_path / "data" / "objects").as_uri()
    console = Console(tmp_path, {**away, "CHAT4ALL_OBJECTS_URL": objects})
    moved = await console.run("migrate-store", "--to", f"sqlite://{folder}", "--json")
    assert moved.told["counts"]["messages"] == 603
    async with (
        watched_server(tmp_path / "home") as server,
        moved_talk.again(server.url) as both,
    ):
        await moved_talk.must_be_the_same(server.url, talk, *both)
        await moved_talk.must_go_on(talk, *both)
        assert server.complaints() == []


def bucket(minio: Minio) -> str:
    client = boto3.client(
        "s3",
        endpoint_url=minio.url,
        region_name="us-east-1",
        aws_access_key_id=USER,
        aws_secret_access_key=PASSWORD,
    )
    client.create_bucket(Bucket="moved")
    return f"s3://moved?endpoint={minio.url}&region=us-east-1"


def contents(folder: Path) -> dict[str, list[Any]]:
    """Return every row of every table, but for the index of words, which follows from them."""
    found = {}
    for file in sorted(folder.glob("*.sqlite3")):
        with closing(sqlite3.connect(file)) as db:
            for name, kind in db.execute(
                "SELECT name, sql FROM sqlite_master WHERE type = 'table'"
            ):
                if name not in DERIVED and not name.startswith("message_words"):
                    rows = db.execute(f"SELECT * FROM {name}")  # noqa: S608 - our own tables
                    found[f"{file.name} {kind}"] = sorted(map(repr, rows))
    return found
