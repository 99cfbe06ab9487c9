"""The role `connector`: brings messages to the platforms, and takes in what comes from there."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from chat4all.bootstrap.clients import enclosures
from chat4all.bootstrap.core import Core
from chat4all.bootstrap.fleet import Changed, Keep
from chat4all.bootstrap.fleet_watch import watch_fleet
from chat4all.bootstrap.platforms import Platforms
from chat4all.bootstrap.telegram import connect_telegram
from chat4all.router.carrier import Carrier
from chat4all.router.delivery import DeliveryWorker
from chat4all.router.failed_deliveries import FailedDeliveries
from chat4all.router.gate import Gate
from chat4all.router.windows import WindowGuard


def start_connector(
    core: Core, platforms: Platforms, channels: Collection[str], keep: Keep, changed: Changed
) -> None:
    """Start the accounts of `channels` and the deliveries to them."""
    fleet, settings = platforms.fleet, core.settings
    core.running.start("fleet", fleet.run)
    core.running.start("fleet-watch", partial(watch_fleet, fleet))
    core.metrics.watch_many(
        "chat4all.account.state",
        "connector accounts, by platform and state",
        ("platform", "state"),
        fleet.health.counts,
    )
    carrier = _carrier(core, platforms)
    for platform in channels:
        worker = DeliveryWorker(
            platform,
            core.storage.log,
            carrier,
            tracing=core.tracing,
            traces=core.message_traces,
        )
        core.running.start(f"delivery-{platform}", fleet.once_started(worker.run))
    if settings.telegram_token is not None and "telegram" in channels:
        token = settings.telegram_token.get_secret_value()
        connect = partial(connect_telegram, core.directory, core.kinds, changed, token)
        core.running.start("telegram", partial(keep, "telegram-token", connect))


def _carrier(core: Core, platforms: Platforms) -> Carrier:
    directory, fleet = core.directory, platforms.fleet
    return Carrier(
        core.storage.log,
        core.storage.messages,
        fleet,
        Gate(core.storage.ephemeral.rates, outcomes=fleet.health),
        windows=WindowGuard(directory.routes, core.templates),
        failed=FailedDeliveries(directory.failovers, directory.group_chats),
        enclosures=enclosures(core),
        tracing=core.tracing,
    )
