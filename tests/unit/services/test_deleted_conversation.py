"""The end of a conversation is told to those who were in it."""

from __future__ import annotations

import json
from typing import Any

from chat4all.domain.commands import AnnounceChange
from chat4all.services.conversations import ConversationBook
from chat4all.services.mailbox import Mailbox
from chat4all.services.records import decode_command, encode_command
from chat4all.testing.pipeline import Pipeline


async def test_members_are_told_live_although_the_conversation_is_gone(
    town: Any, process: Pipeline
) -> None:
    announced: list[AnnounceChange] = []

    async def later(change: AnnounceChange) -> None:
        announced.append(change)

    directory = process.directory
    book = ConversationBook(directory.conversations, directory.members, directory.users, later)
    there, stranger = Mailbox(town.bia), Mailbox(town.eve)
    await process.notifier.connect(there)
    await process.notifier.connect(stranger)
    await book.delete(town.ana, town.group)
    assert await directory.conversations.get(town.group) is None
    [change] = announced
    assert decode_command(encode_command(change)) == change
    await process.command(change)
    await process.settle()
    [(_, frame)] = await there.take()
    told = json.loads(frame)
    assert (told["type"], told["change"]) == ("conversation", "deleted")
    assert told["conversation_id"] == town.group
    assert not stranger._frames
