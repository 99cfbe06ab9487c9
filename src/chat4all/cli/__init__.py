"""The program `chat4all`: every command speaks to the product through its REST API."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typer


def main() -> None:
    """Run the command line. Exit codes: 0 done, 1 refused or failed, 2 used wrongly."""
    from chat4all.bootstrap.uncollected import uncollected  # noqa: PLC0415 - the package does nothing

    with uncollected():
        program = _program(sys.argv[1:])
    program()


def _program(words: Sequence[str]) -> typer.Typer:
    from chat4all.cli.program import RUNNING, running  # noqa: PLC0415 - the package does nothing

    if words and words[0] in RUNNING:
        return running()
    from chat4all.cli.app import app  # noqa: PLC0415 - a server needs none of it

    return app
