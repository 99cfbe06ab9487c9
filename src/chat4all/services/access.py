"""Who asks, and whether they may: the one place for REST, gRPC and WebSocket alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from chat4all.domain.api_keys import PREFIX, DelegatedAct, Quota, Scope
from chat4all.domain.directory import UserKind
from chat4all.domain.errors import InsufficientScope, NotPermitted, RateLimited
from chat4all.domain.ids import ActId, UserId, new_id
from chat4all.ports.access_tokens import AccessTokens, KeyGrant, Principal
from chat4all.ports.api_keys import Delegations
from chat4all.ports.ephemeral import RateLimits
from chat4all.services.clock import Clock, utc_now
from chat4all.services.key_ring import KeyRing

LENT = frozenset({Scope.READ, Scope.SEND, Scope.MANAGE})
"""What a service account may do as a user, at most; where events are posted is the user's own."""
MAX_WHAT = 300
"""Characters that are kept of what was done."""


class Access:
    """Checks credentials, scopes, the limits of keys, and who acts as whom."""

    def __init__(
        self,
        tokens: AccessTokens,
        keys: KeyRing,
        delegations: Delegations,
        rates: RateLimits,
        *,
        now: Clock = utc_now,
    ) -> None:
        self._tokens = tokens
        self.keys = keys
        """Who API keys speak for."""
        self._delegations = delegations
        self._rates = rates
        self._now = now

    async def identify(self, token: str, on_behalf_of: UserId | None = None) -> Principal:
        """Return who asks, by an access token or an API key, for themselves or as a user.

        Raises `InvalidToken`, `NotPermitted`, and for a key that was not used lately
        `Unavailable`. Whether the user allows it is asked by `admit`.
        """
        if token.startswith(PREFIX):
            principal = await self.keys.verify(token)
        else:
            principal = self._tokens.verify(token)
        return principal if on_behalf_of is None else _acting(principal, on_behalf_of)

    async def admit(
        self,
        principal: Principal,
        need: Scope,
        what: str,
        tell: Callable[[Quota], None] | None = None,
    ) -> None:
        """Let one call through; `tell` is told what is left to its API key, if it has one.

        `what` is kept where it is done as somebody else, before it is done. Raises
        `InsufficientScope`, `RateLimited`, and `NotPermitted` for who may not act as the user.
        """
        if need not in principal.scopes:
            raise InsufficientScope(
                f"this API key is not good for this call: that takes the scope {need}", need
            )
        if principal.key is None:
            return
        await self._draw(principal.key, tell)
        if principal.actor is not None:
            act = DelegatedAct(
                id=ActId(new_id()),
                account_id=principal.actor,
                key_id=principal.key.id,
                user_id=principal.user_id,
                what=what[:MAX_WHAT],
                at=self._now(),
            )
            if not await self._delegations.record(act):
                raise _not_allowed()

    def is_revoked(self, principal: Principal) -> bool:
        """Say whether what somebody proved themselves with was revoked since; never waits."""
        proofs = (principal.family, principal.token_id)
        return any(self._tokens.is_revoked(one) for one in proofs)

    async def confirm(self, principal: Principal) -> None:
        """Raise `NotPermitted` when the user does not let the account act as they any more."""
        if principal.actor is not None:
            allowed = await self._delegations.of_user(principal.user_id)
            if principal.actor not in {one.account_id for one in allowed}:
                raise _not_allowed()

    async def _draw(self, key: KeyGrant, tell: Callable[[Quota], None] | None) -> None:
        rate = key.per_minute / 60
        drawn = await self._rates.draw(f"api-key:{key.id}", rate=rate, burst=key.per_minute)
        if tell is not None:
            full_in = (key.per_minute - drawn.left) / rate
            tell(Quota(per_minute=key.per_minute, left=int(drawn.left), full_in=full_in))
        if drawn.wait > 0:
            raise RateLimited(
                f"this API key is good for {key.per_minute} calls a minute; wait",
                retry_after=drawn.wait,
            )


def _acting(principal: Principal, user: UserId) -> Principal:
    if principal.key is None:
        raise NotPermitted("only a service account with an API key acts on behalf of a user")
    if Scope.ACT not in principal.scopes:
        raise InsufficientScope("to act as a user takes an API key with the scope act", Scope.ACT)
    return replace(
        principal,
        user_id=user,
        kind=UserKind.PERSON,
        admin=False,
        username=None,
        scopes=principal.scopes & LENT,
        actor=principal.user_id,
    )


def _not_allowed() -> NotPermitted:
    return NotPermitted("this user does not let the service account act on their behalf")
