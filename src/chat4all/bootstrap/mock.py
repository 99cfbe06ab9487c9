"""The simulated phones of an embedded node."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

from chat4all.bootstrap.connectors import Kind
from chat4all.bootstrap.fleet import Fleet
from chat4all.connectors.mock import SIGNATURE_HEADER, MockConnector, sign
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


def signed_events(fleet: Fleet, account: Account) -> Callable[[bytes], Awaitable[None]]:
    """Return what hands the network's events to the connector, signed as a platform would."""
    secret = str(account.config["secret"])

    async def hand_over(body: bytes) -> None:
        headers = {SIGNATURE_HEADER: sign(secret, body)}
        await fleet.webhook(account.platform, account.id, headers, body)

    return hand_over
