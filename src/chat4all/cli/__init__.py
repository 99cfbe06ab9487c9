"""The program `chat4all`: every command speaks to the product through its REST API."""

from __future__ import annotations


def main() -> None:
    """Run the command line. Exit codes: 0 done, 1 refused or failed, 2 used wrongly."""
    from chat4all.cli.uncollected import uncollected  # noqa: PLC0415

    with uncollected():
        from chat4all.cli.app import app  # noqa: PLC0415 - importing the package does nothing

    app()
