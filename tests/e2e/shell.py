"""The command line, as its users run it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

PATIENCE = 60.0
PROGRAM = str(Path(sys.executable).parent / "chat4all")


def run(
    *words: str, settings: Mapping[str, str] | None = None, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end; `settings` are named without their prefix."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CHAT4ALL_")}
    named = {f"CHAT4ALL_{name.upper()}": value for name, value in (settings or {}).items()}
    return subprocess.run(
        [PROGRAM, *words],
        env={**environment, **named},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
