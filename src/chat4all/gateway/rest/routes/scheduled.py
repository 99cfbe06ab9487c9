"""Messages that are to be sent later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from litestar import Controller, delete, get, patch, post
from litestar.params import JSONBody, QueryParameter
from msgspec import UNSET as LEFT_OUT

from chat4all.domain.errors import InvalidInput
from chat4all.domain.ids import MessageId
from chat4all.domain.scheduled import ScheduledMessage, ScheduleState
from chat4all.gateway.rest import pages
from chat4all.gateway.rest.bearer import SENDING, Caller
from chat4all.gateway.rest.deps import Deps
from chat4all.gateway.rest.schemas.scheduled import (
    NewScheduledMessage,
    ScheduledMessageChange,
    ScheduledMessageObject,
    ScheduledMessagePage,
)
from chat4all.gateway.rest.schemas.text import UUID, UuidPath
from chat4all.services.unset import UNSET

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Cursor = Annotated[
    str | None,
    QueryParameter(
        max_length=54,
        pattern=f"^[0-9]{{1,17}}\\.{UUID}\\Z",
        description="The `next` of the page before.",
    ),
]
State = Annotated[
    ScheduleState | None,
    QueryParameter(name="state", description="Only those in this state; all without it."),
]


class ScheduledMessages(Controller):
    """`/v1/scheduled-messages`."""

    path = "/v1/scheduled-messages"
    tags = ("Scheduled messages",)
    opt = SENDING

    @post("/", operation_id="scheduleMessage", problems=(404, 409))
    async def create(
        self, data: JSONBody[NewScheduledMessage], deps: Deps, caller: Caller
    ) -> ScheduledMessageObject:
        """Have a message sent at a time. Whether it may be sent is asked now, and again then."""
        made = await deps.scheduled.create(
            caller.user_id, data.to_draft(), data.when(), actor=caller.actor
        )
        return ScheduledMessageObject.of(made)

    @get("/", operation_id="listScheduledMessages")
    async def list(
        self,
        deps: Deps,
        caller: Caller,
        which: State = None,
        limit: pages.Limit = 50,
        cursor: Cursor = None,
    ) -> ScheduledMessagePage:
        """Return one's own by their time: what waits, and what became of the others for 30 days."""
        after = None if cursor is None else _place(cursor)
        found = await deps.scheduled.list(caller.user_id, state=which, after=after, limit=limit + 1)
        page, more = pages.cut(found, limit)
        return ScheduledMessagePage(
            items=[ScheduledMessageObject.of(one) for one in page],
            next=_cursor(page[-1]) if more else None,
        )

    @get("/{scheduled_id:str}", operation_id="getScheduledMessage")
    async def get_one(
        self, scheduled_id: UuidPath, deps: Deps, caller: Caller
    ) -> ScheduledMessageObject:
        """Return one of one's own."""
        return ScheduledMessageObject.of(
            await deps.scheduled.get(caller.user_id, _id(scheduled_id))
        )

    @patch("/{scheduled_id:str}", operation_id="changeScheduledMessage", problems=(409,))
    async def change(
        self,
        scheduled_id: UuidPath,
        data: JSONBody[ScheduledMessageChange],
        deps: Deps,
        caller: Caller,
    ) -> ScheduledMessageObject:
        """Change what is sent, or when. 409 `too_late` when it waits no more."""
        if data.send_at is LEFT_OUT and data.time_zone is not LEFT_OUT:
            raise InvalidInput(
                "a time zone is of a time: say `send_at` too", [("/send_at", "missing")]
            )
        changed = await deps.scheduled.change(
            caller.user_id,
            _id(scheduled_id),
            payload=UNSET if data.payload is LEFT_OUT else data.payload.to_domain(),
            when=UNSET if data.send_at is LEFT_OUT else data.when,
            actor=caller.actor,
        )
        return ScheduledMessageObject.of(changed)

    @delete("/{scheduled_id:str}", operation_id="cancelScheduledMessage", problems=(409,))
    async def cancel(self, scheduled_id: UuidPath, deps: Deps, caller: Caller) -> None:
        """Have one not sent. 409 `too_late` when it is on its way, was sent or has failed."""
        await deps.scheduled.cancel(caller.user_id, _id(scheduled_id))


def _id(text: str) -> MessageId:
    return MessageId(text.lower())


def _cursor(last: ScheduledMessage) -> str:
    return f"{(last.send_at - EPOCH) // timedelta(microseconds=1)}.{last.message_id}"


def _place(cursor: str) -> tuple[datetime, MessageId]:
    micros, _, name = cursor.partition(".")
    return EPOCH + timedelta(microseconds=int(micros)), _id(name)
