"""The commands, put together."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Annotated

import typer

from chat4all import __version__
from chat4all.cli import (
    check,
    import_chats,
    messages,
    migrate_store,
    repair,
    serve,
    show_settings,
    tail,
    trace,
)
from chat4all.cli.connector_kit import connector
from chat4all.cli.connectors import connectors
from chat4all.cli.contacts import Json, contacts
from chat4all.cli.dead_letters import dead_letters
from chat4all.cli.files import files
from chat4all.cli.invocation import Invocation
from chat4all.cli.keys import keys
from chat4all.cli.scheduled import scheduled
from chat4all.cli.simulate import simulate
from chat4all.cli.terminal import print_json, say
from chat4all.cli.users import users

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
VERSION_EXAMPLES = """Example:

\b
  chat4all version --json
"""

app = typer.Typer(
    name="chat4all",
    help=HELP,
    epilog=EXAMPLES,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _tell_version(asked: bool) -> None:
    if asked:
        say(f"chat4all {__version__}")
        raise typer.Exit


@app.callback()
def options(
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


@app.command("version", epilog=VERSION_EXAMPLES)
def version(as_json: Json = False) -> None:
    """Tell the version of the program and of Python."""
    python = platform.python_version()
    if as_json:
        print_json({"version": __version__, "python": python, "system": platform.platform()})
    else:
        say(f"chat4all {__version__} (Python {python})")


app.command("serve", epilog=serve.SERVE_EXAMPLES)(serve.serve)
app.command("run", epilog=serve.RUN_EXAMPLES)(serve.run_roles)
app.add_typer(users, name="user")
app.add_typer(keys, name="key")
app.add_typer(contacts, name="contact")
app.command("send", epilog=messages.SEND_EXAMPLES)(messages.send)
app.command("history", epilog=messages.HISTORY_EXAMPLES)(messages.history)
app.add_typer(scheduled, name="scheduled")
app.add_typer(files, name="file")
app.command("tail", epilog=tail.EXAMPLES)(tail.tail)
app.command("trace", epilog=trace.EXAMPLES)(trace.trace)
app.command("check", epilog=check.EXAMPLES)(check.check)
app.command("repair", epilog=repair.EXAMPLES)(repair.repair)
app.add_typer(connectors, name="connectors")
app.add_typer(connector, name="connector")
app.add_typer(dead_letters, name="dead-letters")
app.add_typer(simulate, name="simulate")
app.command("settings", epilog=show_settings.EXAMPLES)(show_settings.show_settings)
app.command("import", epilog=import_chats.EXAMPLES)(import_chats.import_chats)
app.command("migrate-store", epilog=migrate_store.EXAMPLES)(migrate_store.migrate_store)
