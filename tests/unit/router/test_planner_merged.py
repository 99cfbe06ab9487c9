"""How somebody is reached whose contacts were merged."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chat4all.domain.ids import UserId
from chat4all.services.merge_contacts import MergeContacts, Wishes
from chat4all.testing.pipeline import add_contact
from tests.unit.router.test_planner import Office


@pytest.fixture
async def office() -> Office:
    office = Office()
    await office.populate()
    for platform in ("telegram", "whatsapp"):
        await office.account(platform)
    return office


async def merged(office: Office, *, prefer: str | None = None) -> tuple[UserId, UserId]:
    """Return the contact that was kept, on Telegram, and the one that was merged, on WhatsApp."""
    kept = await office.contact("telegram")
    other = await add_contact(office.directory, "davi 2", office.ana)
    await office.link(other, "whatsapp")
    merges = MergeContacts(office.directory.contact_merges, office.directory.conversations)
    await merges(office.ana, kept, [other], Wishes(preferred_channel=prefer))
    return kept, other


async def test_both_conversations_use_the_preferred_channel_of_the_kept_one(
    office: Office,
) -> None:
    for one in await merged(office, prefer="whatsapp"):
        await office.converse(one, private=True)
        [task] = (await office.send()).tasks
        assert (task.channel, task.address) == ("whatsapp", "whatsapp address")
        assert task.user_id == one


async def test_without_a_preference_each_is_reached_by_its_own(office: Office) -> None:
    kept, other = await merged(office)
    for one, platform in ((kept, "telegram"), (other, "whatsapp")):
        await office.converse(one, private=True)
        [task] = (await office.send()).tasks
        assert task.channel == platform


async def test_a_group_with_both_reaches_an_address_once_for_both(office: Office) -> None:
    kept, other = await merged(office, prefer="whatsapp")
    await office.converse(kept, other)
    [task] = (await office.send()).tasks
    assert task.users in ((kept, other), (other, kept))
    assert replace(task, others=()).users in ((kept,), (other,))
