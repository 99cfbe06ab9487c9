"""What stands before the command: which data folder or server is meant."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from chat4all.settings import Settings, load_settings


@dataclass(frozen=True, slots=True)
class Invocation:
    """The global options; None where they were not given."""

    data_dir: Path | None = None
    url: str | None = None

    def settings(self, **options: Any) -> Settings:
        """Return the settings with these options over them. Raises `BadSettings`."""
        given = {name: value for name, value in options.items() if value is not None}
        return load_settings({"data_dir": self.data_dir, **given})


def invocation(context: typer.Context) -> Invocation:
    """Return the global options of this run."""
    found = context.find_object(Invocation)
    return found if found is not None else Invocation()
