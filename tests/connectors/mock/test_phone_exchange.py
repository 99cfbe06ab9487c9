"""The simulated phones of one process, asked by another over the bus."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import NamedTuple

import pytest

from chat4all.adapters.memory.directory import MemoryDirectory
from chat4all.adapters.memory.ephemeral import MemoryEphemeral
from chat4all.connectors.mock import (
    ContactPhones,
    DistantNetwork,
    DistantPhones,
    MockConfig,
    MockConnector,
    PhoneDesk,
    PhoneNetwork,
)
from chat4all.domain.directory import Channel, User, UserKind
from chat4all.domain.errors import (
    ChannelError,
    ChannelNotFound,
    FileGone,
    MessageNotFound,
    Unavailable,
)
from chat4all.domain.ids import ChannelId, MessageId, UserId, new_id
from chat4all.domain.outgoing import Outgoing
from chat4all.domain.payload import text
from chat4all.ports.phones import PhoneFailure
from chat4all.ports.phones import PhoneNetwork as Phones

ANA = "+5571999990000"
PHOTO = bytes(range(256)) + b"\n" * 1000


class Scene(NamedTuple):
    network: PhoneNetwork
    here: ContactPhones
    there: DistantPhones
    owner: UserId


@asynccontextmanager
async def scene() -> AsyncIterator[Scene]:
    """Ana's phone in one process, and who asks from another."""
    owner, ana = UserId(new_id()), UserId(new_id())
    now = datetime.now(UTC)
    bus = MemoryEphemeral().bus
    async with MemoryDirectory() as directory, PhoneNetwork() as network:
        contact = User(
            id=ana, kind=UserKind.CONTACT, display_name="Ana", created_at=now, owner_id=owner
        )
        channel = Channel(
            id=ChannelId(new_id()),
            user_id=ana,
            platform=MockConnector.channel,
            external_id=ANA,
            linked_at=now,
        )
        await directory.users.add(contact)
        await directory.channels.link(channel)
        here = ContactPhones(network, directory)
        there = DistantPhones(bus)
        works = (PhoneDesk(bus, network, here).run, there.run)
        tasks = [asyncio.ensure_future(work()) for work in works]
        await asyncio.sleep(0)
        try:
            yield Scene(network, here, there, owner)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)


def message(words: str) -> Outgoing:
    return Outgoing(message_id=MessageId(new_id()), address=ANA, payload=text(words))


async def test_who_asks_from_afar_sees_and_does_the_same() -> None:
    async with scene() as all_:
        network, here, there, owner = all_
        phones: Phones = there
        assert await phones.phones(owner) == list(await here.phones(owner))
        await network.deliver(message("hello"))
        wrote = await phones.write(ANA, "hi\nthere", reply_to="1")
        await phones.read_all(ANA)
        await phones.configure(ANA, online=False, fail=PhoneFailure.TEMPORARY)
        seen = await phones.phone(ANA)
        assert seen.messages[-1] == wrote
        assert [one.payload.text for one in seen.messages] == ["hello", "hi\nthere"]
        assert (seen.online, seen.fail) == (False, PhoneFailure.TEMPORARY)
        assert seen.messages[0].status == "read"


async def test_files_come_whole_both_ways() -> None:
    async with scene() as all_:
        sent = await all_.there.send_file(ANA, PHOTO, name="a.png", mime_type="image/png")
        file, data = await all_.there.file_of(ANA, sent.external_id)
        assert (file.name, file.size, data) == ("a.png", len(PHOTO), PHOTO)
        connector = MockConnector(MockConfig(), DistantNetwork(all_.there))
        pieces = connector.fetch_media(f"{file.id}.{file.size}@{ANA}")
        assert b"".join([one async for one in pieces]) == PHOTO


async def test_what_is_refused_there_is_refused_here_for_the_same_reason() -> None:
    async with scene() as all_:
        there = all_.there
        with pytest.raises(ChannelNotFound, match="nobody has the phone"):
            await there.write("+1", "hello")
        with pytest.raises(MessageNotFound):
            await there.file_of(ANA, "none")
        sent = await there.send_file(ANA, PHOTO, name="a.png", mime_type="image/png")
        assert sent.file is not None
        all_.network.files.forget(sent.file.id)
        with pytest.raises(FileGone):
            await there.file_of(ANA, sent.external_id)
        with pytest.raises(ChannelError) as gone:
            await there.fetch(f"{sent.file.id}.{sent.file.size}@{ANA}")
        assert (gone.value.retry, gone.value.reason) == (False, "media_gone")


async def test_many_at_once_each_get_their_own_answer() -> None:
    async with scene() as all_:
        words = [str(number) for number in range(100)]
        wrote = await asyncio.gather(*(all_.there.write(ANA, one) for one in words))
        assert [one.payload.text for one in wrote] == words


async def test_phones_that_no_process_has_are_unavailable_and_say_what_to_do() -> None:
    there = DistantPhones(MemoryEphemeral().bus, patience=0.05)
    with pytest.raises(Unavailable, match="chat4all run connector --channel mock"):
        await there.phone(ANA)


async def test_a_process_without_the_phones_delivers_nothing_and_says_to_try_again() -> None:
    connector = MockConnector(MockConfig(), DistantNetwork(DistantPhones(MemoryEphemeral().bus)))
    with pytest.raises(ChannelError) as refused:
        await connector.send_message(message("hello"))
    assert refused.value.retry
