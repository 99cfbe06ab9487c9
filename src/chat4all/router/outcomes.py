"""Who is told how the platforms take what they are asked."""

from __future__ import annotations

from typing import Protocol

from chat4all.domain.errors import ChannelError
from chat4all.domain.ids import AccountId


class Outcomes(Protocol):
    """Hears of every call of a connector. Both return at once and never raise."""

    def sent(self, account: AccountId) -> None:
        """Hear that the platform did what it was asked."""
        ...

    def refused(self, account: AccountId, error: ChannelError) -> None:
        """Hear that it did not."""
        ...


class NoOutcomes:
    """Hears and forgets."""

    def sent(self, account: AccountId) -> None:
        """See `Outcomes.sent`."""

    def refused(self, account: AccountId, error: ChannelError) -> None:
        """See `Outcomes.refused`."""
