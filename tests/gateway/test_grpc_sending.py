"""Many messages in one stream, over the memory adapters."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from itertools import pairwise
from uuid import uuid4

import pytest

from chat4all.domain.errors import TooLarge
from chat4all.domain.ids import ConversationId, UserId
from chat4all.gateway.grpc import send_many
from chat4all.gateway.grpc.generated.message_pb2 import NewMessage, Payload, TextPayload
from chat4all.gateway.grpc.generated.message_service_pb2 import SendMessagesRequest
from chat4all.gateway.grpc.send_many import SendMany
from tests.gateway.world import Person, World


def saying(conversation: str, words: str, **more: str) -> SendMessagesRequest:
    payload = Payload(text=TextPayload(text=words))
    message = NewMessage(conversation_id=conversation, payload=payload, **more)  # type: ignore[arg-type]  # the fields of the contract
    return SendMessagesRequest(message=message)


async def at_once(requests: Iterable[SendMessagesRequest]) -> AsyncIterator[SendMessagesRequest]:
    for request in requests:
        yield request


async def test_each_has_its_outcome_in_the_order_sent(
    world: World, ana: Person, group: str
) -> None:
    requests = [saying(group, f"No {n}") for n in range(60)]
    requests[7] = saying(group, "")
    requests[20] = saying(str(uuid4()), "to nobody")
    outcomes = await SendMany(world.deps.send)(UserId(ana.id), at_once(requests))
    refused = {n: one["refused"]["code"] for n, one in enumerate(outcomes) if "refused" in one}
    assert refused == {7: "validation_failed", 20: "conversation_not_found"}
    kept = [one["accepted"]["message_id"] for one in outcomes if "accepted" in one]
    await world.deps.stored.wait(kept[-1], seconds=10)
    page = await world.deps.messages.page(
        UserId(ana.id), ConversationId(group), after_seq=0, before_seq=None, limit=100
    )
    assert [one.message.message_id for one in page] == kept


async def test_a_stream_may_answer_what_it_has_just_sent(
    world: World, ana: Person, group: str
) -> None:
    names = [str(uuid4()) for _ in range(250)]  # more than are made durable together
    requests = [saying(group, "first", message_id=names[0])]
    requests += [
        saying(group, "and", message_id=name, reply_to=before) for before, name in pairwise(names)
    ]
    outcomes = await SendMany(world.deps.send)(UserId(ana.id), at_once(requests))
    assert [one["accepted"]["message_id"] for one in outcomes] == names


async def test_a_stream_ends_at_its_limit_and_what_came_before_is_kept(
    world: World, ana: Person, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(send_many, "MOST", 3)
    requests = [saying(group, f"No {n}") for n in range(5)]
    with pytest.raises(TooLarge, match="at most 3 messages"):
        await SendMany(world.deps.send)(UserId(ana.id), at_once(requests))
    texts: list[str | None] = []
    while len(texts) < 3:
        await asyncio.sleep(0)  # lets the router store them
        page = await world.deps.messages.page(
            UserId(ana.id), ConversationId(group), after_seq=0, before_seq=None, limit=100
        )
        texts = [one.message.payload.text for one in page if one.message.payload is not None]
    assert texts == ["No 0", "No 1", "No 2"]
