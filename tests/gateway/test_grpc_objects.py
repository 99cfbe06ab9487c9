"""What gRPC tells is what REST tells, field by field, and what it is told is read alike."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from google.protobuf.descriptor import EnumDescriptor
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status as RpcStatus
from grpc import StatusCode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat4all.domain.directory import ConversationType, Role
from chat4all.domain.errors import InvalidInput, RateLimited
from chat4all.domain.files import FileState
from chat4all.domain.status import Status
from chat4all.gateway.grpc.calls import _host
from chat4all.gateway.grpc.generated import (
    auth_service_pb2,
    conversation_service_pb2,
    file_service_pb2,
    message_pb2,
    message_service_pb2,
    presence_service_pb2,
)
from chat4all.gateway.grpc.objects import RENAMED, filled, plain
from chat4all.gateway.grpc.statuses import Refusal, refusal_of
from chat4all.gateway.rest.asyncapi_frames import SERVER_FRAMES
from chat4all.gateway.rest.schemas import conversations, files, messages, payloads, presence, users
from chat4all.services.presence import PresenceStatus

to_json = msgspec.json.Encoder(order="deterministic").encode

PAIRS: list[tuple[Any, Any, set[str]]] = [
    (messages.NewMessage, message_pb2.NewMessage, set()),
    (messages.Failover, message_pb2.Failover, set()),
    (messages.StoredMessage, message_pb2.Message, set()),
    (messages.Reaction, message_pb2.Reaction, set()),
    (messages.StatusLine, message_pb2.StatusLine, set()),
    (messages.StatusError, message_pb2.DeliveryError, set()),
    (messages.MessageStatus, message_service_pb2.GetMessageStatusResponse, set()),
    (messages.CursorMarks, message_service_pb2.CursorMarks, set()),
    (messages.AcceptedMessage, message_service_pb2.AcceptedMessage, {"status"}),
    (payloads.TextPayload, message_pb2.TextPayload, set()),
    (payloads.ImagePayload, message_pb2.FilePayload, set()),
    (payloads.LocationPayload, message_pb2.LocationPayload, set()),
    (payloads.ContactPayload, message_pb2.ContactPayload, set()),
    (payloads.TemplatePayload, message_pb2.TemplatePayload, set()),
    (conversations.NewConversation, conversation_service_pb2.CreateConversationRequest, set()),
    (conversations.ConversationObject, conversation_service_pb2.Conversation, set()),
    (conversations.ConversationMember, conversation_service_pb2.ConversationMember, set()),
    (users.ChannelWindow, conversation_service_pb2.ChannelWindow, set()),
    (users.Registration, auth_service_pb2.RegisterRequest, set()),
    (users.OwnUser, auth_service_pb2.Profile, set()),
    (files.FileAnnouncement, file_service_pb2.StartUploadRequest, set()),
    (files.FileInfo, file_service_pb2.File, {"offset"}),
    (files.FileFailure, file_service_pb2.FileFailure, set()),
    (presence.UserPresence, presence_service_pb2.UserPresence, set()),
]
"""Each object of REST, its message, and what the message leaves to other calls."""

ENUMS: list[tuple[EnumDescriptor, set[str]]] = [
    (message_pb2.DeliveryStatus.DESCRIPTOR, {one.word for one in Status}),
    (conversation_service_pb2.ConversationType.DESCRIPTOR, set(ConversationType)),
    (conversation_service_pb2.Role.DESCRIPTOR, set(Role)),
    (file_service_pb2.FileState.DESCRIPTOR, set(FileState)),
    (presence_service_pb2.PresenceStatus.DESCRIPTOR, set(PresenceStatus)),
]

words = st.text(min_size=1, max_size=20)
fractions = st.integers(-(2**40), 2**40).map(lambda n: n + 0.5)
numbers = st.one_of(st.integers(-(2**53) + 1, 2**53 - 1), fractions)
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, words),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(words, inner, max_size=3)),
    max_leaves=5,
)
media = st.fixed_dictionaries(
    {"type": st.sampled_from(["image", "video", "audio", "document"]), "file_id": words},
    optional={"caption": words},
)
place = st.fixed_dictionaries(
    {
        "type": st.just("location"),
        "latitude": st.floats(-90, 90),
        "longitude": st.floats(-180, 180),
    },
    optional={"name": words},
)
text = st.fixed_dictionaries({"type": st.just("text"), "text": words})
new_messages = st.fixed_dictionaries(
    {"conversation_id": words, "payload": st.one_of(text, media, place)},
    optional={
        "message_id": words,
        "to": st.lists(words, min_size=1, max_size=3),
        "reply_to": words,
        "failover": st.fixed_dictionaries({}, optional={"read_within": st.floats(1, 60)}),
        "metadata": st.dictionaries(words, json_values, max_size=4),
    },
)


@pytest.mark.parametrize(
    ("struct", "message", "elsewhere"), PAIRS, ids=[one[1].DESCRIPTOR.full_name for one in PAIRS]
)
def test_an_object_has_the_same_fields_in_both(
    struct: Any, message: Any, elsewhere: set[str]
) -> None:
    told = {field.encode_name for field in msgspec.structs.fields(struct)} - elsewhere
    assert {RENAMED.get(name, name) for name in told} == set(message.DESCRIPTOR.fields_by_name)


@pytest.mark.parametrize(("kind", "words"), ENUMS, ids=[one[0].full_name for one in ENUMS])
def test_an_enum_has_the_words_of_the_domain(kind: EnumDescriptor, words: set[str]) -> None:
    prefix = kind.values[0].name.removesuffix("UNSPECIFIED")
    assert {one.name.removeprefix(prefix).lower() for one in kind.values[1:]} == words


def test_every_event_of_the_websocket_has_its_member_in_the_stream() -> None:
    answers = {"accepted", "done", "error", "pong"}  # what only a socket that is written to needs
    [union] = message_service_pb2.StreamMessagesResponse.DESCRIPTOR.oneofs
    assert {field.name for field in union.fields} == set(SERVER_FRAMES) - answers


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(new_messages)
def test_what_is_told_comes_back_as_it_was(told: dict[str, Any]) -> None:
    sent = filled(message_pb2.NewMessage(), told).SerializeToString()
    back = plain(message_pb2.NewMessage.FromString(sent))
    assert back == told
    assert to_json(back["payload"]) == to_json(told["payload"])
    assert to_json(back.get("metadata")) == to_json(told.get("metadata"))  # 1 is not 1.0 there


def test_a_number_that_json_has_not_is_refused() -> None:
    message = message_pb2.NewMessage()
    message.metadata["n"] = float("nan")
    with pytest.raises(InvalidInput, match="finite"):
        plain(message)


def test_what_the_contract_has_no_field_for_is_not_dropped_in_silence() -> None:
    with pytest.raises(LookupError, match="mood"):
        filled(message_pb2.Message(), {"message_id": "m", "mood": "good"})


def unpacked(refusal: Refusal) -> RpcStatus:
    return RpcStatus.FromString(refusal.details())


def test_a_limit_tells_when_to_come_back() -> None:
    refusal = refusal_of(RateLimited("too fast", retry_after=2.5), "Service/Method")
    info, retry = ErrorInfo(), RetryInfo()
    status = unpacked(refusal)
    assert status.details[0].Unpack(info)
    assert status.details[1].Unpack(retry)
    assert (refusal.status, info.reason) == (StatusCode.RESOURCE_EXHAUSTED, "rate_limited")
    assert retry.retry_delay.ToMilliseconds() == 2_500


def test_what_is_ours_to_fix_is_not_told(caplog: pytest.LogCaptureFixture) -> None:
    refusal = refusal_of(ZeroDivisionError("the secret"), "Service/Method")
    assert (refusal.status, refusal.code) == (StatusCode.INTERNAL, "internal_error")
    assert "secret" not in str(unpacked(refusal))
    assert "the secret" in caplog.text


@pytest.mark.parametrize(
    ("peer", "host"),
    [
        ("ipv4:192.0.2.1:5000", "192.0.2.1"),
        ("ipv6:%5B2001:db8::1%5D:5000", "2001:db8::1"),
        ("unix:", "unknown"),
    ],
)
def test_the_address_of_a_peer_is_told_without_its_port(peer: str, host: str) -> None:
    assert _host(peer) == host
