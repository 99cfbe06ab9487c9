"""The embedded default loads no library of an engine or a platform that it does not use."""

import subprocess
import sys

import pytest

LOADED = """
import atexit, sys
import chat4all.bootstrap.node
import chat4all.bootstrap.server
from chat4all.cli import main
atexit.register(lambda: print("loaded:", *sys.modules))
sys.argv = ["chat4all", "serve", "--help"]
main()
"""


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    found = subprocess.run(
        [sys.executable, "-c", LOADED], check=True, capture_output=True, text=True
    )
    return set(found.stdout.partition("loaded:")[2].split())


def test_what_every_start_needs_is_seen(loaded: set[str]) -> None:
    assert {"sqlalchemy.dialects.sqlite", "chat4all.cli.serve"} <= loaded


@pytest.mark.parametrize(
    "library",
    [
        "aioboto3",
        "aiogram",
        "asyncpg",
        "chat4all.cli.app",
        "chat4all.client",
        "confluent_kafka",
        "grpc",
        "httpx",
        "pymongo",
        "pywa",
        "redis",
        "sqlalchemy.dialects.postgresql",
    ],
)
def test_a_library_of_something_else_is_not_loaded(loaded: set[str], library: str) -> None:
    assert library not in loaded


def test_what_runs_on_the_databases_is_not_loaded_before_they_are_opened() -> None:
    loading = "import sys, chat4all.bootstrap.server; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", loading], check=True, capture_output=True)
    assert "chat4all.adapters.sqlite.event_log" in found.stdout.decode().split()
    assert {"chat4all.bootstrap.core", "litestar"}.isdisjoint(found.stdout.decode().split())
