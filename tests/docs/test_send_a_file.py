"""The page about sending a file with curl does what it says."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.account import Account
from tests.e2e.product import running_server

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "send-a-file.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ADDRESS = "http://127.0.0.1:8000"


@pytest.mark.slow
async def test_the_calls_of_the_page_send_a_file(tmp_path: Path) -> None:
    for program in ("curl", "jq"):
        assert shutil.which(program), f"the page uses {program}"
    async with (
        running_server(tmp_path, {}) as url,
        Account(url, "ana").signed_up("Ana") as ana,
        Account(url, "bia").signed_up("Bia") as bia,
    ):
        talk = await ana.chat_with(bia)
        script = "set -eu\n" + "\n".join(BLOCK.findall(PAGE.read_text(encoding="utf-8")))
        done = subprocess.run(  # noqa: ASYNC221 - the server is a process of its own
            ["/bin/sh", "-c", script.replace(ADDRESS, url)],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            timeout=60,
            env={"TOKEN": ana.token, "TALK": talk, "PATH": "/usr/bin:/bin"},
        )
        assert done.returncode == 0, done.stderr
        [message] = (await bia.get(f"conversations/{talk}/messages"))["items"]
        assert message["payload"]["caption"] == "Our cat"
