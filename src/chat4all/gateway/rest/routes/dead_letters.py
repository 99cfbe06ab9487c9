"""What could not be done: shown to operators, and tried again."""

from __future__ import annotations

from typing import Annotated

import structlog
from litestar import Controller, get, post
from litestar.params import JSONBody, PathParameter, QueryParameter

from chat4all.domain.errors import Conflict, MessageNotFound, RecordNotFound
from chat4all.domain.ids import ConversationId
from chat4all.gateway.rest import pages
from chat4all.gateway.rest.bearer import Caller
from chat4all.gateway.rest.deps import Deps, RestDeps
from chat4all.gateway.rest.schemas.dead_letters import (
    LETTER,
    DeadLetterDetails,
    DeadLetterObject,
    DeadLetterPage,
    LettersToRedrive,
    Redriven,
    RedrivenLetters,
)
from chat4all.gateway.rest.schemas.message_trace import MessageTrace
from chat4all.gateway.rest.schemas.text import UuidQuery
from chat4all.gateway.rest.times import read_time
from chat4all.services.dead_letters import DeadLetter, LetterFilter

log = structlog.get_logger(__name__)

LetterId = Annotated[str, PathParameter(pattern=LETTER, description="The dead letter's id.")]
LetterCursor = Annotated[
    str | None,
    QueryParameter(name="cursor", pattern=LETTER, description="The `next` of the page before."),
]
Stream = Annotated[
    str | None,
    QueryParameter(
        max_length=64,
        pattern="^[a-z][a-z0-9._-]*\\Z",
        description="Only of this stream, such as `commands` or `outbound.telegram`.",
    ),
]
Code = Annotated[
    str | None,
    QueryParameter(
        max_length=64, pattern="^[a-z][a-z0-9_]*\\Z", description="Only with this code."
    ),
]
Since = Annotated[
    str | None,
    QueryParameter(
        max_length=40,
        schema_extra={"format": "date-time"},
        description="Parked at this time or later (RFC 3339).",
    ),
]
IsRedriven = Annotated[
    bool | None, QueryParameter(description="Only those tried again, or only those that were not.")
]
WithContent = Annotated[
    bool,
    QueryParameter(
        description="Also show the parked record: it may hold a message. The server's log says "
        "who looked."
    ),
]


class DeadLetterAdministration(Controller):
    """`/v1/admin/dead-letters`."""

    path = "/v1/admin/dead-letters"
    tags = ("Administration",)
    opt = {"admin": True}  # noqa: RUF012 - Litestar reads a plain attribute

    @get("/", operation_id="listDeadLetters")
    async def dead_letters(
        self,
        deps: Deps,
        limit: pages.Limit = 50,
        cursor: LetterCursor = None,
        stream: Stream = None,
        code: Code = None,
        conversation_id: UuidQuery = None,
        since: Since = None,
        redriven: IsRedriven = None,
    ) -> DeadLetterPage:
        """Return what could not be done, oldest first."""
        which = LetterFilter(
            stream=stream,
            code=code,
            conversation=ConversationId(conversation_id.lower()) if conversation_id else None,
            since=read_time(since, "/since"),
            redriven=redriven,
        )
        found = await deps.dead_letters.page(which, after=cursor, limit=limit)
        return DeadLetterPage(
            items=[DeadLetterObject.of(one) for one in found.items], next=found.next
        )

    @get("/{letter_id:str}", operation_id="getDeadLetter")
    async def dead_letter(
        self, letter_id: LetterId, deps: Deps, caller: Caller, *, content: WithContent = False
    ) -> DeadLetterDetails:
        """Return one with the way of its message, and nothing of what that says."""
        letter = await deps.dead_letters.get(letter_id)
        if content:
            log.warning("content of a dead letter shown", letter=letter_id, by=caller.user_id)
        return DeadLetterDetails.with_trace(letter, await _trace(letter, deps), content=content)

    @post("/{letter_id:str}/redrive", operation_id="redrive", status_code=200, problems=(409,))
    async def redrive(self, letter_id: LetterId, deps: Deps, caller: Caller) -> DeadLetterObject:
        """Try a dead letter again; a second time has no effect."""
        letter, _ = await deps.dead_letters.redrive(letter_id, by=caller.user_id)
        return DeadLetterObject.of(letter)

    @post("/redrive", operation_id="redriveMany", status_code=200)
    async def redrive_many(
        self, data: JSONBody[LettersToRedrive], deps: Deps, caller: Caller
    ) -> RedrivenLetters:
        """Try up to 100 dead letters again, in the order given."""
        items = []
        for letter_id in data.ids:
            try:
                letter, done = await deps.dead_letters.redrive(letter_id, by=caller.user_id)
            except (RecordNotFound, Conflict) as error:
                items.append(Redriven(id=letter_id, result="refused", detail=str(error)))
            else:
                result = "redriven" if done else "before"
                items.append(Redriven(id=letter_id, result=result, redriven_at=letter.redriven_at))
        return RedrivenLetters(items=items)


async def _trace(letter: DeadLetter, deps: RestDeps) -> MessageTrace | None:
    """Return the causal history, if the message is stored."""
    found = letter.contents
    if found is None or found.message_id is None or deps.operator is None:
        return None
    try:
        return MessageTrace.of(await deps.operator.trace(found.message_id))
    except MessageNotFound:
        return None
