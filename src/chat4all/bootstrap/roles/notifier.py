"""The role `notifier`: brings events to the nodes at which a member is connected."""

from __future__ import annotations

from chat4all.bootstrap.core import Core
from chat4all.ports.event_log import EVENTS
from chat4all.services.event_relay import GROUP, EventRelay


def start_notifier(core: Core) -> None:
    """Start it."""
    storage = core.storage
    nodes = storage.nodes
    relay = EventRelay(storage.log, core.people, nodes.routing, nodes.bus, core.tracing)
    core.running.start("notifier", relay.run)
    core.metrics.watch(
        "chat4all.notifier.lag",
        "events published by the routers and not yet told",
        lambda: storage.log.backlog(EVENTS, GROUP),
    )
