"""A running pipeline in memory, with three people and a contact."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from chat4all.adapters.memory.directory import MemoryDirectory
from chat4all.adapters.memory.event_log import MemoryEventLog
from chat4all.domain.drafts import Draft
from chat4all.domain.ids import ConversationId, MessageId, UserId, new_id
from chat4all.domain.payload import text
from chat4all.services.send_message import Limits
from chat4all.testing.faults import Faults, FaultyLog, FaultyMemoryStore
from chat4all.testing.pipeline import (
    NO_LIMITS,
    Pipeline,
    add_contact,
    add_conversation,
    add_paper_account,
    add_person,
)


class Town:
    """Ana, Bia, Caio and the contact Davi in one group; Eve is in none."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.log = FaultyLog(MemoryEventLog(), self.faults)
        self.store = FaultyMemoryStore(self.faults)
        self.directory = MemoryDirectory()
        self.ana = self.bia = self.caio = self.davi = self.eve = UserId("")
        self.group = ConversationId("")

    async def populate(self) -> None:
        self.ana, self.bia, self.caio, self.eve = [
            await add_person(self.directory, name) for name in ("ana", "bia", "caio", "eve")
        ]
        self.davi = await add_contact(self.directory, "davi", self.ana, address="street 1")
        await add_paper_account(self.directory, self.ana)
        people = (self.ana, self.bia, self.caio, self.davi)
        self.group = await add_conversation(self.directory, *people)

    def process(self, limits: Limits = NO_LIMITS) -> Pipeline:
        return Pipeline(self.log, self.store, self.directory, limits=limits)

    @asynccontextmanager
    async def running(self, limits: Limits = NO_LIMITS) -> AsyncIterator[Pipeline]:
        async with self.process(limits) as process:
            yield process

    def draft(self, words: str = "hello", to: Sequence[UserId] = (), **fields: Any) -> Draft:
        given: dict[str, Any] = {
            "conversation_id": self.group,
            "payload": text(words),
            "message_id": MessageId(new_id()),
            "to": tuple(to) or None,
        }
        return Draft(**{**given, **fields})


@pytest.fixture
async def town() -> Town:
    made = Town()
    await made.populate()
    return made


@pytest.fixture
async def process(town: Town) -> AsyncIterator[Pipeline]:
    async with town.running() as running:
        yield running
