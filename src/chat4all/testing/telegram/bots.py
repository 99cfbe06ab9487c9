"""A bot of the simulated network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chat4all.testing.telegram.model import Account
    from chat4all.testing.telegram.updates import UpdateQueue
    from chat4all.testing.telegram.webhook import WebhookDelivery


@dataclass(kw_only=True, slots=True)
class Bot:
    """A bot: its account, its token, and the updates that wait for it."""

    account: Account
    token: str
    updates: UpdateQueue
    webhook: WebhookDelivery | None = None
