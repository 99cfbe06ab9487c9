"""The health of every connector account of this process, and who is told when it changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import structlog

from chat4all.domain.directory import Account
from chat4all.domain.errors import ChannelError
from chat4all.domain.ids import AccountId
from chat4all.ports.connector import Pending
from chat4all.services.account_health import AccountHealth, AccountState, Health, shuts_out
from chat4all.services.clock import Clock, utc_now

log = structlog.get_logger(__name__)

_GOOD = (AccountState.STARTING, AccountState.CONNECTED, AccountState.DISABLED)


class HealthBoard:
    """Hears what befalls accounts, and writes a line whenever one changes its state.

    It fits `Outcomes` of the router: what deliveries meet counts as well.
    """

    def __init__(self, *, now: Clock = utc_now) -> None:
        self._now = now
        self._accounts: dict[AccountId, tuple[Account, AccountHealth]] = {}

    def of(self, account: AccountId) -> Health | None:
        """Return how an account is; None for one that this process does not run."""
        found = self._accounts.get(account)
        return found[1].view if found else None

    def counts(self) -> Mapping[tuple[str, ...], int]:
        """Return how many accounts there are per platform and state, with the zeros."""
        views = [(one.platform, health.view.state) for one, health in self._accounts.values()]
        counts: dict[tuple[str, ...], int] = {
            (platform, str(state)): 0 for platform, _ in views for state in AccountState
        }
        for platform, state in views:
            counts[platform, str(state)] += 1
        return counts

    def deaf(self) -> list[AccountId]:
        """Return the accounts that should be connected anew."""
        self.tick()
        return [
            account
            for account, (_, health) in self._accounts.items()
            if health.view.state is AccountState.DEAF
        ]

    def starts(self, account: Account) -> None:
        """Hear that an account begins to run, or again with another configuration."""
        known = self._accounts.get(account.id)
        self._accounts[account.id] = account, known[1] if known else AccountHealth(self._now())
        self._change(account.id, lambda health, at: health.restart(at))

    def disabled(self, account: Account) -> None:
        """Hear that an account is switched off."""
        known = self._accounts.get(account.id)
        self._accounts[account.id] = account, known[1] if known else AccountHealth(self._now())
        self._change(account.id, lambda health, at: health.disable(at))

    def gone(self, account: AccountId) -> None:
        """Hear that an account was removed."""
        self._accounts.pop(account, None)

    def answered(self, account: AccountId) -> None:
        """Hear that the platform did what it was asked."""
        self._change(account, lambda health, at: health.answered(at))

    def sent(self, account: AccountId) -> None:
        """Hear that a message went out."""
        self._change(account, lambda health, at: health.sent(at))

    def refused(self, account: AccountId, error: ChannelError) -> None:
        """Hear that a message did not go out; what concerns one chat alone is no matter."""
        told = error.retry or error.of_account or shuts_out(error.reason)
        if told and error.reason != "no_account":
            self.failed(account, error.reason, str(error))

    def failed(self, account: AccountId, code: str, detail: str) -> None:
        """Hear that a call for the account as a whole failed."""
        self._change(account, lambda health, at: health.failed(at, code=code, detail=detail))

    def broken(self, account: AccountId, detail: str) -> None:
        """Hear that an account cannot run as it is configured."""
        self._change(account, lambda health, at: health.broken(at, detail=detail))

    def received(self, account: AccountId) -> None:
        """Hear that a callback of the platform came."""
        self._change(account, lambda health, at: health.received(at))

    def polling(self, account: AccountId, *, wait: float) -> None:
        """Hear that a poll begins, which should return within `wait` seconds."""
        self._change(account, lambda health, at: health.polling(at, wait=wait))

    def polled(self, account: AccountId, *, events: int) -> None:
        """Hear that it returned."""
        self._change(account, lambda health, at: health.polled(at, events=events))

    def looked(self, account: AccountId, pending: Pending) -> None:
        """Hear what waits at the platform."""
        self._change(account, lambda health, at: health.looked(at, pending))

    def tick(self) -> None:
        """Let time pass."""
        for account in list(self._accounts):
            self._change(account, lambda health, at: health.tick(at))

    def _change(self, account: AccountId, tell: Callable[[AccountHealth, datetime], None]) -> None:
        found = self._accounts.get(account)
        if found is None:
            return
        named, health = found
        before = health.view.state
        tell(health, self._now())
        after = health.view
        if after.state is not before:
            write = log.info if after.state in _GOOD else log.warning
            write(
                f"account is {after.state.value.replace('_', ' ')}",
                account=account,
                name=named.name,
                platform=named.platform,
                before=before.value,
                code=after.code,  # the reason may quote anything
            )
