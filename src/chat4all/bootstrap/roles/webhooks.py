"""The outgoing webhooks of the role `notifier`: events become deliveries, which are sent."""

from __future__ import annotations

from functools import partial

from chat4all.bootstrap.core import Core
from chat4all.bootstrap.fleet import Keep
from chat4all.ports.event_log import EVENTS
from chat4all.services.covering import Covering
from chat4all.services.messages import Messages
from chat4all.services.webhook_feed import GROUP, WebhookFeed
from chat4all.services.webhook_sender import WebhookSender


def start_webhooks(core: Core, keep: Keep) -> None:
    """Start both; `keep` has one process send."""
    storage, directory = core.storage, core.directory
    count = core.metrics.counter("chat4all.webhook.attempts", "posts to webhooks, by outcome")
    source = core.settings.address
    sender = WebhookSender(
        directory,
        core.post,
        source=source,
        told=lambda outcome: count(outcome=outcome),
        tracing=core.tracing,
    )
    feed = WebhookFeed(
        storage.log,
        directory,
        core.people,
        Covering(storage.messages),
        Messages(storage.log, storage.messages, storage.messages, core.people),
        source=source,
        kept=sender.wake,
    )
    core.running.start("webhook-feed", feed.run)
    core.running.start("webhook-sender", partial(keep, "webhook-sender", sender.run))
    core.metrics.watch(
        "chat4all.webhook.lag",
        "events published by the routers and not yet looked at for webhooks",
        lambda: storage.log.backlog(EVENTS, GROUP),
    )
