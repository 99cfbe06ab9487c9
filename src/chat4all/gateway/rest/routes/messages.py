"""Sending, changing and following single messages."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from litestar import Controller, Response, delete, get, patch, post, put
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import HeaderParameter, JSONBody, PathParameter, QueryParameter
from msgspec import UNSET

from chat4all.domain.errors import Chat4AllError
from chat4all.domain.ids import MessageId
from chat4all.gateway.rest.bearer import SENDING, Caller
from chat4all.gateway.rest.deps import Deps, tools_of
from chat4all.gateway.rest.problems import problem_of
from chat4all.gateway.rest.schemas.delivery_plan import (
    DeliveryPlan,
    MessageToPlan,
    PlannedRecipient,
)
from chat4all.gateway.rest.schemas.message_trace import MessageTrace
from chat4all.gateway.rest.schemas.messages import (
    AcceptedMessage,
    BatchOutcome,
    BatchOutcomes,
    MessageEdit,
    MessageStatus,
    NewMessage,
    NewMessages,
    StoredMessage,
)
from chat4all.gateway.rest.schemas.text import PathText, UuidPath
from chat4all.services.send_message import Accepted

MAX_WAIT = 30
"""Seconds that `Prefer: wait` can ask for."""
MAX_BATCH_BYTES = 2 * 1024 * 1024

Prefer = Annotated[
    str | None,
    HeaderParameter(
        name="Prefer",
        max_length=200,
        description="`wait=5`: answer once the message has its place, within 5 seconds.",
    ),
]
Emoji = Annotated[
    str,
    PathParameter(
        min_length=1,
        max_length=32,
        pattern=PathText,
        description="One emoji, percent-encoded.",
    ),
]
For = Annotated[
    Literal["everyone", "me"],
    QueryParameter(name="for", description="`everyone` removes the content, `me` hides it."),
]
_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?([0-9]{1,6})\"?(?=$|[,;\s])")


def wait_of(prefer: str | None) -> int:
    """Return the seconds that a Prefer header asks to wait; 0 when it does not (RFC 7240)."""
    found = _WAIT.search(prefer or "")
    return min(int(found[1]), MAX_WAIT) if found else 0


class Messages(Controller):
    """`/v1/messages`."""

    path = "/v1/messages"
    tags = ("Messages",)
    opt = SENDING

    @post(
        "/",
        operation_id="sendMessage",
        status_code=202,
        problems=(404, 409),
        responses={
            202: ResponseSpec(AcceptedMessage, description="Accepted: it will be delivered."),
            201: ResponseSpec(
                StoredMessage, description="With `Prefer: wait`: the message in its place."
            ),
        },
    )
    async def send(
        self, data: JSONBody[NewMessage], deps: Deps, caller: Caller, prefer: Prefer = None
    ) -> Response[Any]:
        """Send a message: it is kept before this is answered."""
        accepted = await deps.send(caller.user_id, data.to_draft())
        seconds = wait_of(prefer)
        if seconds and (await deps.stored.wait(accepted.message_id, seconds=seconds)) is not None:
            stored = await deps.messages.get(caller.user_id, accepted.message_id)
            headers = {"Preference-Applied": f"wait={seconds}"}
            return Response(StoredMessage.seen(stored), status_code=201, headers=headers)
        return Response(AcceptedMessage.of(accepted), status_code=202)

    @post(
        "/batch",
        operation_id="sendMessages",
        status_code=200,
        request_max_body_size=MAX_BATCH_BYTES,
    )
    async def send_many(
        self, data: JSONBody[NewMessages], deps: Deps, caller: Caller
    ) -> BatchOutcomes:
        """Send up to 500 messages; each is accepted or refused for itself."""
        drafts = [one.to_draft() for one in data.messages]
        outcomes = await deps.send.many(caller.user_id, drafts)
        return BatchOutcomes(items=[_outcome(one) for one in outcomes])

    @post("/plan", operation_id="planMessage", status_code=200, problems=(404,))
    async def plan(self, data: JSONBody[MessageToPlan], deps: Deps, caller: Caller) -> DeliveryPlan:
        """Tell how a message would be delivered, and what blocks it; nothing is sent."""
        found = await deps.plan(caller.user_id, data.to_draft(), file=data.announced())
        return DeliveryPlan(recipients=[PlannedRecipient.of(one) for one in found])

    @get("/{message_id:str}", operation_id="getMessage")
    async def get_message(self, message_id: UuidPath, deps: Deps, caller: Caller) -> StoredMessage:
        """Return one message."""
        return StoredMessage.seen(await deps.messages.get(caller.user_id, _id(message_id)))

    @patch("/{message_id:str}", operation_id="editMessage", problems=(403, 409))
    async def edit(
        self, message_id: UuidPath, data: JSONBody[MessageEdit], deps: Deps, caller: Caller
    ) -> StoredMessage:
        """Replace the content of one's own message."""
        view = await deps.messages.edit(caller.user_id, _id(message_id), data.payload.to_domain())
        return StoredMessage.seen(view)

    @delete("/{message_id:str}", operation_id="deleteMessage", problems=(403,))
    async def remove(
        self, message_id: UuidPath, deps: Deps, caller: Caller, whom: For = "everyone"
    ) -> None:
        """Remove a message for everyone, or hide it from oneself."""
        await deps.messages.delete(caller.user_id, _id(message_id), for_everyone=whom == "everyone")

    @put(
        "/{message_id:str}/reactions/{emoji:str}",
        operation_id="react",
        status_code=204,
        problems=(409,),
    )
    async def react(self, message_id: UuidPath, emoji: Emoji, deps: Deps, caller: Caller) -> None:
        """Give an emoji."""
        await deps.messages.react(caller.user_id, _id(message_id), emoji, removed=False)

    @delete(
        "/{message_id:str}/reactions/{emoji:str}", operation_id="takeReactionBack", problems=(409,)
    )
    async def take_back(
        self, message_id: UuidPath, emoji: Emoji, deps: Deps, caller: Caller
    ) -> None:
        """Take an emoji back."""
        await deps.messages.react(caller.user_id, _id(message_id), emoji, removed=True)

    @get("/{message_id:str}/status", operation_id="getMessageStatus")
    async def status(self, message_id: UuidPath, deps: Deps, caller: Caller) -> MessageStatus:
        """Tell how far a message has come with each recipient, and how."""
        return MessageStatus.of(await deps.messages.status(caller.user_id, _id(message_id)))

    @get("/{message_id:str}/trace", operation_id="traceMessage")
    async def trace(self, message_id: UuidPath, deps: Deps, caller: Caller) -> MessageTrace:
        """Tell the whole way of a message, and nothing of what it says.

        Members of its conversation are told, and operators.
        """
        tools = tools_of(deps)
        if caller.admin:
            return MessageTrace.of(await tools.trace(_id(message_id)))
        await deps.messages.get(caller.user_id, _id(message_id))  # is it theirs?
        found = await tools.trace(_id(message_id))
        return MessageTrace.of(found.seen_by(caller.user_id))


def _id(text: str) -> MessageId:
    return MessageId(text.lower())


def _outcome(outcome: Accepted | Exception) -> BatchOutcome:
    if isinstance(outcome, Accepted):
        return BatchOutcome(
            status=202,
            message_id=outcome.message_id,
            conversation_id=outcome.conversation_id,
            accepted_at=outcome.accepted_at,
            problem=UNSET,
        )
    if not isinstance(outcome, Chat4AllError):
        raise outcome
    refused = problem_of(outcome, instance="/v1/messages/batch")
    return BatchOutcome(status=refused.status, problem=refused)
