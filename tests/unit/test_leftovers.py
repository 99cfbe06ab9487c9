"""Nothing that a test run started outlives it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.leftovers import RUN

ROOT = Path(__file__).parents[2]
DIES = """
import os, pathlib, subprocess

def test_a_worker_that_dies_with_a_server_running():
    server = subprocess.Popen(["sleep", "600"])
    pathlib.Path(__file__).with_name("server").write_text(str(server.pid))
    os._exit(1)
"""


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs Linux's /proc")
def test_a_server_of_a_worker_that_died_is_killed_with_the_run(tmp_path: Path) -> None:
    (tmp_path / "test_dies.py").write_text(DIES)
    options = ["-p", "tests.conftest", "-p", "no:cacheprovider", f"--rootdir={tmp_path}"]
    workers = ["--numprocesses", "1", "--max-worker-restart", "0"]
    names = ("PYTEST_", RUN)
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *workers, str(tmp_path)],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith(names)},
        capture_output=True,
        text=True,
        check=False,
    )
    server = (tmp_path / "server").read_text()
    assert f"killed what a test left running: {server} sleep 600" in ended.stderr, ended.stdout
    command = Path(f"/proc/{server}/cmdline")
    assert not command.exists() or command.read_bytes() == b""  # nobody has asked how it ended
