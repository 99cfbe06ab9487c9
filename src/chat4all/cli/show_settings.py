"""`chat4all settings`: what is in force, and where each value comes from."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any

import typer
from pydantic import SecretStr

from chat4all.cli.contacts import Json
from chat4all.cli.failure import reporting
from chat4all.cli.invocation import invocation
from chat4all.cli.terminal import print_json, print_table
from chat4all.settings import FILE_VARIABLE, PREFIX, Settings

HIDDEN = "********"
_PASSWORD = re.compile(r"^([a-z][a-z0-9+.-]*://[^/@]*:)[^/@]+@")
"""The password of a URL."""

EXAMPLES = """Examples:

\b
  chat4all settings
  CHAT4ALL_PORT=9000 chat4all settings --json
"""


def show_settings(context: typer.Context, as_json: Json = False) -> None:
    """Show the settings in force.

    Every one with its value and where that comes from; secrets stay hidden.
    """
    with reporting():
        given = invocation(context)
        settings = given.settings()
        sources = _sources(given.data_dir is not None)
        rows = [
            {
                "name": name,
                "variable": f"{PREFIX}{name.upper()}",
                "value": shown(getattr(settings, name)),
                "source": sources.get(name, "default"),
                "description": field.description or "",
            }
            for name, field in Settings.model_fields.items()
        ]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("variable", "value", "from", "what it is"),
        (
            (
                row["variable"],
                "" if row["value"] is None else str(row["value"]),
                row["source"],
                row["description"],
            )
            for row in rows
        ),
    )


def _sources(data_dir_given: bool) -> dict[str, str]:
    """Return where the settings come from that are not left at their defaults."""
    path = os.environ.get(FILE_VARIABLE)
    found: dict[str, str] = {}
    if path is not None:
        found = dict.fromkeys(tomllib.loads(Path(path).read_text(encoding="utf-8")), path)
    for name in Settings.model_fields:
        if f"{PREFIX}{name.upper()}" in os.environ:
            found[name] = "environment"
    if data_dir_given:
        found["data_dir"] = "--data-dir"
    return found


def shown(value: Any) -> Any:
    """Return a value of a setting as people may see it: without the secret in it."""
    if isinstance(value, SecretStr):
        return HIDDEN
    if isinstance(value, str):
        return _PASSWORD.sub(rf"\1{HIDDEN}@", value)
    return str(value) if isinstance(value, Path) else value
