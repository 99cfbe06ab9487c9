"""What a user sends later: creating, looking, changing, cancelling."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from chat4all.domain.drafts import Draft
from chat4all.domain.errors import MessageIdConflict, MessageNotFound, TooLate, Unavailable
from chat4all.domain.ids import FileId, MessageId, UserId, new_id
from chat4all.domain.payload import Payload
from chat4all.domain.scheduled import (
    MAX_WAITING,
    ScheduledMessage,
    ScheduleState,
    SendAt,
    check_time,
)
from chat4all.ports import scheduled
from chat4all.services.clock import Clock, utc_now
from chat4all.services.send_message import digest_of
from chat4all.services.unset import UNSET, Unset

TRIES = 5
"""How often a change is made anew when others keep being first."""

HoldFile = Callable[[FileId, MessageId], Awaitable[None]]
"""Keeps a file from being swept while a message is to show it; a repeat changes nothing."""


class CheckLater(Protocol):
    """Looks at what is to be sent later; see `SendMessage.check_later`."""

    async def check_later(self, sender: UserId, draft: Draft) -> None:
        """Raise what sending it would raise."""
        ...


class ScheduledMessages:
    """One sender's messages. Another sender's raise `MessageNotFound`, as if not there."""

    def __init__(
        self,
        kept: scheduled.ScheduledMessages,
        sending: CheckLater,
        hold: HoldFile,
        *,
        most: int = MAX_WAITING,
        now: Clock = utc_now,
    ) -> None:
        self._kept = kept
        self._sending = sending
        self._hold = hold
        self._most = most
        self._now = now

    async def create(
        self, sender: UserId, draft: Draft, when: SendAt, *, actor: UserId | None = None
    ) -> ScheduledMessage:
        """Send `draft` at a time; a repeat with the same id and content has no second effect.

        Raises what sending it now would raise, `InvalidInput` for a time that is past or too
        far ahead, `MessageIdConflict` for a used id, `Conflict` when too many wait.
        """
        name = draft.message_id or MessageId(new_id())
        draft = replace(draft, message_id=name)
        digest = _digest(sender, draft, when)
        known = await self._kept.get(name)
        if known is None:
            now = self._now()
            check_time(when.at, now)
            await self._sending.check_later(sender, draft)
            new = ScheduledMessage(
                message_id=name,
                sender=sender,
                actor=actor,
                draft=draft,
                send_at=when.at,
                zone=when.zone,
                digest=digest,
                created_at=now,
                updated_at=now,
            )
            known = await self._kept.add(new, most=self._most)
        if known.sender != sender or known.digest != digest:
            raise MessageIdConflict(
                f"message id {name} was used for another message; choose a new one"
            )
        await self._hold_file(known.draft)
        return known

    async def get(self, sender: UserId, name: MessageId) -> ScheduledMessage:
        """Return one."""
        found = await self._kept.get(name)
        if found is None or found.sender != sender:
            raise MessageNotFound(f"there is no scheduled message {name} of yours")
        return found

    async def list(
        self,
        sender: UserId,
        *,
        state: ScheduleState | None = None,
        after: tuple[datetime, MessageId] | None = None,
        limit: int,
    ) -> Sequence[ScheduledMessage]:
        """Return them by their time, from behind `after`."""
        return await self._kept.page(sender, state=state, after=after, limit=limit)

    async def change(
        self,
        sender: UserId,
        name: MessageId,
        *,
        payload: Payload | Unset = UNSET,
        when: Callable[[str | None], SendAt] | Unset = UNSET,
        actor: UserId | None = None,
    ) -> ScheduledMessage:
        """Change what is given; `when` is called with the zone that the message has.

        Raises `TooLate` for one that waits no more, and what `create` raises.
        """

        def changed(found: ScheduledMessage) -> ScheduledMessage:
            _require_waiting(found)
            found = replace(found, actor=actor)
            if not isinstance(payload, Unset):
                found = replace(found, draft=replace(found.draft, payload=payload))
            if not isinstance(when, Unset):
                moment = when(found.zone)
                check_time(moment.at, self._now())
                found = replace(found, send_at=moment.at, zone=moment.zone)
            return found

        found = changed(await self.get(sender, name))
        if not isinstance(payload, Unset):
            await self._sending.check_later(sender, found.draft)
            await self._hold_file(found.draft)
        return await self._change(sender, name, changed)

    async def cancel(self, sender: UserId, name: MessageId) -> ScheduledMessage:
        """Have one not sent; a repeat has no second effect. Raises `TooLate`."""

        def cancelled(found: ScheduledMessage) -> ScheduledMessage:
            if found.state is ScheduleState.CANCELLED:
                return found
            _require_waiting(found)
            return found.cancelled()

        return await self._change(sender, name, cancelled)

    async def _change(
        self,
        sender: UserId,
        name: MessageId,
        changed: Callable[[ScheduledMessage], ScheduledMessage],
    ) -> ScheduledMessage:
        """Make a change on what is kept, again when somebody else was first."""
        for _ in range(TRIES):
            found = await self.get(sender, name)
            new = changed(found)
            if new == found:
                return found
            new = replace(new, updated_at=self._now())
            if await self._kept.change(new):
                return replace(new, version=new.version + 1)
        raise Unavailable("others change this message at the same time; try again")

    async def _hold_file(self, draft: Draft) -> None:
        if draft.payload.file_id is not None and draft.message_id is not None:
            await self._hold(FileId(draft.payload.file_id), draft.message_id)


def _require_waiting(found: ScheduledMessage) -> None:
    if found.state is not ScheduleState.SCHEDULED:
        raise TooLate(f"it is too late to change this message: it is {found.state.value}")


def _digest(sender: UserId, draft: Draft, when: SendAt) -> str:
    """Return what identifies the request: two are one when it is equal."""
    parts = (digest_of(sender, draft), when.at.isoformat(), when.zone or "")
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()
