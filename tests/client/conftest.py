"""A server of this machine, for programs that use the client."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator

import pytest

from tests.cli.conftest import PATIENCE, Shell


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server with nobody on it."""
    shell = Shell(tmp_path_factory.mktemp("server"))
    server = shell.start("serve", "--port", "0")
    try:
        assert server.stdout is not None
        assert server.stdout.readline().startswith("Chat4All is ready")
        yield str(json.loads((shell.data_dir / "operator.json").read_text("utf-8"))["url"])
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=PATIENCE)
