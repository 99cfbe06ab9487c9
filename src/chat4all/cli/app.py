"""The commands, put together."""

from __future__ import annotations

import platform

from chat4all import __version__
from chat4all.cli import (
    check,
    import_chats,
    messages,
    migrate_store,
    repair,
    show_settings,
    tail,
    trace,
)
from chat4all.cli.connector_kit import connector
from chat4all.cli.connectors import connectors
from chat4all.cli.contacts import Json, contacts
from chat4all.cli.dead_letters import dead_letters
from chat4all.cli.files import files
from chat4all.cli.keys import keys
from chat4all.cli.program import running
from chat4all.cli.scheduled import scheduled
from chat4all.cli.simulate import simulate
from chat4all.cli.terminal import print_json, say
from chat4all.cli.users import users

VERSION_EXAMPLES = """Example:

\b
  chat4all version --json
"""

app = running()


@app.command("version", epilog=VERSION_EXAMPLES)
def version(as_json: Json = False) -> None:
    """Tell the version of the program and of Python."""
    python = platform.python_version()
    if as_json:
        print_json({"version": __version__, "python": python, "system": platform.platform()})
    else:
        say(f"chat4all {__version__} (Python {python})")


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
