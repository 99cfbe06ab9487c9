"""The command line as a user starts it: its own process, its own data folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PROGRAM = [sys.executable, "-c", "from chat4all.cli import main; main()"]
PASSWORD = "correct horse battery"
PATIENCE = 60.0


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("CHAT4ALL_")}


@dataclass(frozen=True)
class Shell:
    """Runs commands on one data folder, as one user."""

    data_dir: Path
    username: str = "ana"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **clean_environment(),
            "CHAT4ALL_DATA_DIR": str(self.data_dir),
            "CHAT4ALL_USERNAME": self.username,
            "CHAT4ALL_PASSWORD": PASSWORD,
            "CHAT4ALL_SIGN_IN_PER_MINUTE": "1000",  # each command signs in anew
        }

    def run(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*PROGRAM, *words],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            env=self.environment,
            check=False,
        )

    def done(self, *words: str, stdin: str = "") -> str:
        """Run a command that must succeed; return what it printed."""
        ended = self.run(*words, stdin=stdin)
        assert ended.returncode == 0, ended.stderr
        assert "Traceback" not in ended.stderr
        return ended.stdout

    def told(self, *words: str, stdin: str = "") -> Any:
        """Run a command with --json; return what it tells."""
        return json.loads(self.done(*words, "--json", stdin=stdin))

    def start(self, *words: str, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*PROGRAM, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=env or self.environment,
        )


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Commands on a folder on which no server runs."""
    return Shell(tmp_path / "data")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """Commands beside a server, with the users ana (the administrator) and bia."""
    shell = Shell(tmp_path_factory.mktemp("served"))
    server = shell.start("serve", "--port", "0")
    try:
        assert server.stdout is not None
        assert server.stdout.readline().startswith("Chat4All is ready at http://127.0.0.1:")
        for username in ("ana", "bia"):
            shell.done("user", "create", username, "--password-stdin", stdin=PASSWORD)
        yield shell
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=PATIENCE)
    assert server.returncode == 0
    assert not (shell.data_dir / "operator.json").exists()
