"""A CockroachDB of one node in memory, where the program is on the PATH.

Its licence does not let us fetch it, so it is missing also where every other server must be there.
https://www.cockroachlabs.com/docs/stable/cockroach-start-single-node
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.servers.process import free_port, running


@contextmanager
def cockroach_server(folder: Path) -> Iterator[str]:
    """Run one; yield the address of its database `defaultdb`. Skips where there is none."""
    program = shutil.which("cockroach")
    if program is None:
        pytest.skip("needs CockroachDB: `cockroach` is not on the PATH (cockroachlabs.com/docs)")
    port, http = free_port(), free_port()
    listening = [f"--listen-addr=127.0.0.1:{port}", f"--http-addr=127.0.0.1:{http}"]
    command = [program, "start-single-node", "--insecure", "--store=type=mem,size=1GiB"]
    with running(
        [*command, *listening],
        environment={"HOME": str(folder), "PATH": os.environ["PATH"]},
        output=folder / "cockroach.txt",
        ready=f"http://127.0.0.1:{http}/health?ready=1",
    ):
        yield f"cockroachdb://root@127.0.0.1:{port}/defaultdb?sslmode=disable"
