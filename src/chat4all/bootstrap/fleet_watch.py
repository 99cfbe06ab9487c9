"""Looks after the connectors that run here: are they deaf, and what waits for them?"""

from __future__ import annotations

import asyncio

import structlog

from chat4all.bootstrap.fleet import Fleet
from chat4all.domain.errors import ChannelError
from chat4all.domain.ids import AccountId
from chat4all.ports.connector import SupportsLiveness

log = structlog.get_logger(__name__)

LOOK_SECONDS = 60.0
PATIENCE = 30.0
"""Seconds that a platform may take to say what waits."""


async def watch_fleet(fleet: Fleet, *, every: float = LOOK_SECONDS) -> None:
    """Look at every account again and again; connect those anew that are deaf."""
    while True:
        await asyncio.sleep(every)
        await look_at(fleet)


async def look_at(fleet: Fleet) -> None:
    """Look once."""
    listening = [
        (account.id, connector)
        for account, connector in fleet.running
        if isinstance(connector, SupportsLiveness)
    ]
    await asyncio.gather(*(_ask(fleet, account, one) for account, one in listening))
    for account_id in fleet.health.deaf():
        log.info("a deaf account is connected anew", account=account_id)
        await fleet.reconnect(account_id)


async def _ask(fleet: Fleet, account: AccountId, connector: SupportsLiveness) -> None:
    try:
        async with asyncio.timeout(PATIENCE):
            pending = await connector.pending()
    except TimeoutError:
        fleet.health.failed(account, "timeout", "the platform does not say what waits")
    except ChannelError as error:
        fleet.health.failed(account, error.reason, str(error))
    except Exception as error:  # one account must not end the watch over the others
        log.exception("an account could not be looked at", account=account)
        fleet.health.failed(account, "internal_error", type(error).__name__)
    else:
        fleet.health.looked(account, pending)
