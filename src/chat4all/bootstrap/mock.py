"""The simulated phones: those of a node, or of the one process that has them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import UTC, datetime

from chat4all.bootstrap.connectors import Kind
from chat4all.bootstrap.core import Core
from chat4all.bootstrap.fleet import Changed, Fleet
from chat4all.connectors.mock import (
    SIGNATURE_HEADER,
    ContactPhones,
    MockConnector,
    PhoneDesk,
    sign,
)
from chat4all.domain.directory import Account
from chat4all.domain.ids import AccountId, UserId, derived_id
from chat4all.ports.directory import Directory

MOCK_ACCOUNT = AccountId(derived_id("account", "mock"))


async def mock_account(directory: Directory, owner: UserId, kinds: Mapping[str, Kind]) -> Account:
    """Return the account of the simulated network, made when the node first started."""
    found = await directory.accounts.get(MOCK_ACCOUNT)
    if found is not None:
        return found
    now = datetime.now(UTC)
    account = Account(
        id=MOCK_ACCOUNT,
        platform=MockConnector.channel,
        name="Simulated phones",
        owner_id=owner,
        config=kinds[MockConnector.channel].complete({}),
        created_at=now,
        updated_at=now,
    )
    await directory.accounts.put(account)
    return account


def has_phones(channels: Collection[str] | None) -> bool:
    """Say whether a role `connector` has the phones: only when it is asked for them by name.

    One process has them, since what they show lives there; so a connector for every platform
    leaves this one out.
    """
    return MockConnector.channel in (channels or ())


def carried(channels: Collection[str] | None, kinds: Mapping[str, Kind]) -> Collection[str]:
    """Return the platforms of a role `connector`; see `has_phones`."""
    return channels or [one for one in kinds if one != MockConnector.channel]


async def start_phones(core: Core, fleet: Fleet, operator: UserId, changed: Changed) -> None:
    """Play the platform here, for this process and the others."""
    account = await mock_account(core.directory, operator, core.kinds)
    core.network.on_event = signed_events(fleet, account)
    await changed(account.id)
    phones = ContactPhones(core.network, core.directory, account=account.id)
    desk = PhoneDesk(core.storage.nodes.bus, core.network, phones)
    core.running.start("phones", desk.run)


def signed_events(fleet: Fleet, account: Account) -> Callable[[bytes], Awaitable[None]]:
    """Return what hands the network's events to the connector, signed as a platform would."""
    secret = str(account.config["secret"])

    async def hand_over(body: bytes) -> None:
        headers = {SIGNATURE_HEADER: sign(secret, body)}
        await fleet.webhook(account.platform, account.id, headers, body)

    return hand_over
