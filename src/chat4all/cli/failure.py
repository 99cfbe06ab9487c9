"""How a command fails: one line on standard error, and an exit code."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import typer

from chat4all.domain.errors import BadSettings, Chat4AllError

T = TypeVar("T")

FAILED, USAGE, INTERRUPTED = 1, 2, 130


class CommandFailed(Exception):
    """What the user is told, and the exit code."""

    def __init__(self, message: str, *, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code


@contextmanager
def reporting() -> Iterator[None]:
    """Turn what can go wrong into one line and an exit code, never a traceback."""
    try:
        yield
    except CommandFailed as error:
        raise _exit(str(error), error.code) from error
    except BadSettings as error:
        raise _exit(str(error), USAGE) from error
    except Chat4AllError as error:
        raise _exit(str(error), FAILED) from error
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise _exit(f"{where}{error.strerror or error}", FAILED) from error
    except (KeyboardInterrupt, asyncio.CancelledError) as error:
        raise typer.Exit(INTERRUPTED) from error
    except Exception as error:
        from chat4all.cli.failed_call import told  # noqa: PLC0415 - a server calls nobody here

        if (message := told(error)) is None:
            raise
        raise _exit(*message) from error


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run the asynchronous part of a command."""
    with reporting():
        return asyncio.run(work)


def _exit(message: str, code: int) -> typer.Exit:
    typer.echo(f"chat4all: {' '.join(message.split())}", err=True)
    return typer.Exit(code)
