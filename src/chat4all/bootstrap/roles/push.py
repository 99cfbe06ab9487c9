"""The pushes of the role `notifier`: new messages become notices, which are sent."""

from __future__ import annotations

from functools import partial

from chat4all.bootstrap.core import Core
from chat4all.bootstrap.fleet import Keep
from chat4all.ports.event_log import EVENTS
from chat4all.services.push_courier import PushCourier
from chat4all.services.push_feed import GROUP, PushFeed
from chat4all.services.push_news import AreConnected, PushNews


def start_push(core: Core, keep: Keep, connected: AreConnected) -> None:
    """Start both; `keep` has one process send, `connected` tells who needs no push."""
    storage, directory = core.storage, core.directory
    count = core.metrics.counter("chat4all.push.attempts", "pushes to devices, by outcome")
    courier = PushCourier(
        directory,
        PushNews(core.people, storage.messages, connected),
        core.push,
        told=lambda outcome: count(outcome=outcome),
        tracing=core.tracing,
    )
    feed = PushFeed(storage.log, directory, core.people, connected, kept=courier.wake)
    core.running.start("push-feed", feed.run)
    core.running.start("push-courier", partial(keep, "push-courier", courier.run))
    core.metrics.watch(
        "chat4all.push.lag",
        "events published by the routers and not yet looked at for pushes",
        lambda: storage.log.backlog(EVENTS, GROUP),
    )
