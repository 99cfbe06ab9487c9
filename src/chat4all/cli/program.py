"""The program itself: its global options, and the two commands that run the product."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chat4all import __version__
from chat4all.cli import serve
from chat4all.cli.invocation import Invocation
from chat4all.cli.terminal import say

HELP = """One API to send to and receive from all your contacts.

Commands talk to the server of the data folder when one runs, else they open the folder
themselves; --url names another server. An operator needs no password on the machine of the
data folder; people sign in with --username and CHAT4ALL_PASSWORD, or with CHAT4ALL_TOKEN.

Exit codes: 0 done, 1 refused or a check failed, 2 used wrongly.
"""
EXAMPLES = """Examples:

\b
  chat4all serve
  chat4all user create ana
  chat4all send "Hello" --to bia --username ana
"""
RUNNING = ("serve", "run")
"""The commands that run the product."""


def running() -> typer.Typer:
    """Return the program with these commands alone: what the others load, no server needs."""
    program = typer.Typer(
        name="chat4all",
        help=HELP,
        epilog=EXAMPLES,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    program.callback()(_options)
    program.command("serve", epilog=serve.SERVE_EXAMPLES)(serve.serve)
    program.command("run", epilog=serve.RUN_EXAMPLES)(serve.run_roles)
    return program


def _tell_version(asked: bool) -> None:
    if asked:
        say(f"chat4all {__version__}")
        raise typer.Exit


def _options(
    context: typer.Context,
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Data folder of the server that is meant; else CHAT4ALL_DATA_DIR."),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(envvar="CHAT4ALL_URL", help="Address of another server, https://..."),
    ] = None,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_tell_version, is_eager=True, help="Tell the version."),
    ] = False,
) -> None:
    """Keep the global options for the command."""
    del version
    context.obj = Invocation(data_dir=data_dir, url=url or None)
