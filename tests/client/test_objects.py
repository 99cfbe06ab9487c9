"""The client's types are those of the server."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from chat4all.client import events, objects
from chat4all.client.errors import Problem as KnownProblem
from chat4all.gateway.rest.asyncapi_frames import SERVER_FRAMES
from chat4all.gateway.rest.problems import Problem
from chat4all.gateway.rest.schemas import (
    contact_merges,
    conversations,
    files,
    messages,
    payloads,
    scheduled,
    users,
)

PAIRS: list[tuple[Any, Any]] = [
    (objects.User, users.PublicUser),
    (objects.Reaction, messages.Reaction),
    (objects.Message, messages.StoredMessage),
    (objects.Sent, messages.AcceptedMessage),
    (objects.StatusError, messages.StatusError),
    (objects.StatusLine, messages.StatusLine),
    (objects.MessageStatus, messages.MessageStatus),
    (objects.Conversation, conversations.ConversationObject),
    (objects.Contact, users.Contact),
    (objects.MergedContact, contact_merges.MergedContact),
    (objects.DuplicateContacts, contact_merges.DuplicateContactSet),
    (objects.MergeField, contact_merges.MergeField),
    (objects.RenamedMember, contact_merges.RenamedMember),
    (objects.MergeResult, contact_merges.ContactMergeResult),
    (objects.ContactMerge, contact_merges.ContactMergeObject),
    (objects.UndoneMerge, contact_merges.UndoneContactMerge),
]
LESS: list[tuple[Any, Any]] = [
    (objects.Member, conversations.ConversationMember),
    (objects.File, files.FileInfo),
    (KnownProblem, Problem),
    (objects.Scheduled, scheduled.ScheduledMessageObject),
    (objects.ContactChannel, users.LinkedChannel),
    (objects.ScheduleError, scheduled.ScheduleError),
]
NOT_EVENTS = {"ready", "accepted", "done", "error", "pong"}


def fields(struct: Any) -> dict[str, bool]:
    """Return the names on the wire, and whether each must be there."""
    return {one.encode_name: one.required for one in msgspec.structs.fields(struct)}


@pytest.mark.parametrize(("ours", "servers"), PAIRS, ids=lambda one: one.__name__)
def test_a_type_has_all_fields_of_the_servers(ours: Any, servers: Any) -> None:
    assert fields(ours) == fields(servers)


@pytest.mark.parametrize(("ours", "servers"), LESS, ids=lambda one: one.__name__)
def test_a_type_has_no_fields_that_the_server_lacks(ours: Any, servers: Any) -> None:
    needed = {name for name, required in fields(ours).items() if required}
    always = {name for name, required in fields(servers).items() if required}
    assert fields(ours).keys() <= fields(servers).keys()
    assert needed <= always


def test_a_payload_has_the_fields_of_every_kind() -> None:
    every = {name for kind in payloads.AnyPayload.__args__ for name in fields(kind)}
    assert set(fields(objects.Payload)) == {"type", *every}


def test_every_event_of_the_websocket_has_a_type() -> None:
    assert set(events.KINDS) == set(SERVER_FRAMES) - NOT_EVENTS


@pytest.mark.parametrize("kind", events.KINDS)
def test_an_event_has_the_fields_of_its_frame(kind: str) -> None:
    frame = SERVER_FRAMES[kind]
    known = fields(events.KINDS[kind])
    assert set(known) == set(frame["properties"]) - {"type"}
    assert {name for name, required in known.items() if required} == set(frame["required"]) - {
        "type"
    }


def test_what_a_later_server_adds_is_passed_over() -> None:
    frame = b'{"type": "typing", "conversation_id": "c", "user_id": "u", "mood": "good"}'
    assert events.decode_event(frame) == events.Typing(conversation_id="c", user_id="u")
