"""The gRPC API as an unchanged grpcio client finds it: services, errors, deadlines, health."""

from __future__ import annotations

import asyncio
import json
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import grpc
import pytest
import pytest_asyncio
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from chat4all.gateway.grpc.generated import auth_service_pb2 as auth
from chat4all.gateway.grpc.generated import conversation_service_pb2 as conversations
from chat4all.gateway.grpc.generated import file_service_pb2 as files
from chat4all.gateway.grpc.generated import message_pb2 as messages
from chat4all.gateway.grpc.generated import message_service_pb2 as service
from chat4all.gateway.grpc.generated import presence_service_pb2 as presence
from tests.e2e.account import Account
from tests.e2e.grpc_client import Client, details
from tests.e2e.product import running_server
from tests.servers.cache import Missing, skip_for
from tests.servers.grpc_packages import PACKAGES
from tests.servers.process import free_port

PROTO = Path(__file__).parents[2] / "proto"

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.embedded("one process listens on the port of gRPC"),
]


class Talk:
    """Two people and their private conversation; a third who is not in it."""

    def __init__(self, url: str, ana: Client, ben: Client, eve: Client) -> None:
        self.url = url
        self.ana, self.ben, self.eve = ana, ben, eve
        self.id = ""

    def saying(self, words: str, **more: object) -> service.SendMessageRequest:
        payload = messages.Payload(text=messages.TextPayload(text=words))
        message = messages.NewMessage(conversation_id=self.id, payload=payload, **more)  # type: ignore[arg-type]  # the fields of the contract
        return service.SendMessageRequest(message=message, wait_seconds=10)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def address(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[str, str]]:
    """The product with gRPC: where it is over HTTP, and over gRPC."""
    port = free_port()
    settings = {"CHAT4ALL_GRPC_PORT": str(port)}
    async with running_server(tmp_path_factory.mktemp("product"), settings) as url:
        yield url, f"127.0.0.1:{port}"


@pytest_asyncio.fixture(loop_scope="module")
async def talk(address: tuple[str, str]) -> AsyncIterator[Talk]:
    url, place = address
    mark = uuid4().hex[:8]
    async with Client.at(place) as one, Client.at(place) as two, Client.at(place) as three:
        ana = await one.sign_up(f"ana-{mark}")
        ben = await two.sign_up(f"ben-{mark}")
        talk = Talk(url, ana, ben, await three.sign_up(f"eve-{mark}"))
        made = await ana.ask(
            conversations.CreateConversationRequest(
                type=conversations.CONVERSATION_TYPE_PRIVATE, member_ids=[ben.user_id]
            )
        )
        assert made.created
        talk.id = made.conversation.id
        yield talk


async def test_what_is_sent_over_grpc_reads_the_same_over_rest(talk: Talk) -> None:
    sent = await talk.ana.ask(talk.saying("Olá!", metadata={"order": 7, "tags": ["a", None]}))
    assert (sent.message.seq, sent.message.sender_id) == (1, talk.ana.user_id)
    [listed] = (await talk.ben.ask(service.ListMessagesRequest(conversation_id=talk.id))).messages
    async with Account(talk.url, "").with_token(talk.ben.token) as ben:
        [read] = (await ben.get(f"conversations/{talk.id}/messages"))["items"]
    assert (read["message_id"], read["from"]) == (listed.message_id, listed.sender_id)
    assert read["payload"] == {"type": "text", "text": listed.payload.text.text}
    assert read["metadata"] == {"order": 7, "tags": ["a", None]}
    assert read["created_at"][:19] == listed.created_at.ToJsonString()[:19]
    assert listed.status == messages.DELIVERY_STATUS_SENT


async def test_a_repeat_of_a_send_has_no_second_effect_and_other_content_is_refused(
    talk: Talk,
) -> None:
    name = str(uuid4())
    first = await talk.ana.ask(talk.saying("Once", message_id=name))
    again = await talk.ana.ask(talk.saying("Once", message_id=name))
    assert first.message_id == again.message_id == name
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await talk.ana.ask(talk.saying("Twice", message_id=name))
    told = details(refused.value)
    assert (told["code"], told["reason"]) == (
        grpc.StatusCode.ALREADY_EXISTS,
        "message_id_conflict",
    )


async def test_a_stream_of_messages_is_kept_in_order_and_each_refusal_says_why(talk: Talk) -> None:
    wanted = [talk.saying(f"No {n}").message for n in range(250)]
    wanted[100].payload.text.text = ""
    wanted[200].conversation_id = str(uuid4())
    requests = (service.SendMessagesRequest(message=one) for one in wanted)
    answer = await talk.ana.pour(requests, service.SendMessagesRequest)
    refused = {n: one.refused for n, one in enumerate(answer.outcomes) if one.HasField("refused")}
    assert {n: one.code for n, one in refused.items()} == {
        100: "validation_failed",
        200: "conversation_not_found",
    }
    assert [one.field for one in refused[100].field_violations] == ["message.payload.text"]
    await talk.ana.ask(talk.saying("The end"))
    page = await talk.ben.ask(
        service.ListMessagesRequest(conversation_id=talk.id, after_seq=0, page_size=200)
    )
    rest = await talk.ben.ask(
        service.ListMessagesRequest(
            conversation_id=talk.id, page_size=200, page_token=page.next_page_token
        )
    )
    read = [one.payload.text.text for one in (*page.messages, *rest.messages)]
    assert read == [*(f"No {n}" for n in range(250) if n not in {100, 200}), "The end"]


async def test_messages_are_edited_deleted_reacted_to_and_their_status_is_told(talk: Talk) -> None:
    sent = (await talk.ana.ask(talk.saying("Helo"))).message
    payload = messages.Payload(text=messages.TextPayload(text="Hello"))
    await talk.ana.ask(service.EditMessageRequest(message_id=sent.message_id, payload=payload))
    await talk.ben.ask(service.AddReactionRequest(message_id=sent.message_id, emoji="👍"))
    marks = await talk.ben.ask(service.MarkReadRequest(conversation_id=talk.id, up_to_seq=1))
    assert (marks.marks.last_read_seq, marks.marks.max_seq) == (1, 1)
    async with asyncio.timeout(30):
        while True:
            seen = await talk.ana.ask(service.GetMessageRequest(message_id=sent.message_id))
            if seen.message.status == messages.DELIVERY_STATUS_READ and seen.message.reactions:
                break
            await asyncio.sleep(0.05)
    assert seen.message.payload.text.text == "Hello"
    assert [(one.emoji, *one.user_ids) for one in seen.message.reactions] == [
        ("👍", talk.ben.user_id)
    ]
    status = await talk.ana.ask(service.GetMessageStatusRequest(message_id=sent.message_id))
    assert [one.user_id for one in status.recipients] == [talk.ben.user_id]
    await talk.ben.ask(service.RemoveReactionRequest(message_id=sent.message_id, emoji="👍"))
    await talk.ana.ask(service.DeleteMessageRequest(message_id=sent.message_id))


async def test_a_group_is_made_changed_and_left(talk: Talk) -> None:
    ana, ben, eve = talk.ana, talk.ben, talk.eve
    made = await ana.ask(
        conversations.CreateConversationRequest(
            type=conversations.CONVERSATION_TYPE_GROUP, name="Trip", member_ids=[ben.user_id]
        )
    )
    group = made.conversation.id
    await ana.ask(conversations.AddMemberRequest(conversation_id=group, user_id=eve.user_id))
    changed = await ana.ask(
        conversations.ChangeRoleRequest(
            conversation_id=group, user_id=eve.user_id, role=conversations.ROLE_ADMIN
        )
    )
    assert {one.user_id: one.role for one in changed.conversation.members} == {
        ana.user_id: conversations.ROLE_OWNER,
        ben.user_id: conversations.ROLE_MEMBER,
        eve.user_id: conversations.ROLE_ADMIN,
    }
    renamed = await eve.ask(
        conversations.UpdateConversationRequest(conversation_id=group, name="Journey")
    )
    assert renamed.conversation.name == "Journey"
    await ben.ask(conversations.LeaveConversationRequest(conversation_id=group))
    await ana.ask(conversations.RemoveMemberRequest(conversation_id=group, user_id=eve.user_id))
    await ana.ask(conversations.ArchiveConversationRequest(conversation_id=group))
    listed = await ana.ask(conversations.ListConversationsRequest(page_size=1))
    assert group not in {one.id for one in listed.conversations}
    shown = await ana.ask(conversations.GetConversationRequest(conversation_id=group))
    assert ([one.user_id for one in shown.conversation.members], shown.conversation.archived) == (
        [ana.user_id],
        True,
    )
    await ana.ask(conversations.DeleteConversationRequest(conversation_id=group))


async def test_a_file_is_sent_in_two_streams_and_read_from_its_middle(talk: Talk) -> None:
    data = bytes(range(256)) * 8_192  # 2 MiB
    begun = await talk.ana.ask(
        files.StartUploadRequest(
            name="noise.bin",
            size=len(data),
            mime_type="application/octet-stream",
            checksum=f"sha256:{sha256(data).hexdigest()}",
            conversation_id=talk.id,
        )
    )
    name = begun.upload.file_id
    half = len(data) // 2
    for start, end in ((0, half), (half, len(data))):
        answer = await talk.ana.pour(_pieces(name, data, start, end), files.UploadFileRequest)
        assert answer.upload.offset == end
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await talk.ana.pour(_pieces(name, data, 0, half)[:1], files.UploadFileRequest)
    assert details(refused.value)["reason"] == "offset_conflict"
    done = await talk.ana.ask(files.CompleteUploadRequest(file_id=name))
    assert (done.file.state, done.file.size) == (files.FILE_STATE_READY, len(data))
    request = files.DownloadFileRequest(file_id=name, offset=half, limit=1_000_000)
    got = [one.chunk async for one in talk.ben.call(request)]
    assert b"".join(got) == data[half : half + 1_000_000]
    with pytest.raises(grpc.aio.AioRpcError) as hidden:
        await talk.eve.ask(files.GetFileRequest(file_id=name))
    assert details(hidden.value)["reason"] == "file_not_found"
    await talk.ana.ask(files.DeleteFileRequest(file_id=name))


def _pieces(name: str, data: bytes, start: int, end: int) -> list[files.UploadFileRequest]:
    position = files.UploadPosition(file_id=name, offset=start)
    step = 300_000
    return [
        files.UploadFileRequest(position=position),
        *(
            files.UploadFileRequest(chunk=data[at : min(at + step, end)])
            for at in range(start, end, step)
        ),
    ]


async def test_presence_is_told_to_those_who_share_a_conversation(talk: Talk) -> None:
    await talk.ana.ask(presence.SetPresenceRequest(status=presence.PRESENCE_STATUS_BUSY))
    asked = presence.GetPresenceRequest(user_ids=[talk.ana.user_id])
    [seen] = (await talk.ben.ask(asked)).presences
    assert seen.status == presence.PRESENCE_STATUS_BUSY
    assert list((await talk.eve.ask(asked)).presences) == []


async def test_tokens_are_refreshed_once_and_revoked(talk: Talk) -> None:
    name = f"una-{uuid4().hex[:8]}"
    una = Client(talk.ana.channel)
    await una.sign_up(name)
    tokens = (
        await una.ask(auth.SignInRequest(username=name, password="correct horse battery"))
    ).tokens
    asked = auth.RefreshTokenRequest(refresh_token=tokens.refresh_token)
    fresh = (await una.ask(asked)).tokens
    una.token = fresh.access_token
    await una.ask(conversations.ListConversationsRequest())
    await una.ask(auth.RevokeTokenRequest(token=fresh.refresh_token))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await una.ask(conversations.ListConversationsRequest())
    assert details(refused.value)["reason"] == "invalid_token"


async def test_errors_carry_the_codes_of_rest_and_say_what_is_wrong(talk: Talk) -> None:
    request = talk.saying("x" * 16_385)
    request.message.to.append("nobody")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await talk.ana.ask(request)
    told = details(refused.value)
    assert (told["code"], told["reason"]) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "validation_failed",
    )
    assert told["ErrorInfo"].domain == "chat4all"
    assert [one.field for one in told["BadRequest"].field_violations] == ["message.payload.text"]


async def test_a_call_that_is_given_up_ends_on_both_sides(talk: Talk) -> None:
    stream = talk.ana.call(service.StreamMessagesRequest())
    assert (await stream.read()).ready.user_id == talk.ana.user_id
    stream.cancel()
    with pytest.raises(grpc.aio.AioRpcError) as late:
        async for _ in talk.ana.call(service.StreamMessagesRequest(), timeout=0.5):
            pass
    assert late.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    async with Account(talk.url, "").with_token(talk.ana.token) as ana, asyncio.timeout(30):
        for status in ("CANCELLED", "DEADLINE_EXCEEDED"):
            method = "chat4all.v1.MessageService/StreamMessages"
            labels = f'rpc_method="{method}",rpc_response_status_code="{status}"'
            while True:
                if labels in await ana.text("/metrics"):
                    break
                await asyncio.sleep(0.05)


async def test_health_and_reflection_answer_their_own_clients(address: tuple[str, str]) -> None:
    names = {
        f"chat4all.v1.{one}Service"
        for one in ("Auth", "Conversation", "File", "Message", "Presence")
    }
    async with grpc.aio.insecure_channel(address[1]) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        for name in ("", *names):
            answer = await health.Check(health_pb2.HealthCheckRequest(service=name))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING

    def reflected() -> set[str]:
        with grpc.insecure_channel(address[1]) as channel:
            database = ProtoReflectionDescriptorDatabase(channel)
            pool = DescriptorPool(database)
            for name in names:
                assert pool.FindServiceByName(name).methods
            return set(database.get_services())

    assert names < await asyncio.to_thread(reflected)


async def test_a_stream_tells_the_same_events_as_sync(talk: Talk) -> None:
    stream = talk.ben.call(service.StreamMessagesRequest())
    start = (await stream.read()).cursor
    for n in range(3):
        await talk.ana.ask(talk.saying(f"No {n}"))
    live = [await _event(stream) for _ in range(3)]
    assert [one.message.message.payload.text.text for one in live] == ["No 0", "No 1", "No 2"]
    resumed = talk.ben.call(service.StreamMessagesRequest(cursor=live[0].cursor))
    assert (await resumed.read()).HasField("ready")
    assert [(await _event(resumed)).message.message.seq for _ in range(2)] == [2, 3]
    async with Account(talk.url, "").with_token(talk.ben.token) as ben:
        page = await ben.get("sync", cursor=start)
    told = [one for one in page["items"] if one["type"] == "message"]
    assert [(one["cursor"], one["message"]["message_id"]) for one in told] == [
        (one.cursor, one.message.message.message_id) for one in live
    ]
    for one in (stream, resumed):
        one.cancel()


async def test_a_client_made_from_the_contract_in_another_language_talks(
    address: tuple[str, str],
) -> None:
    try:
        place = PACKAGES.folder()
    except Missing as missing:
        skip_for(missing)
    command = ("node", "talk.mjs", address[1], str(PROTO))
    node = await asyncio.create_subprocess_exec(*command, cwd=place, stdout=PIPE, stderr=PIPE)
    async with asyncio.timeout(90):
        said, complained = await node.communicate()
    assert node.returncode == 0, complained.decode()
    told = json.loads(said)
    heard = [(one["seq"], one["text"]) for one in told["heard"]]
    assert heard == [(1, "Olá"), (2, "from"), (3, "Node")]
    assert told["refused"] == grpc.StatusCode.INVALID_ARGUMENT.value[0]


async def _event(
    stream: grpc.aio.UnaryStreamCall[object, object],
) -> service.StreamMessagesResponse:
    """Return the next message of a stream, past presence and statuses."""
    async with asyncio.timeout(30):
        while True:
            response = await stream.read()
            assert isinstance(response, service.StreamMessagesResponse), await stream.code()
            if response.HasField("message"):
                return response
