"""The `chat4all` program with a clock that is off: `other_clock SECONDS WORDS`.

Only the time of day is off, as after a wrong setting of the clock; what waits by the monotonic
clock does so as ever, and so do the C libraries of the engines.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

import time_machine

from chat4all.cli import main


def program(off: timedelta) -> tuple[str, ...]:
    """Return what runs it."""
    return (sys.executable, "-m", "tests.e2e.other_clock", f"{off.total_seconds():.0f}")


if __name__ == "__main__":
    off = timedelta(seconds=float(sys.argv.pop(1)))
    with time_machine.travel(datetime.now(UTC) + off):
        main()
