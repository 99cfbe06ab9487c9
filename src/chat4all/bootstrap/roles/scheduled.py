"""The scheduled messages of the role `router`: what is due is sent as if by its sender."""

from __future__ import annotations

from functools import partial

from chat4all.bootstrap.clients import build_plan, build_send
from chat4all.bootstrap.core import Core
from chat4all.bootstrap.files import file_keeper
from chat4all.bootstrap.fleet import Keep
from chat4all.services.scheduled_sender import ScheduledSender


def start_scheduled(core: Core, keep: Keep) -> None:
    """Start it; `keep` has one process send."""
    storage, metrics = core.storage, core.metrics
    count = metrics.counter(
        "chat4all.scheduled.attempts", "tries to send scheduled messages, by outcome"
    )
    sender = ScheduledSender(
        core.directory,
        storage.messages,
        build_send(core, build_plan(core)),
        let_go=file_keeper(core.files, storage.log).forget,
        told=lambda outcome: count(outcome=outcome),
        tracing=core.tracing,
    )
    core.running.start("scheduled", partial(keep, "scheduled", sender.run))
    metrics.watch(
        "chat4all.scheduled.waiting",
        "messages that are to be sent later, told by the process that sends them",
        lambda: sender.waiting,
    )
    metrics.watch(
        "chat4all.scheduled.late",
        "seconds by which the longest due scheduled message is late",
        lambda: sender.late,
    )
