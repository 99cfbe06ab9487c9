"""The role `presence`: tells of those who went without a word."""

from __future__ import annotations

from functools import partial

from chat4all.bootstrap.core import Core
from chat4all.bootstrap.fleet import Keep
from chat4all.services.presence_watch import PresenceWatch


def start_presence(core: Core, keep: Keep) -> None:
    """Start it; `keep` has one process do it."""
    core.running.start("presence", partial(keep, "presence", PresenceWatch(core.storage.nodes).run))
