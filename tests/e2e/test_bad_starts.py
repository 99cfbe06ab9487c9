"""A start that cannot be is refused in one line that says why and what to do."""

from __future__ import annotations

import os
import re
import shutil
import socket
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import pytest_asyncio

from tests.e2e.account import Account
from tests.e2e.shell import run
from tests.e2e.watched_server import watched_server
from tests.servers.cache import Missing, skip_for

pytestmark = pytest.mark.embedded("starts `chat4all serve` on SQLite files")

RECOVERY = "docs/howto/recover-a-corrupt-database.md"
PAGE = Path(__file__).parents[2] / RECOVERY
FILES = ("directory.sqlite3", "messages.sqlite3", "log.sqlite3", "files.sqlite3")


def refusal(folder: Path, *words: str, code: int = 1, **settings: str) -> str:
    """Start the server, which must refuse; return the one line that says why."""
    ended = run("serve", "--port", "0", *words, "--data-dir", str(folder), settings=settings)
    assert ended.returncode == code, ended
    assert ended.stdout == ""
    [line] = ended.stderr.splitlines()
    assert line.startswith("chat4all: ")
    return line


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def used(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with two people and 300 messages in it, after a good stop."""
    home = tmp_path_factory.mktemp("used")
    async with (
        watched_server(home) as server,
        Account(server.url, "ana").signed_up("Ana") as ana,
        Account(server.url, "bia").signed_up("Bia") as bia,
    ):
        await ana.say(await ana.chat_with(bia), [f"word{number}" for number in range(300)])
    return home / "data"


@pytest.fixture
def folder(used: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(used, tmp_path / "data"))


async def test_a_second_server_on_the_same_folder(tmp_path: Path) -> None:
    async with watched_server(tmp_path) as server:
        said = refusal(server.data)
        pid = (server.data / "lock").read_text()
        assert f"is in use by process {pid}" in said
        assert "--data-dir" in said
        same_port = refusal(server.data, "--port", str(server.address[1]))
        assert "is in use by process" in same_port
        async with Account(server.url, "ana").signed_up("Ana"):
            pass
        assert server.complaints() == []


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refusal(tmp_path / "data", "--port", str(port), code=2)
    assert f"cannot listen on 127.0.0.1:{port}" in said
    assert "--port" in said


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("foo", "1", "there is no setting CHAT4ALL_FOO"),
        ("port", "many", "CHAT4ALL_PORT"),
        ("port", "70000", "CHAT4ALL_PORT"),
        ("sender_rate", "-1", "CHAT4ALL_SENDER_RATE"),
        ("sender_rate", "nan", "CHAT4ALL_SENDER_RATE"),
        ("backlog", "1.5", "CHAT4ALL_BACKLOG"),
        ("log_level", "loud", "CHAT4ALL_LOG_LEVEL"),
        ("log_format", "xml", "CHAT4ALL_LOG_FORMAT"),
        ("trusted_proxies", "10.0.0.1/8", "CHAT4ALL_TRUSTED_PROXIES: 10.0.0.1/8 has host bits"),
        ("log_url", "amqp://localhost", "not supported; use sqlite:// or memory:// or kafka://"),
        ("log_url", "kafka://[x", "CHAT4ALL_LOG_URL is no address"),
        ("log_url", "kafka://127.0.0.1:1", "Kafka at 127.0.0.1:1 does not answer"),
        ("log_url", "kafka://127.0.0.1:1/p?shards=3", "unknown shards; use ca, partitions"),
        ("log_url", "kafka://127.0.0.1:1/p?partitions=0", "partitions is a number from 1"),
        ("log_url", "kafka:///prefix", "names no server"),
        ("messages_url", "mongodb://localhost", "mongodb"),
        ("directory_url", "cockroachdb://localhost", "cockroachdb"),
        ("ephemeral_url", "memcached://localhost", "not supported; use memory:// or redis://"),
        ("ephemeral_url", "redis://127.0.0.1:1", "Redis at 127.0.0.1:1 does not answer"),
        ("log_url", "nonsense", "CHAT4ALL_LOG_URL"),
        ("log_url", "sqlite://", "sqlite:// names no file"),
        ("log_url", "sqlite:////no/such/folder/log.sqlite3", "/no/such/folder/log.sqlite3"),
        ("directory_url", "sqlite:////no/such/folder/d.sqlite3", "/no/such/folder/d.sqlite3"),
        ("config", "/no/such/file.toml", "CHAT4ALL_CONFIG: cannot read /no/such/file.toml"),
        ("host", "300.1.2.3", "cannot listen on 300.1.2.3"),
        ("host", "no such host", "cannot listen on no such host"),
    ],
)
def test_a_setting_that_cannot_be(tmp_path: Path, name: str, value: str, words: str) -> None:
    options = () if name != "port" else ("--data-dir", str(tmp_path / "data"))
    settings = {name: value, "data_dir": str(tmp_path / "data")}
    ended = run("serve", *options, settings={"port": "0", **settings})
    assert ended.returncode == 2
    [line] = ended.stderr.splitlines()
    assert words in line


@pytest.mark.parametrize("content", ["colour = 'red'", "port = ", "[log]\nlevel = 'info'", "\xff"])
def test_a_settings_file_that_cannot_be(tmp_path: Path, content: str) -> None:
    file = tmp_path / "chat4all.toml"
    file.write_bytes(content.encode("latin-1"))
    said = refusal(tmp_path / "data", code=2, config=str(file))
    assert "colour" in said or "log" in said or str(file) in said


def test_a_data_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("mine")
    assert "CHAT4ALL_DATA_DIR: cannot use" in refusal(tmp_path / "data", code=2)


def test_a_data_folder_that_cannot_be_made() -> None:
    assert "CHAT4ALL_DATA_DIR: cannot use" in refusal(Path("/proc/chat4all"), code=2)


def test_a_data_folder_that_cannot_be_written(read_only: Path) -> None:
    assert "CHAT4ALL_DATA_DIR: cannot use" in refusal(read_only / "data", code=2)


@pytest.fixture
def read_only(tmp_path: Path) -> Path:
    """A folder that this user may not write to; skips where that cannot be had."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    if not os.access(folder, os.W_OK):
        return folder
    # An administrator may write anywhere but to what is mounted so.
    pytest.skip("permissions do not hold an administrator back; the test of /proc stands for it")


@pytest.mark.parametrize("name", FILES)
def test_data_of_a_newer_version(folder: Path, name: str) -> None:
    with sqlite3.connect(folder / name) as db:
        if name == "directory.sqlite3":
            db.execute("UPDATE alembic_version SET version_num = 'r9999'")
        else:
            db.execute("PRAGMA user_version = 9999")
    db.close()
    before = {one: (folder / one).read_bytes() for one in FILES}
    said = refusal(folder)
    assert "newer" in said
    assert "9999" in said
    assert {one: (folder / one).read_bytes() for one in FILES} == before


def halve(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def scribble_on_the_header(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(bytes(range(100, 200)))


def scribble_on_the_first_page(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xa5" * 3_000)


def put_text_in_its_place(path: Path) -> None:
    path.write_text("This was a database once.\n" * 500)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "damage",
    [halve, scribble_on_the_header, scribble_on_the_first_page, put_text_in_its_place],
    ids=lambda damage: damage.__name__,
)
def test_a_damaged_file(folder: Path, name: str, damage: Callable[[Path], None]) -> None:
    damage(folder / name)
    said = refusal(folder)
    assert RECOVERY in said
    assert re.search(rf"{name}|the directory", said)


@pytest.mark.parametrize("name", FILES)
def test_the_check_names_a_damaged_file_too(folder: Path, name: str) -> None:
    scribble_on_the_first_page(folder / name)
    told = run("--data-dir", str(folder), "check")
    assert told.returncode == 1
    assert RECOVERY in told.stderr
    assert "Traceback" not in told.stderr


def test_the_options_of_every_command_stand_before_it(tmp_path: Path) -> None:
    assert run("check", "--data-dir", str(tmp_path)).returncode == 2


@pytest.mark.parametrize("name", FILES)
def test_random_bytes_in_the_middle_are_seen_before_anything_is_served(
    folder: Path, name: str
) -> None:
    path = folder / name
    size = path.stat().st_size
    with path.open("r+b") as file:
        for place in range(2 * 4096, size - 4096, 2 * 4096):
            file.seek(place)
            file.write(os.urandom(4096))
    assert RECOVERY in refusal(folder)


def blocks_of_the_page() -> list[str]:
    return re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)


async def test_the_recovery_page_works_as_it_is_written(folder: Path, tmp_path: Path) -> None:
    shell = shutil.which("sh")
    if shell is None or shutil.which("sqlite3") is None:
        skip_for(Missing("the page uses the sqlite3 program (Debian: apt-get install sqlite3)"))
    page = (Path(__file__).parents[2] / RECOVERY).read_text()
    blocks = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    keep, look, save, _check = blocks
    path = folder / "messages.sqlite3"
    with path.open("r+b") as file:
        file.seek(path.stat().st_size - 8 * 4096)
        file.write(os.urandom(4096))
    named = tmp_path / "chat4all-data"
    shutil.move(folder, named)

    def follow(block: str, where: Path) -> str:
        ended = subprocess.run(
            [shell, "-c", block], cwd=where, capture_output=True, text=True, timeout=60, check=False
        )
        return ended.stdout + ended.stderr

    follow(keep, tmp_path)
    assert (tmp_path / "chat4all-damaged" / "messages.sqlite3").exists()
    said = follow(look, tmp_path)
    assert "directory: ok" in said
    assert "log: ok" in said
    assert "messages: ok" not in said
    assert follow(save, named).strip().endswith("ok")
    shutil.move(named, tmp_path / "data")
    async with watched_server(tmp_path) as server:
        told = run("--data-dir", str(server.data), "check", "--json")
        assert told.stderr == ""
        assert told.returncode in {0, 1}
        assert "sequence_gap" in told.stdout
        audit = "chat4all.services.audit"  # which tells of the same gaps
        assert [line for line in server.complaints() if audit not in line] == []
