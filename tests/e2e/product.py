"""The product as its users run it: a process of its own on a fresh data folder.

Or, where a run has chosen that, the roles as processes of their own.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from tests.e2e.column import chosen

START_SECONDS = 120.0
STOP_SECONDS = 30.0
PROGRAM = (str(Path(sys.executable).parent / "chat4all"),)


@asynccontextmanager
async def running_server(
    folder: Path, settings: Mapping[str, str], *, program: Sequence[str] = PROGRAM
) -> AsyncIterator[str]:
    """Run the product on the column of this run until the block ends; yield its address.

    What it printed stands in the error when it does not start, or does not stop on SIGTERM.
    """
    run = chosen.running if chosen.is_distributed else _serving
    async with run(folder, settings, program) as url:
        yield url


@asynccontextmanager
async def _serving(
    folder: Path, settings: Mapping[str, str], program: Sequence[str]
) -> AsyncIterator[str]:
    """Run `chat4all serve` on a free port."""
    output = folder / "output.txt"
    command = [*program, "serve", "--port", "0"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CHAT4ALL_")}
    with output.open("wb") as sink:
        process = await asyncio.create_subprocess_exec(
            *command,
            "--data-dir",
            str(folder / "data"),
            env={**environment, **settings},
            stdout=sink,
            stderr=sink,
        )
    try:
        yield await _ready(process, folder / "data" / "operator.json", output)
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise AssertionError(f"the server did not stop:\n{_read(output)}") from None


async def _ready(process: asyncio.subprocess.Process, file: Path, output: Path) -> str:
    """Wait for the file that names the address, then for /readyz."""
    try:
        async with asyncio.timeout(START_SECONDS), httpx.AsyncClient(trust_env=False) as http:
            while True:
                if process.returncode is not None:
                    raise AssertionError(f"the server ended:\n{_read(output)}")
                url: str = json.loads(_read(file) or "{}").get("url", "")
                if url and await _answers(http, f"{url}/readyz"):
                    return url
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"the server is not ready:\n{_read(output)}") from None


def _read(file: Path) -> str:
    return file.read_text() if file.exists() else ""


async def _answers(http: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await http.get(url)).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
