"""Sending, reading and changing messages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from chat4all.domain.ids import UserId
from chat4all.gateway.grpc import questions
from chat4all.gateway.grpc.calls import Call, asked
from chat4all.gateway.grpc.deps import GrpcDeps
from chat4all.gateway.grpc.generated import message_pb2
from chat4all.gateway.grpc.generated import message_service_pb2 as pb
from chat4all.gateway.grpc.objects import shown
from chat4all.gateway.grpc.send_many import SendMany
from chat4all.gateway.grpc.stream import MessageStreams
from chat4all.gateway.rest.schemas.messages import (
    AcceptedMessage,
    CursorMarks,
    MessageStatus,
    StoredMessage,
)
from chat4all.gateway.rest.seq_pages import bounds, following
from chat4all.services.messages import MessageView

Result = Mapping[str, Any]
USUAL_PAGE = 50
MOST_BYTES = 3 * 1024 * 1024
"""Bytes of messages in one page: clients take 4 MiB unless told otherwise."""


class MessageCalls:
    """`chat4all.v1.MessageService`."""

    def __init__(self, deps: GrpcDeps, streams: MessageStreams) -> None:
        self._send = deps.rest.send
        self._stored = deps.rest.stored
        self._messages = deps.rest.messages
        self._send_many = SendMany(deps.rest.send)
        self._streams = streams

    async def send_message(
        self, request: pb.SendMessageRequest, call: Call[pb.SendMessageResponse]
    ) -> Result:
        """Send a message: it is kept before this is answered."""
        wanted = asked(request, questions.Sending)
        accepted = await self._send(call.user_id, wanted.message.to_draft())
        told = accepted_object(AcceptedMessage.of(accepted))
        seconds = wanted.wait_seconds
        if seconds and await self._stored.wait(accepted.message_id, seconds=seconds) is not None:
            view = await self._messages.get(call.user_id, accepted.message_id)
            return {**told, "message": StoredMessage.seen(view)}
        return told

    async def send_messages(
        self,
        requests: AsyncIterator[pb.SendMessagesRequest],
        call: Call[pb.SendMessagesResponse],
    ) -> Result:
        """Send many; each is accepted or refused for itself."""
        return {"outcomes": await self._send_many(call.user_id, requests)}

    async def get_message(
        self, request: pb.GetMessageRequest, call: Call[pb.GetMessageResponse]
    ) -> Result:
        """Return one message."""
        wanted = asked(request, questions.OfMessage)
        view = await self._messages.get(call.user_id, wanted.message)
        return {"message": StoredMessage.seen(view)}

    async def list_messages(
        self, request: pb.ListMessagesRequest, call: Call[pb.ListMessagesResponse]
    ) -> Result:
        """Return messages in ascending order; with neither bound the last ones."""
        wanted = asked(request, questions.Messages)
        after, before = bounds(wanted.page_token, wanted.after_seq, wanted.before_seq)
        limit = wanted.page_size or USUAL_PAGE
        views = await self._messages.page(
            call.user_id, wanted.conversation, after_seq=after, before_seq=before, limit=limit
        )
        forward = after is not None
        kept = fitting(views, forward=forward)
        full = len(views) == limit or len(kept) < len(views)
        return {
            "messages": [StoredMessage.seen(view) for view in kept],
            "next_page_token": following(kept, full=full, forward=forward),
        }

    async def edit_message(
        self, request: pb.EditMessageRequest, call: Call[pb.EditMessageResponse]
    ) -> Result:
        """Replace the content of one's own message."""
        wanted = asked(request, questions.Edit)
        payload = wanted.payload.to_domain()
        view = await self._messages.edit(call.user_id, wanted.message, payload)
        return {"message": StoredMessage.seen(view)}

    async def delete_message(
        self, request: pb.DeleteMessageRequest, call: Call[pb.DeleteMessageResponse]
    ) -> Result:
        """Remove a message for everyone, or hide it from oneself."""
        wanted = asked(request, questions.Deletion)
        await self._messages.delete(
            call.user_id, wanted.message, for_everyone=not wanted.only_for_me
        )
        return {}

    async def add_reaction(
        self, request: pb.AddReactionRequest, call: Call[pb.AddReactionResponse]
    ) -> Result:
        """Give an emoji."""
        wanted = asked(request, questions.OfReaction)
        await self._messages.react(call.user_id, wanted.message, wanted.emoji, removed=False)
        return {}

    async def remove_reaction(
        self, request: pb.RemoveReactionRequest, call: Call[pb.RemoveReactionResponse]
    ) -> Result:
        """Take an emoji back."""
        wanted = asked(request, questions.OfReaction)
        await self._messages.react(call.user_id, wanted.message, wanted.emoji, removed=True)
        return {}

    async def get_message_status(
        self, request: pb.GetMessageStatusRequest, call: Call[pb.GetMessageStatusResponse]
    ) -> Any:
        """Tell how far a message has come with each recipient, and how."""
        wanted = asked(request, questions.OfMessage)
        return MessageStatus.of(await self._messages.status(call.user_id, wanted.message))

    async def mark_delivered(
        self, request: pb.MarkDeliveredRequest, call: Call[pb.MarkDeliveredResponse]
    ) -> Result:
        """Say how far one has received; a step back has no effect."""
        return await self._marked(call.user_id, asked(request, questions.UpTo), read=False)

    async def mark_read(
        self, request: pb.MarkReadRequest, call: Call[pb.MarkReadResponse]
    ) -> Result:
        """Say how far one has read, which implies received."""
        return await self._marked(call.user_id, asked(request, questions.UpTo), read=True)

    async def stream_messages(
        self, request: pb.StreamMessagesRequest, call: Call[pb.StreamMessagesResponse]
    ) -> None:
        """Tell all that happens for the caller, until one of them ends it."""
        await self._streams.serve(asked(request, questions.Resume), call)

    async def _marked(self, user: UserId, wanted: questions.UpTo, *, read: bool) -> Result:
        place = wanted.up_to_seq
        marks = await self._messages.mark(
            user, wanted.conversation, delivered=place, read=place if read else 0
        )
        told = CursorMarks(
            last_delivered_seq=marks.last_delivered_seq,
            last_read_seq=marks.last_read_seq,
            max_seq=marks.max_seq,
        )
        return {"marks": told}


def accepted_object(accepted: AcceptedMessage) -> dict[str, Any]:
    """Return what is told of a message that is kept: that it is accepted goes without saying."""
    return {
        "message_id": accepted.message_id,
        "conversation_id": accepted.conversation_id,
        "accepted_at": accepted.accepted_at,
    }


def fitting(views: Sequence[MessageView], *, forward: bool) -> Sequence[MessageView]:
    """Return those that one answer can hold: the first ones, or the last when not `forward`."""
    room, kept = MOST_BYTES, 0
    for view in views if forward else reversed(views):
        room -= shown(message_pb2.Message(), StoredMessage.seen(view)).ByteSize()
        if room < 0 and kept:
            break
        kept += 1
    return views[:kept] if forward else views[len(views) - kept :]
