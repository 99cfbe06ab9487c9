"""`chat4all serve` and `chat4all run`: the product itself."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from chat4all.bootstrap.uncollected import uncollected
from chat4all.cli.failure import USAGE, CommandFailed, reporting
from chat4all.cli.invocation import Invocation, invocation
from chat4all.cli.terminal import say
from chat4all.settings import Settings

ROLES = ("gateway", "files", "router", "connector", "notifier", "presence", "auditor")

PORTS = {role: 8000 + number for number, role in enumerate(ROLES)}
"""Where a process listens whose first role it is: clients at the gateway, else operators."""

SERVE_EXAMPLES = """Examples:

\b
  chat4all serve
  chat4all serve --port 9000 --data-dir ~/chats
"""
RUN_EXAMPLES = """Examples:

\b
  chat4all run gateway --port 8000
  chat4all run router,notifier
  chat4all run connector --channel telegram --channel whatsapp
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
    with uncollected():
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
    port: Annotated[
        int | None, typer.Option(help="Port, of its own for each role; 0 takes a free one.")
    ] = None,
    channel: Annotated[
        list[str] | None,
        typer.Option(help="Platform of the role connector, again for more; else all."),
    ] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder of the server's databases.")] = None,
) -> None:
    """Run single roles in a process of their own, until Ctrl-C or SIGTERM.

    They are joined by engines that all of them share: Kafka, MongoDB, Redis, a directory.
    The role files also runs beside a server on the same data folder.
    """
    with reporting():
        named = [one for words in roles for one in words.split(",")]
        roles = list(dict.fromkeys(named))
        unknown = [role for role in roles if role not in ROLES]
        if unknown:
            raise CommandFailed(
                f"there is no role {unknown[0]}; the roles are {', '.join(ROLES)}", code=USAGE
            )
        if "files" in roles and len(roles) > 1:
            raise CommandFailed("the role files runs in a process of its own", code=USAGE)
        if channel and "connector" not in roles:
            raise CommandFailed("--channel belongs to the role connector", code=USAGE)
        folder = data_dir or invocation(context).data_dir
        settings = Invocation(data_dir=folder).settings(host=host, port=port)
        if "port" not in settings.model_fields_set:
            settings = settings.model_copy(update={"port": PORTS[roles[0]]})
        work = (
            _serve_files(settings) if "files" in roles else _serve_roles(settings, roles, channel)
        )
        with asyncio.Runner(loop_factory=_loop()) as runner:
            runner.run(work)


async def _serve_roles(settings: Settings, roles: list[str], channels: list[str] | None) -> None:
    with uncollected():
        from chat4all.bootstrap.role_node import (  # noqa: PLC0415 - slow to load
            Roles,
            require_shared,
        )
        from chat4all.bootstrap.role_server import serve_roles  # noqa: PLC0415

    def on_ready(url: str) -> None:
        say(f"Chat4All runs {', '.join(roles)} at {url}. Ctrl-C stops it.")
        sys.stdout.flush()

    require_shared(settings)
    await serve_roles(settings, Roles(names=roles, channels=channels), on_ready=on_ready)


async def _serve_files(settings: Settings) -> None:
    with uncollected():
        from chat4all.bootstrap.role_server import serve_files  # noqa: PLC0415 - slow to load

    def on_ready(url: str) -> None:
        say(f"Chat4All serves files at {url} (data in {settings.data_dir}). Ctrl-C stops it.")
        sys.stdout.flush()

    await serve_files(settings, on_ready=on_ready)
