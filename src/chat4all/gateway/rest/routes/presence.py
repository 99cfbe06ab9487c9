"""Who is there."""

from __future__ import annotations

from litestar import Controller, get, put
from litestar.params import JSONBody

from chat4all.domain.ids import UserId
from chat4all.gateway.rest.bearer import SENDING, Caller
from chat4all.gateway.rest.deps import Deps
from chat4all.gateway.rest.schemas.presence import PresenceChange, UserPresence, UserPresences
from chat4all.gateway.rest.schemas.text import UuidList


class PresenceStates(Controller):
    """`/v1/presence`."""

    path = "/v1/presence"
    tags = ("Presence",)
    opt = SENDING

    @get("/", operation_id="getPresence")
    async def of(self, user_ids: UuidList, deps: Deps, caller: Caller) -> UserPresences:
        """Return who is there, among those one shares a conversation with."""
        asked = [UserId(one) for one in user_ids.lower().split(",")]
        found = await deps.presence.of(caller.user_id, asked)
        return UserPresences(items=[UserPresence.of(one) for one in found])

    @put("/", operation_id="setPresence")
    async def announce(
        self, data: JSONBody[PresenceChange], deps: Deps, caller: Caller
    ) -> UserPresence:
        """Say what one is, for the next 60 seconds."""
        return UserPresence.of(await deps.presence.announce(caller.user_id, data.status))
