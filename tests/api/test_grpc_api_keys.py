"""API keys over gRPC: the same scopes, limits and consents as over REST."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from chat4all.gateway.grpc.generated import message_service_pb2 as messages
from chat4all.gateway.grpc.generated import presence_service_pb2 as presence
from chat4all.gateway.grpc.methods import PUBLIC
from chat4all.gateway.grpc.scopes import SCOPES
from tests.api.test_grpc_authorization import a_served_village
from tests.e2e.grpc_client import METHODS, Client, details
from tests.gateway.test_api_keys import BEHALF, DELEGATES, key_of
from tests.gateway.world import Person


def test_each_method_says_which_scope_it_takes() -> None:
    guarded = {
        method.name for method in METHODS.values() if method.containing_service.full_name != PUBLIC
    }
    assert set(SCOPES) == guarded


async def told(client: Client, request: Any, **metadata: str) -> str:
    """Make a call; return `OK`, or the reason why not."""
    pairs = [*client.metadata, *((name.lower(), value) for name, value in metadata.items())]
    try:
        await client.ask(request, metadata=tuple(pairs))
    except grpc.aio.AioRpcError as error:
        return str(details(error)["reason"])
    return "OK"


async def test_a_key_opens_what_its_scopes_say_and_no_more_than_its_limit() -> None:
    async with a_served_village() as (village, address):
        things = village.things
        owner = Person(things["owner"], "owner", village.clients["owner"], {})
        key = await key_of(owner, things["service_id"], "read", "act", per_minute=4)
        look = presence.GetPresenceRequest(user_ids=[things["owner"]])
        say = messages.GetMessageRequest(message_id=things["message_id"])
        mark = messages.DeleteMessageRequest(message_id=things["message_id"])
        behalf = {BEHALF: things["member"]}
        async with Client.at(address, key["key"]) as client:
            assert await told(client, look) == "OK"
            assert await told(client, say) == "message_not_found"
            assert await told(client, mark) == "insufficient_scope"
            assert await told(client, say, **behalf) == "not_permitted"
            allowed = await village.clients["member"].put(f"{DELEGATES}/{things['service_id']}")
            assert allowed.status_code == 204
            assert await told(client, say, **behalf) == "OK"
            assert await told(client, look) == "rate_limited"
        acts = (await village.clients["member"].get(f"{DELEGATES}/acts")).json()["items"]
        assert [one["what"] for one in acts] == ["chat4all.v1.MessageService/GetMessage"]


async def test_a_stream_ends_at_once_when_its_key_is_revoked() -> None:
    async with a_served_village() as (village, address):
        things, owner = village.things, village.clients["owner"]
        person = Person(things["owner"], "owner", owner, {})
        key = await key_of(person, things["service_id"], "read")
        async with Client.at(address, key["key"]) as client:
            stream = client.call(messages.StreamMessagesRequest(), timeout=15)
            assert (await stream.read()).ready.user_id == things["service_id"]
            path = f"/v1/service-accounts/{things['service_id']}/keys/{key['id']}"
            assert (await owner.delete(path)).status_code == 204
            with pytest.raises(grpc.aio.AioRpcError) as ended:
                await stream.read()
        assert details(ended.value)["reason"] == "invalid_token"
