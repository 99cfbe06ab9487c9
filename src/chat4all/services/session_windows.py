"""How long a person may still be answered freely, on channels that limit it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from chat4all.domain.capabilities import Capabilities
from chat4all.domain.directory import Channel
from chat4all.ports.accounts import Accounts
from chat4all.ports.routes import Routes
from chat4all.services.clock import Clock, utc_now


@dataclass(frozen=True, slots=True)
class SessionWindow:
    """Whether free content may be sent now, and until when it may or might have been.

    `until` is None for a person who never wrote.
    """

    open: bool
    until: datetime | None

    @classmethod
    def after(cls, heard: datetime | None, lasts: timedelta, *, now: datetime) -> Self:
        """Return the window of somebody who last wrote at `heard`."""
        until = None if heard is None else heard + lasts
        return cls(open=until is not None and now < until, until=until)


class SessionWindows:
    """Tells the window of a channel."""

    def __init__(
        self,
        routes: Routes,
        accounts: Accounts,
        capabilities: Mapping[str, Capabilities],
        *,
        now: Clock = utc_now,
    ) -> None:
        self._routes = routes
        self._accounts = accounts
        self._capabilities = capabilities
        self._now = now

    async def by_platform(self, channels: Sequence[Channel]) -> Mapping[str, SessionWindow]:
        """Return the windows of those channels that have one; the oldest of a platform counts."""
        found: dict[str, SessionWindow] = {}
        for channel in channels:
            if channel.platform not in found and (window := await self.of(channel)) is not None:
                found[channel.platform] = window
        return found

    async def of(self, channel: Channel) -> SessionWindow | None:
        """Return the window, or None for a channel without such a limit.

        A channel that is tied to no account has the window of the account last written to.
        """
        can = self._capabilities.get(channel.platform)
        if can is None or can.session_window is None:
            return None
        if channel.account_id is not None:
            accounts = [channel.account_id]
        else:
            found = await self._accounts.list(platform=channel.platform)
            accounts = [one.id for one in found if one.enabled]
        moments = [
            await self._routes.last_inbound(channel.platform, account, channel.external_id)
            for account in accounts
        ]
        last = max((one for one in moments if one is not None), default=None)
        return SessionWindow.after(last, can.session_window, now=self._now())
