"""What somebody did on a platform to a message that is there: edited, deleted, reacted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from chat4all.domain.commands import Command, DeleteMessage, EditMessage, React
from chat4all.domain.directory import Account
from chat4all.domain.ids import FileId, MessageId, UserId
from chat4all.domain.inbound import Attachment, IncomingDeletion, IncomingEdit, IncomingReaction
from chat4all.domain.payload import MAX_TEXT, MEDIA, Payload, text
from chat4all.services.file_intake import incoming_file_id
from chat4all.services.identities import Identities
from chat4all.services.platform_messages import Place, Recent

Change = IncomingEdit | IncomingDeletion | IncomingReaction
Find = Callable[[], Awaitable[Place | None]]
"""Finds the message of an event, waiting for one that is on its way into the store."""


class InboundChanges:
    """Turns changes into commands; one of something unknown is counted by `ignored`."""

    def __init__(self, identities: Identities, ignored: Callable[[str], None]) -> None:
        self._identities = identities
        self._ignored = ignored
        self._reacted: Recent[tuple[MessageId, UserId], frozenset[str]] = Recent()

    async def __call__(self, account: Account, event: Change, find: Find) -> list[Command]:
        """Return what `event` asks of the conversation."""
        user = await self._identities.known(account, event.author)
        chat = user
        if event.author != event.address:
            chat = await self._identities.known(account, event.address)
        place = await find() if user is not None or chat is not None else None
        if place is not None and place.message is not None and place.message.sender == chat:
            user = chat  # a group whose messages came as those of one contact, once
        actor = user or chat
        if actor is None or place is None:
            self._ignored("unknown_message")
            return []
        actor = await self._speaker(event, actor, place)
        match event:
            case IncomingEdit():
                return [_edit(event, actor, place, account)]
            case IncomingDeletion():
                return [_deletion(event, actor, place, account.platform)]
            case IncomingReaction():
                return self._reactions(event, actor, place, account.platform)

    async def _speaker(self, event: Change, actor: UserId, place: Place) -> UserId:
        """Return as whom `actor` does it: as whom they wrote the message, or are with it."""
        if place.message is not None and not isinstance(event, IncomingReaction):
            wrote = await self._identities.author_of(place.message, actor)
            return wrote or actor
        return await self._identities.speaker(place.conversation_id, actor) or actor

    def _reactions(
        self, event: IncomingReaction, actor: UserId, place: Place, channel: str
    ) -> list[Command]:
        wanted = frozenset(event.emojis)
        given = self._given(place, actor)
        self._reacted.put((place.message_id, actor), wanted)
        # The store may lag behind: saying again what holds already has no effect.
        changes = [(emoji, True) for emoji in sorted(given - wanted)]
        changes += [(emoji, False) for emoji in dict.fromkeys(event.emojis)]
        return [
            React(
                conversation_id=place.conversation_id,
                message_id=place.message_id,
                actor=actor,
                emoji=emoji,
                removed=removed,
                at=event.at,
                channel=channel,
            )
            for emoji, removed in changes
        ]

    def _given(self, place: Place, actor: UserId) -> frozenset[str]:
        """Return what `actor` may have on the message: what is stored, and what was last said."""
        stored = place.message.reactions if place.message else {}
        before = self._reacted.get((place.message_id, actor)) or frozenset()
        return before | {emoji for emoji, users in stored.items() if actor in users}


def fitted(
    payload: Payload, author: str | None = None, attachment: Attachment | None = None
) -> Payload:
    """Return the payload as it is kept; `author` is who is named in the text itself."""
    if payload.type in MEDIA and payload.file_id is None:  # where no files are taken in
        name = attachment.name if attachment else None
        label = f"[{payload.type} {name}]" if name else f"[{payload.type}]"
        payload = text(f"{label} {payload.caption}" if payload.caption else label)
    if payload.text is None:
        return replace(payload, caption=payload.caption and payload.caption[:MAX_TEXT])
    words = f"{author}: {payload.text}" if author else payload.text
    return replace(payload, text=words[:MAX_TEXT])


def _with_file(payload: Payload, place: Place, file_id: FileId) -> Payload:
    """Return an edited caption with the file that the message has; an edit brings none."""
    if payload.type not in MEDIA:
        return payload
    kept = place.message.payload if place.message else None
    if kept is None:  # on its way into the store, and so announced as every file is now
        return replace(payload, file_id=file_id)
    return payload if kept.file_id is None else replace(kept, caption=payload.caption)


def _edit(event: IncomingEdit, actor: UserId, place: Place, account: Account) -> EditMessage:
    file_id = incoming_file_id(account.id, event.address, event.external_id)
    # Groups that were one contact have messages that name their author.
    name = place.message.metadata.get("author_name") if place.message else None
    return EditMessage(
        conversation_id=place.conversation_id,
        message_id=place.message_id,
        actor=actor,
        payload=fitted(
            _with_file(event.payload, place, file_id), name if isinstance(name, str) else None
        ),
        at=event.edited_at,
        channel=account.platform,
    )


def _deletion(event: IncomingDeletion, actor: UserId, place: Place, channel: str) -> DeleteMessage:
    return DeleteMessage(
        conversation_id=place.conversation_id,
        message_id=place.message_id,
        actor=actor,
        for_everyone=True,
        at=event.deleted_at,
        channel=channel,
    )
