"""What a process tells the others of itself."""

from __future__ import annotations

import os
import socket
from collections.abc import Collection
from datetime import UTC, datetime
from functools import partial

from chat4all import __version__
from chat4all.bootstrap.rest import Ready
from chat4all.ports.ephemeral import Bus
from chat4all.services.roster import Process, Roster


def open_roster(bus: Bus, roles: Collection[str], ready: Ready) -> Roster:
    """Return the roster of a process that does `roles`, by the name of its machine and its id."""
    name = f"{socket.gethostname()}:{os.getpid()}"
    return Roster(bus, partial(_own, name, sorted(roles), ready, datetime.now(UTC)))


async def _own(name: str, roles: list[str], ready: Ready, started_at: datetime) -> Process:
    missing = await ready()
    return Process(
        name=name, version=__version__, roles=roles, started_at=started_at, missing=missing
    )
