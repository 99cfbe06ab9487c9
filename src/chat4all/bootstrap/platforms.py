"""The connectors of a process, and what takes in what comes from them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from chat4all.bootstrap.connectors import build_connector
from chat4all.bootstrap.core import Core
from chat4all.bootstrap.fleet import Fleet, Keep
from chat4all.domain.directory import Account
from chat4all.ports.event_log import EARLY_RECEIPTS
from chat4all.router.early_receipts import GROUP, EarlyReceipts
from chat4all.services.fetch_media import LOOK_SECONDS, MediaFetcher
from chat4all.services.message_traces import WriteCommands, plain_records
from chat4all.services.receive import Hooks, Ignored, ReceiveInbound
from chat4all.settings import Settings

SHARED_LOOK_SECONDS = 5.0
"""How often files are looked for that another process was told of."""


@dataclass(frozen=True, slots=True)
class Platforms:
    """The connectors of the accounts, and the use case behind them."""

    fleet: Fleet
    fetcher: MediaFetcher
    receive: ReceiveInbound
    early: EarlyReceipts


@asynccontextmanager
async def open_platforms(
    core: Core,
    keep: Keep | None,
    channels: Collection[str] | None = None,
    *,
    is_called: bool = True,
) -> AsyncIterator[Platforms]:
    """Build them; no account runs yet. `keep` and `channels` as in `Fleet`.

    `is_called` says whether platforms call this process.
    """
    fleet = Fleet(
        core.directory.accounts,
        partial(build_connector, core.kinds),
        webhook_address=partial(_webhook_address, core.settings),
        keep=keep,
        channels=channels,
        awaited=[name for name, kind in core.kinds.items() if is_called and kind.calls_back],
        tracing=core.tracing,
    )
    try:
        core.templates.ask(fleet.connector_of)
        look = LOOK_SECONDS if core.storage.cache_age is None else SHARED_LOOK_SECONDS
        fetcher = MediaFetcher(
            core.files.intake, fleet.connector_of, meter=core.metrics.files, look=look
        )
        ignored = _ignored(core)
        receive = _receiver(core, fleet, fetcher, ignored)
        early = EarlyReceipts(
            core.storage.log,
            core.storage.messages,
            core.directory.accounts,
            receive.reports,
            ignored,
            records=_records(core),
        )
        yield Platforms(fleet, fetcher, receive, early)
    finally:
        await fleet.aclose()


def start_receiving(core: Core, platforms: Platforms, keep: Keep) -> None:
    """Take in what comes from now on; `keep` has one process fetch the files of it."""
    core.running.start("media", partial(keep, "media", platforms.fetcher.run))
    core.running.start("early-receipts", platforms.early.run)
    core.metrics.watch(
        "chat4all.early_receipts.lag",
        "receipts kept until our own record of the send is there",
        lambda: core.storage.log.backlog(EARLY_RECEIPTS, GROUP),
    )
    platforms.fleet.receive_by(platforms.receive)


def _receiver(core: Core, fleet: Fleet, fetcher: MediaFetcher, ignored: Ignored) -> ReceiveInbound:
    kinds = core.kinds
    return ReceiveInbound(
        core.directory,
        core.storage.log,
        core.storage.messages,
        Hooks(
            tell=fleet.tell,
            typing=lambda conversation, user: core.signals.typing(user, conversation),
            ignored=ignored,
            windowed=[name for name, kind in kinds.items() if kind.capabilities.session_window],
            waiting=[name for name, kind in kinds.items() if not kind.capabilities.writes_first],
            announce_file=fetcher.announce,
            records=_records(core),
        ),
    )


def _records(core: Core) -> WriteCommands:
    return plain_records if core.message_traces is None else core.message_traces.records


def _ignored(core: Core) -> Ignored:
    counter = core.metrics.counter("chat4all.inbound.ignored", "inbound events without effect")
    return lambda reason: counter(reason=reason)


def _webhook_address(settings: Settings, account: Account) -> str | None:
    """Return where a platform calls back, if it can."""
    if not settings.can_be_called:
        return None
    return f"{settings.address}/v1/webhooks/{account.platform}/{account.id}"
