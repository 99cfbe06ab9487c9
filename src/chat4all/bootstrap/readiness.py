"""Tells which engines answer, by name."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from chat4all.bootstrap.storage import Storage
from chat4all.domain.errors import Chat4AllError
from chat4all.domain.ids import MessageId
from chat4all.ports.event_log import COMMANDS

PATIENCE = 3.0
"""Seconds within which an engine must answer."""

Probe = Callable[[], Awaitable[object]]


class Readiness:
    """Asks all engines at once; returns those that do not answer, and why."""

    def __init__(self, probes: Mapping[str, Probe]) -> None:
        self._probes = probes

    async def __call__(self) -> Mapping[str, str]:
        """Return what is missing; nothing when all is there."""
        reasons = await asyncio.gather(*(_asked(probe) for probe in self._probes.values()))
        named = zip(self._probes, reasons, strict=True)
        return {name: reason for name, reason in named if reason is not None}


async def _asked(probe: Probe) -> str | None:
    try:
        async with asyncio.timeout(PATIENCE):
            await probe()
    except TimeoutError:
        return f"does not answer within {PATIENCE:g} seconds"
    except Chat4AllError as error:
        return str(error)
    return None


NOBODY = "00000000-0000-7000-8000-000000000000"
"""An id that nothing has."""


def probes_of(storage: Storage, *, needs_ephemeral: bool) -> dict[str, Probe]:
    """Return what asks each engine for a trifle, by the name of its setting.

    Without the ephemeral state a process may do its work all the same, only later.
    """
    ephemeral = {"ephemeral": partial(storage.nodes.leases.get_many, ["ready"])}
    return {
        **(ephemeral if needs_ephemeral else {}),
        "log": partial(storage.log.ends, COMMANDS),
        "messages": partial(storage.messages.find, [MessageId(NOBODY)]),
        "directory": partial(storage.directory.users.by_username, "operator"),
    }
