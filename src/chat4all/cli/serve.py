"""`chat4all serve` and `chat4all run`: the product itself."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from chat4all.cli.failure import USAGE, CommandFailed, reporting
from chat4all.cli.invocation import Invocation, invocation
from chat4all.cli.terminal import say
from chat4all.settings import Settings

ROLES = ("gateway", "files", "router", "connector", "notifier", "presence")

FILES_PORT = 8001
"""The port of the role `files`, beside that of the server."""

SERVE_EXAMPLES = """Examples:

\b
  chat4all serve
  chat4all serve --port 9000 --data-dir ~/chats
"""
RUN_EXAMPLES = """Example:

\b
  chat4all run files --port 8001
"""


def serve(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 takes a free one.")] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder of the databases, made when missing.")
    ] = None,
) -> None:
    """Run everything in this process, until Ctrl-C or SIGTERM."""
    with reporting():
        given = invocation(context)
        folder = data_dir or given.data_dir
        settings = Invocation(data_dir=folder).settings(host=host, port=port)
        with asyncio.Runner(loop_factory=_loop()) as runner:
            runner.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    from chat4all.bootstrap.server import serve as serve_node  # noqa: PLC0415 - slow to load

    def on_ready(url: str) -> None:
        say(f"Chat4All is ready at {url} (data in {settings.data_dir}). Ctrl-C stops it.")
        sys.stdout.flush()

    await serve_node(settings, on_ready=on_ready)


def _loop() -> type[asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop  # noqa: PLC0415 - it does not exist on Windows

    return uvloop.Loop


def run_roles(
    context: typer.Context,
    roles: Annotated[list[str], typer.Argument(help="One or more of: " + ", ".join(ROLES) + ".")],
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = FILES_PORT,
    data_dir: Annotated[Path | None, typer.Option(help="Folder of the server's databases.")] = None,
) -> None:
    """Run single roles in a process of their own, until Ctrl-C or SIGTERM.

    In this version that is the role files, beside a server on the same data folder: it takes
    uploads and serves downloads. The others would be joined by distributed engines.
    """
    with reporting():
        unknown = [role for role in roles if role not in ROLES]
        if unknown:
            raise CommandFailed(
                f"there is no role {unknown[0]}; the roles are {', '.join(ROLES)}", code=USAGE
            )
        alone = list(dict.fromkeys(role for role in roles if role != "files"))
        if alone:
            raise CommandFailed(
                f"cannot run {', '.join(alone)} alone: roles in processes of their own "
                "need a log and stores that they share (Kafka, MongoDB, CockroachDB, Redis), and "
                "this version has the embedded ones only; `chat4all serve` runs all roles in one "
                "process, and `chat4all run files` the files beside it",
                code=USAGE,
            )
        folder = data_dir or invocation(context).data_dir
        settings = Invocation(data_dir=folder).settings(host=host, port=port)
        with asyncio.Runner(loop_factory=_loop()) as runner:
            runner.run(_serve_files(settings))


async def _serve_files(settings: Settings) -> None:
    from chat4all.bootstrap.server import serve_files  # noqa: PLC0415 - slow to load

    def on_ready(url: str) -> None:
        say(f"Chat4All serves files at {url} (data in {settings.data_dir}). Ctrl-C stops it.")
        sys.stdout.flush()

    await serve_files(settings, on_ready=on_ready)
