"""What commands print: JSON, or tables and lines that are safe to show."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDE = 400
"""Columns when nobody watches: nothing is cut or wrapped in a pipe."""


def console(*, stderr: bool = False) -> Console:
    """Return where to print; colours only on a terminal, and never with NO_COLOR."""
    file = sys.stderr if stderr else sys.stdout
    return Console(
        file=file,
        width=None if file.isatty() else WIDE,
        highlight=False,
        markup=False,
        emoji=False,
    )


def say(text: str | Text, *, stderr: bool = False) -> None:
    """Print a line."""
    console(stderr=stderr).print(text, soft_wrap=True)


def print_json(value: Any) -> None:
    """Print `value` as JSON on standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")


def print_json_line(value: Any) -> None:
    """Print `value` as one line of JSON, at once."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> None:
    """Print rows under their headings."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text(clean(one)) if isinstance(one, str) else one for one in row))
    console().print(table)


def clean(text: str) -> str:
    """Return `text` without control characters: a message must not steer the terminal."""
    return "".join(
        char if char in "\n\t" or unicodedata.category(char) != "Cc" else "\ufffd" for char in text
    )


def moment(text: str | None, *, seconds: bool = False) -> str:
    """Return a time of the API on the clock of this machine, to be read by people."""
    if text is None:
        return ""
    at = datetime.fromisoformat(text).astimezone()
    return at.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] if seconds else at.strftime("%Y-%m-%d %H:%M")
