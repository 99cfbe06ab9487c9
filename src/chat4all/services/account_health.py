"""Whether a connector account works, judged by what the platform does and not by pings.

```
starting --a call succeeds--> connected --3 failures in a row--> degraded --success--> connected
any --the platform knows our login no more--> logged_out     any --it shut us out--> banned
any --updates wait there, or a poll does not return--> deaf --something is heard--> connected
```
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from chat4all.ports.connector import Pending

FAILURES = 3
"""Calls that fail one after the other before an account is degraded."""
POLL_PATIENCE = 3
"""How many times its own wait a poll may take."""
LOGGED_OUT = frozenset({"unauthorized", "logged_out", "token_expired"})
BANNED = frozenset({"banned", "account_banned", "account_locked", "account_restricted"})


class AccountState(StrEnum):
    """How an account is. Only a connected one does all it should."""

    STARTING = "starting"
    CONNECTED = "connected"
    DEGRADED = "degraded"
    DEAF = "deaf"
    LOGGED_OUT = "logged_out"
    BANNED = "banned"
    DISABLED = "disabled"


_MAY_DEGRADE = (AccountState.STARTING, AccountState.CONNECTED, AccountState.DEGRADED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What is known of an account.

    `reason` is a sentence for people, perhaps the platform's own, and `code` a word for it;
    both are empty when all is well.
    """

    state: AccountState
    since: datetime
    reason: str = ""
    code: str = ""
    last_inbound_at: datetime | None = None
    last_outbound_at: datetime | None = None


def shuts_out(code: str) -> bool:
    """Say whether a failure with this code ends all that an account can do."""
    return code in BANNED or code in LOGGED_OUT


class AccountHealth:
    """The states of one account. Every method takes the time: there is no clock inside."""

    def __init__(self, at: datetime) -> None:
        self._state = AccountState.STARTING
        self._since = at
        self._reason = self._code = ""
        self._failures = 0
        self._inbound: datetime | None = None
        self._outbound: datetime | None = None
        self._poll_due: datetime | None = None
        self._late = False
        self._waited = False
        self._stuck = False
        self._heard = False

    @property
    def view(self) -> Health:
        """Return how it is now."""
        return Health(
            state=self._state,
            since=self._since,
            reason=self._reason,
            code=self._code,
            last_inbound_at=self._inbound,
            last_outbound_at=self._outbound,
        )

    def restart(self, at: datetime) -> None:
        """Hear that it begins anew, perhaps with another token."""
        self._failures = 0
        self._poll_due = None
        self._late = self._waited = self._stuck = False
        self._become(AccountState.STARTING, "", at)

    def disable(self, at: datetime) -> None:
        """Hear that an administrator switched it off."""
        self._become(AccountState.DISABLED, "", at)

    def answered(self, at: datetime) -> None:
        """Hear that the platform did what it was asked: so it hears us."""
        self._failures = 0
        if not (self._late or self._stuck):  # that it hears us does not mean that we hear it
            self._become(AccountState.CONNECTED, "", at)

    def sent(self, at: datetime) -> None:
        """Hear that a message went out."""
        self._outbound = at
        self.answered(at)

    def received(self, at: datetime) -> None:
        """Hear that the platform brought something."""
        self._inbound = at
        self._heard = True
        self._late = self._waited = self._stuck = False
        self.answered(at)

    def polling(self, at: datetime, *, wait: float) -> None:
        """Hear that a poll begins, which should return within `wait` seconds."""
        self._poll_due = at + timedelta(seconds=POLL_PATIENCE * wait)

    def polled(self, at: datetime, *, events: int) -> None:
        """Hear that it returned, perhaps with nothing."""
        self._poll_due = None
        self._late = False
        if events:
            self.received(at)
        else:
            self.answered(at)

    def failed(self, at: datetime, *, code: str, detail: str) -> None:
        """Hear that a call failed: some in a row make the account degraded, some codes more."""
        self._poll_due = None
        self._failures += 1
        if code in BANNED:
            self._become(AccountState.BANNED, detail, at, code)
        elif code in LOGGED_OUT:
            self._become(AccountState.LOGGED_OUT, detail, at, code)
        elif self._failures >= FAILURES and self._state in _MAY_DEGRADE:
            self._become(AccountState.DEGRADED, detail, at, code)

    def broken(self, at: datetime, *, detail: str) -> None:
        """Hear that it cannot run at all until somebody repairs its configuration."""
        self._become(AccountState.DEGRADED, detail, at, "cannot_run")

    def looked(self, at: datetime, pending: Pending) -> None:
        """Hear what waits at the platform: what waits twice, and nothing came, waits for ever.

        Something may always be on its way, so once says nothing.
        """
        waiting = pending.count > 0 and not self._heard
        self._stuck = waiting and (self._waited or self._stuck)
        self._waited, self._heard = waiting, False
        if self._stuck:
            said = f"; the platform says: {pending.last_error}" if pending.last_error else ""
            reason = f"{pending.count} updates wait at the platform and none comes{said}"
            self._become(AccountState.DEAF, reason, at, "updates_wait")
        self.answered(at)

    def tick(self, at: datetime) -> None:
        """See whether a poll has not returned in time."""
        if self._poll_due is not None and at >= self._poll_due:
            self._late = True
            self._become(
                AccountState.DEAF, "a poll of the platform does not return", at, "poll_late"
            )

    def _become(self, state: AccountState, reason: str, at: datetime, code: str = "") -> None:
        if self._state is AccountState.DISABLED and state is not AccountState.STARTING:
            return  # a call that was under way when it was switched off
        if state is not self._state:
            self._state, self._since = state, at
        self._reason, self._code = reason, code
