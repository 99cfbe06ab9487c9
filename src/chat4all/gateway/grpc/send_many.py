"""Many messages in one stream: what has come meanwhile is made durable together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from chat4all.domain.drafts import Draft
from chat4all.domain.errors import Chat4AllError, TooLarge
from chat4all.domain.ids import UserId
from chat4all.gateway.grpc.calls import asked
from chat4all.gateway.grpc.generated import message_service_pb2 as pb
from chat4all.gateway.grpc.questions import Sending
from chat4all.gateway.grpc.statuses import refusal_of
from chat4all.services.send_message import Accepted, SendMessage

BATCH = 100
"""Messages that wait here at most; a client that sends faster waits for us."""
MOST = 10_000
"""Messages in one stream, so that the one answer about all of them stays small."""
METHOD = "chat4all.v1.MessageService/SendMessages"

Requests = AsyncIterator[pb.SendMessagesRequest]
Read = Draft | Chat4AllError
"""A message that can be sent, or why not."""


class SendMany:
    """Sends the messages of a stream in their order."""

    def __init__(self, send: SendMessage) -> None:
        self._send = send

    async def __call__(self, sender: UserId, requests: Requests) -> list[Mapping[str, Any]]:
        """Return one outcome per message, in the order sent.

        Raises `TooLarge` for more than `MOST`; those before it were sent.
        """
        outcomes: list[Mapping[str, Any]] = []
        async with aclosing(_batches(requests)) as batches:
            async for batch in batches:
                taken = batch[: MOST - len(outcomes)]
                outcomes += [_object(one) for one in await self._sent(sender, taken)]
                if len(taken) < len(batch):
                    raise TooLarge(f"one stream holds at most {MOST} messages; begin another")
        return outcomes

    async def _sent(self, sender: UserId, read: Sequence[Read]) -> list[Accepted | Exception]:
        """Send the drafts among `read`; what could not be read is an outcome already."""
        drafts = [one for one in read if isinstance(one, Draft)]
        try:
            sent = iter(await self._send.many(sender, drafts) if drafts else [])
        except Chat4AllError as error:  # none of them was kept
            sent = iter([error] * len(drafts))
        return [next(sent) if isinstance(one, Draft) else one for one in read]


async def _batches(requests: Requests) -> AsyncGenerator[list[Read], None]:
    """Yield what has come since the batch before, at most `BATCH` at a time."""
    queue: asyncio.Queue[Read | None] = asyncio.Queue(BATCH)

    async def read() -> None:
        try:
            async for request in requests:
                await queue.put(_draft(request))
        except Exception:
            await queue.put(None)  # what came before it is sent, then it is raised
            raise
        await queue.put(None)

    reading = asyncio.create_task(read())
    try:
        ended = False
        while not ended:
            batch = [await queue.get()]
            while not queue.empty() and len(batch) < BATCH:
                batch.append(queue.get_nowait())
            ended = batch[-1] is None
            yield [one for one in batch if one is not None]
        await reading
    finally:
        reading.cancel()


def _draft(request: pb.SendMessagesRequest) -> Read:
    try:
        return asked(request, Sending).message.to_draft()
    except Chat4AllError as error:
        return error


def _object(outcome: Accepted | Exception) -> Mapping[str, Any]:
    if isinstance(outcome, Accepted):
        told: dict[str, Any] = {
            "message_id": outcome.message_id,
            "conversation_id": outcome.conversation_id,
            "accepted_at": outcome.accepted_at,
        }
        return {"accepted": told}
    if not isinstance(outcome, Chat4AllError):
        raise outcome
    refusal = refusal_of(outcome, METHOD)
    refused = {
        "status": refusal.status.value[0],
        "code": refusal.code,
        "detail": refusal.detail,
        "field_violations": [
            {"field": path, "description": words} for path, words in refusal.fields
        ],
        "retry_after": refusal.retry_after,
    }
    return {"refused": refused}
