"""Who is there, and who is writing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chat4all.domain.ids import UserId
from chat4all.gateway.grpc import questions
from chat4all.gateway.grpc.calls import Call, asked
from chat4all.gateway.grpc.deps import GrpcDeps
from chat4all.gateway.grpc.generated import presence_service_pb2 as pb
from chat4all.gateway.rest.schemas.presence import UserPresence

Result = Mapping[str, Any]


class PresenceCalls:
    """`chat4all.v1.PresenceService`."""

    def __init__(self, deps: GrpcDeps) -> None:
        self._board = deps.rest.presence
        self._signals = deps.signals

    async def get_presence(
        self, request: pb.GetPresenceRequest, call: Call[pb.GetPresenceResponse]
    ) -> Result:
        """Return who is there, among those one shares a conversation with."""
        wanted = asked(request, questions.Users)
        users = [UserId(one.lower()) for one in wanted.user_ids]
        found = await self._board.of(call.user_id, users)
        return {"presences": [UserPresence.of(one) for one in found]}

    async def set_presence(
        self, request: pb.SetPresenceRequest, call: Call[pb.SetPresenceResponse]
    ) -> Result:
        """Say what one is, for the next 60 seconds."""
        wanted = asked(request, questions.Announcement)
        return {
            "presence": UserPresence.of(await self._board.announce(call.user_id, wanted.status))
        }

    async def send_typing(
        self, request: pb.SendTypingRequest, call: Call[pb.SendTypingResponse]
    ) -> Result:
        """Show the others that one is writing."""
        wanted = asked(request, questions.OfConversation)
        await self._signals.typing(call.user_id, wanted.conversation)
        return {}
