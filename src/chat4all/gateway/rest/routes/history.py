"""Reading what was said, by place, by words, by what is new."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from litestar import Controller, get, post
from litestar.params import JSONBody, QueryParameter

from chat4all.domain.ids import ConversationId, MessageId
from chat4all.domain.messages import Message
from chat4all.gateway.rest import pages
from chat4all.gateway.rest.bearer import SENDING, Caller
from chat4all.gateway.rest.deps import Deps
from chat4all.gateway.rest.schemas.messages import (
    CursorMarks,
    StoredMessage,
    StoredMessagePage,
    SyncPage,
    UpTo,
)
from chat4all.gateway.rest.schemas.text import UUID, UuidPath, UuidQuery
from chat4all.gateway.rest.seq_pages import PATTERN, bounds, following
from chat4all.gateway.rest.times import read_time

MAX_SEQ = 2**53 - 1
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PART = "[0-9]{1,5}\\.[0-9]{1,18}"  # a partition and an offset
SYNC_CURSOR = f"^({_PART}(-{_PART})*)?\\Z"

AfterSeq = Annotated[
    int | None, QueryParameter(ge=0, le=MAX_SEQ, description="Only messages after this place.")
]
BeforeSeq = Annotated[
    int | None, QueryParameter(ge=0, le=MAX_SEQ, description="Only messages before this place.")
]
Words = Annotated[
    str,
    QueryParameter(
        name="q",
        min_length=1,
        max_length=200,
        pattern="^[^\\u0000]*\\Z",
        description="Words that all stand in the message.",
    ),
]
From = Annotated[
    str | None,
    QueryParameter(
        name="from",
        max_length=40,
        schema_extra={"format": "date-time"},
        description="Sent at or after this time (RFC 3339).",
    ),
]
Until = Annotated[
    str | None,
    QueryParameter(
        name="to",
        max_length=40,
        schema_extra={"format": "date-time"},
        description="Sent before this time (RFC 3339).",
    ),
]
SeqCursor = Annotated[
    str | None,
    QueryParameter(
        name="cursor",
        max_length=20,
        pattern=PATTERN,
        description="The `next` of the page before.",
    ),
]
FoundCursor = Annotated[
    str | None,
    QueryParameter(
        name="cursor",
        max_length=60,
        pattern=f"^[0-9]{{1,16}}-{UUID}\\Z",
        description="The `next` of the page before.",
    ),
]
SyncPosition = Annotated[
    str | None,
    QueryParameter(
        name="cursor",
        max_length=4_096,
        pattern=SYNC_CURSOR,
        description="The `next` of the last answer; left out: from now.",
    ),
]
Wait = Annotated[
    int, QueryParameter(ge=0, le=30, description="Seconds to wait when there is nothing new.")
]


class History(Controller):
    """`/v1/conversations/{id}/messages` and its cursors."""

    path = "/v1/conversations/{conversation_id:str}"
    tags = ("Messages",)
    opt = SENDING

    @get("/messages", operation_id="listMessages")
    async def page(
        self,
        conversation_id: UuidPath,
        deps: Deps,
        caller: Caller,
        after_seq: AfterSeq = None,
        before_seq: BeforeSeq = None,
        limit: pages.LongLimit = 50,
        cursor: SeqCursor = None,
    ) -> StoredMessagePage:
        """Return messages in ascending order; with neither bound the last ones.

        `next` leads on in the direction asked for: later with `after_seq`, else earlier.
        """
        after_seq, before_seq = bounds(cursor, after_seq, before_seq)
        views = await deps.messages.page(
            caller.user_id,
            ConversationId(conversation_id.lower()),
            after_seq=after_seq,
            before_seq=before_seq,
            limit=limit,
        )
        return StoredMessagePage(
            items=[StoredMessage.seen(view) for view in views],
            next=following(views, full=len(views) == limit, forward=after_seq is not None),
        )

    @post("/delivered", operation_id="markDelivered", status_code=200, problems=(409,))
    async def delivered(
        self, conversation_id: UuidPath, data: JSONBody[UpTo], deps: Deps, caller: Caller
    ) -> CursorMarks:
        """Say how far one has received; a step back has no effect."""
        marks = await deps.messages.mark(
            caller.user_id,
            ConversationId(conversation_id.lower()),
            delivered=data.up_to_seq,
            read=0,
        )
        return CursorMarks(
            last_delivered_seq=marks.last_delivered_seq,
            last_read_seq=marks.last_read_seq,
            max_seq=marks.max_seq,
        )

    @post("/read", operation_id="markRead", status_code=200, problems=(409,))
    async def read(
        self, conversation_id: UuidPath, data: JSONBody[UpTo], deps: Deps, caller: Caller
    ) -> CursorMarks:
        """Say how far one has read, which implies received."""
        marks = await deps.messages.mark(
            caller.user_id,
            ConversationId(conversation_id.lower()),
            delivered=data.up_to_seq,
            read=data.up_to_seq,
        )
        return CursorMarks(
            last_delivered_seq=marks.last_delivered_seq,
            last_read_seq=marks.last_read_seq,
            max_seq=marks.max_seq,
        )


class Finding(Controller):
    """Search and sync."""

    path = "/v1"
    tags = ("Messages",)

    @get("/messages/search", operation_id="searchMessages", problems=(404,))
    async def search(
        self,
        words: Words,
        deps: Deps,
        caller: Caller,
        conversation_id: UuidQuery = None,
        since: From = None,
        until: Until = None,
        limit: pages.LongLimit = 50,
        cursor: FoundCursor = None,
    ) -> StoredMessagePage:
        """Find messages that hold every word, newest first, in one's conversations."""
        within = None if conversation_id is None else ConversationId(conversation_id.lower())
        views = await deps.messages.search(
            caller.user_id,
            words,
            conversation_id=within,
            since=read_time(since, "/from"),
            until=read_time(until, "/to"),
            before=_moment(cursor),
            limit=limit,
        )
        return StoredMessagePage(
            items=[StoredMessage.seen(view) for view in views],
            next=_following(views[-1].message) if len(views) == limit else None,
        )

    @get("/sync", operation_id="sync")
    async def sync(
        self,
        deps: Deps,
        caller: Caller,
        cursor: SyncPosition = None,
        wait: Wait = 0,
        limit: pages.LongLimit = 100,
    ) -> SyncPage:
        """Return what happened for the caller since `cursor`, for clients without WebSocket.

        Ask again with the `next` of the answer, also after an empty one.
        """
        batch = await deps.sync(caller.user_id, cursor, wait=float(wait), limit=limit)
        return SyncPage(
            items=[dict(frame) for frame in batch.frames], next=batch.cursor, more=batch.more
        )


def _following(last: Message) -> str:
    micros = (last.created_at - EPOCH) // timedelta(microseconds=1)
    return f"{micros}-{last.message_id}"


def _moment(cursor: str | None) -> tuple[datetime, MessageId] | None:
    if cursor is None:
        return None
    micros, _, message_id = cursor.partition("-")
    return EPOCH + timedelta(microseconds=int(micros)), MessageId(message_id.lower())
