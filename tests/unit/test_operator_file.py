"""Several nodes on one data folder: the command line is told of one that runs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import pytest

from tests.e2e.watched_server import until

NODE = """
import asyncio, sys
from pathlib import Path
from chat4all.bootstrap.operator import OperatorKey, operator_file

async def main(folder, url):
    sys.stdin.readline()
    async with operator_file(Path(folder), OperatorKey("id", "operator", "secret"), url):
        print("told", flush=True)
        await asyncio.to_thread(sys.stdin.readline)

print("loaded", flush=True)
asyncio.run(main(*sys.argv[1:]))
"""


class Node:
    """A process that tells of itself between two lines that it reads."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.process = process
        self._in: IO[str] = process.stdin
        self._out: IO[str] = process.stdout

    def go(self) -> None:
        self._in.write("\n")
        self._in.flush()

    def says(self, word: str) -> bool:
        return self._out.readline() == f"{word}\n"

    def ends(self) -> int:
        self.go()
        return self.process.wait(20)


@contextmanager
def node(folder: Path, url: str) -> Iterator[Node]:
    command = [sys.executable, "-c", NODE, str(folder), url]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Node(process)
        finally:
            process.kill()


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[list[Node]]:
    """Return some that have loaded all, and have told nothing yet."""
    with ExitStack() as stack:
        found = [stack.enter_context(node(tmp_path, f"http://{n}")) for n in range(4)]
        assert all(one.says("loaded") for one in found)
        yield found


async def test_nodes_that_start_at_once_all_run_and_the_file_tells_of_one_as_long_as_any_does(
    tmp_path: Path, nodes: list[Node]
) -> None:
    file = tmp_path / "operator.json"

    def teller() -> Node:
        told = json.loads(file.read_text())
        [one] = [one for one in nodes if one.process.pid == told["pid"]]
        assert told["url"] == f"http://{nodes.index(one)}"
        return one

    def has_moved_on() -> bool:
        return file.exists() and teller() is not first

    for one in nodes:
        one.go()
    assert all(one.says("told") for one in nodes)
    first = teller()
    other = next(one for one in nodes if one is not first)
    assert other.ends() == 0
    assert teller() is first

    first.process.kill()  # it leaves its file
    await until(has_moved_on)
    first = teller()
    assert first.ends() == 0
    await until(has_moved_on)
    assert teller().ends() == 0
    assert not file.exists()
