"""The role `router`: makes the effects of commands, and looks after what follows from time."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog

from chat4all.bootstrap.core import Core
from chat4all.bootstrap.files import file_keeper, file_sweeper
from chat4all.bootstrap.fleet import Keep
from chat4all.domain.events import Event, Position
from chat4all.ports.event_log import COMMANDS, EARLY_RECEIPTS, EVENTS, outbound
from chat4all.ports.tracing import Traces
from chat4all.router.deadlines import DeadlineWatch
from chat4all.router.failover import Failover
from chat4all.router.planner import Planner
from chat4all.router.worker import GROUP, Observer, Router
from chat4all.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

TRIM_SECONDS = 600.0
"""How often processed log records past their retention are dropped."""


class CountingObserver:
    """Counts what is stored, and passes on to those who are in this process."""

    def __init__(self, metrics: Metrics, here: Observer | None = None) -> None:
        self._metrics = metrics
        self._here = here

    def happened(self, events: Sequence[Event], traces: Traces) -> None:
        """See `Observer.happened`."""
        if self._here is not None:
            self._here.happened(events, traces)

    def stored(self, events: Sequence[Event]) -> None:
        """See `Observer.stored`."""
        if self._here is not None:
            self._here.stored(events)
        self._metrics.stored(events)

    def done(self, positions: Collection[Position]) -> None:
        """See `Observer.done`."""
        if self._here is not None:
            self._here.done(positions)


def start_router(core: Core, here: Observer | None = None) -> Router:
    """Start the router, which also tells `here` of what happens before it is stored."""
    storage = core.storage
    planner = Planner(
        core.people,
        storage.messages,
        core.last_channels,
        core.directory.routes,
        _failover(core),
    )
    observer = CountingObserver(core.metrics, here)
    router = Router(storage.log, storage.messages, planner, observer, tracing=core.tracing)
    core.running.start("router", router.run)
    core.metrics.watch(
        "chat4all.router.lag",
        "commands accepted and not yet stored",
        lambda: storage.log.backlog(COMMANDS, GROUP),
    )
    return router


def start_upkeep(core: Core, keep: Keep) -> None:
    """Follow what happens to files; `keep` has one process sweep."""
    log_, files, meter = core.storage.log, core.files, core.metrics.files
    core.running.start("file-keeper", file_keeper(files, log_).run)
    sweeper = file_sweeper(files, log_, core.settings, meter=meter)
    core.running.start("file-sweeper", partial(keep, "file-sweeper", sweeper.run))


def start_clockwork(core: Core, keep: Keep) -> None:
    """Act on deadlines that pass, and forget what is old; `keep` has one process do it."""
    deadlines = DeadlineWatch(core.directory.failovers, _failover(core), core.storage.log)
    core.running.start("deadlines", partial(keep, "deadlines", deadlines.run))
    core.running.start("trim", partial(keep, "trim", partial(_trim, core)))


def _failover(core: Core) -> Failover:
    return Failover(core.directory.failovers, core.storage.messages, core.capabilities)


async def _trim(core: Core) -> None:
    streams = [COMMANDS, EVENTS, EARLY_RECEIPTS, *map(outbound, core.kinds)]
    while True:
        before = datetime.now(UTC) - timedelta(days=core.settings.log_retention_days)
        for stream in streams:
            dropped = await core.storage.log.trim(stream, before=before)
            if dropped:
                log.info("log trimmed", stream=stream, records=dropped)
        await asyncio.sleep(TRIM_SECONDS)
