"""A command that cannot do what it is asked says so in one line, and never in a traceback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.e2e.account import PASSWORD, Account
from tests.e2e.shell import run
from tests.e2e.watched_server import Watched, watched_server

in_module_loop = pytest.mark.asyncio(loop_scope="module")

NOBODY = "00000000-0000-0000-0000-000000000000"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Watched]:
    async with (
        watched_server(tmp_path_factory.mktemp("commands")) as server,
        Account(server.url, "ana").signed_up("Ana"),
    ):
        yield server
        assert server.complaints() == []


def refusal(*words: str, **settings: str) -> str:
    """Run a command that must fail; return its one line."""
    ended = run(*words, settings=settings)
    assert ended.returncode in {1, 2}, ended
    [line] = ended.stderr.splitlines()
    assert line.startswith("chat4all: ")
    return line


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["history", NOBODY, "--username", "ana"], "no such conversation"),
        (["send", "hi", "--conversation", NOBODY, "--username", "ana"], "no such conversation"),
        (["send", "hi", "--conversation", "x", "--username", "ana"], "conversation"),
        (["send", "hi", "--to", "nobody", "--username", "ana"], "nobody"),
        (["trace", NOBODY], "no message"),
        (["trace", "x"], "x"),
        (["user", "create", "ana", "--password-stdin"], ""),
        (["connectors", "test", NOBODY], "there is no account"),
    ],
)
@in_module_loop
async def test_what_does_not_exist(server: Watched, words: list[str], said: str) -> None:
    line = refusal("--data-dir", str(server.data), *words, password=PASSWORD)
    assert said in line


@in_module_loop
async def test_a_wrong_password(server: Watched) -> None:
    words = ["send", "hi", "--to", "bia", "--username", "ana"]
    line = refusal("--url", server.url, *words, password="wrong-4711")
    assert "wrong username or password" in line
    assert "wrong-4711" not in line


@in_module_loop
async def test_a_token_of_another_server(server: Watched) -> None:
    line = refusal("--url", server.url, "send", "hi", "--to", "bia", token="a.b.c")
    assert "a.b.c" not in line
    assert "token" in line


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:1", "does not answer"),
        ("http://no-such-host.invalid", "does not answer"),
        ("ftp://127.0.0.1", "no http:// or https:// address"),
        ("nonsense", "no http:// or https:// address"),
        ("http://[::bad", ""),
        ("http://127.0.0.1:99999", ""),
    ],
)
def test_a_server_that_cannot_be_reached(url: str, said: str) -> None:
    assert said in refusal("--url", url, "check", username="ana", password=PASSWORD)


@pytest.mark.parametrize("words", [["check"], ["user", "list"], ["trace", NOBODY]])
def test_a_data_folder_that_is_none(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "file").write_text("mine")
    assert "cannot use" in refusal("--data-dir", str(tmp_path / "file"), *words)


def test_a_bad_setting_stops_every_command(tmp_path: Path) -> None:
    assert "CHAT4ALL_FOO" in refusal("--data-dir", str(tmp_path), "check", foo="1")
