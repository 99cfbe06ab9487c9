"""An installation that outgrew one machine is moved to other engines, with all it holds."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import moved_talk
from tests.e2e.product import PROGRAM
from tests.e2e.watched_server import watched_server
from tests.servers.mongo_server import KINDS, MongoServer, mongo_server
from tests.servers.postgres_server import PostgresServer, postgres_server

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def mongo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoServer]:
    kind = KINDS[-1] if KINDS[-1] == "mongod" else "secantusdb"
    with mongo_server(kind, tmp_path_factory.mktemp("mongo")) as server:
        yield server


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


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


async def chat4all(folder: Path, *words: str, settings: Mapping[str, str] | None = None) -> Ended:
    given = {k: v for k, v in os.environ.items() if not k.startswith("CHAT4ALL_")}
    process = await asyncio.create_subprocess_exec(
        *PROGRAM,
        "--data-dir",
        str(folder / "data"),
        *words,
        env={**given, **(settings or {})},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert "Traceback" not in err.decode()
    return Ended(process.returncode or 0, out.decode(), err.decode())


async def test_messages_and_people_move_and_everything_goes_on(
    tmp_path: Path, mongo: MongoServer, postgres: PostgresServer
) -> None:
    async with watched_server(tmp_path) as server:
        talk = await moved_talk.begin(server.url)
    new = {"messages_url": mongo.url("moved"), "directory_url": await postgres.new_database()}
    options = [word for url in new.values() for word in ("--to", url)]
    moved = await chat4all(tmp_path, "migrate-store", *options, "--json")
    assert moved.told["counts"]["messages"] == 602
    again = await chat4all(tmp_path, "migrate-store", *options, "--json")
    assert again.told == moved.told
    async with watched_server(tmp_path, **new) as server, moved_talk.again(server.url) as both:
        await moved_talk.must_be_the_same(server.url, talk, *both)
        await moved_talk.must_go_on(talk, *both)
        settings = {f"CHAT4ALL_{name.upper()}": value for name, value in new.items()}
        assert (await chat4all(tmp_path, "check", "--json", settings=settings)).told["ok"]
        assert server.complaints() == []
