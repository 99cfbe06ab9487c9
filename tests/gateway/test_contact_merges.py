"""Contacts that are one person, over REST: looked at, merged, and taken apart again."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat4all.adapters.memory.directory import MemoryDirectory
from chat4all.domain.contact_merges import MAX_MERGED, MAX_ONE_PERSON, ContactMerge
from chat4all.domain.directory import Channel, User, UserKind
from chat4all.domain.errors import Conflict
from chat4all.domain.ids import ChannelId, UserId, new_id
from chat4all.services.merge_contacts import MergeContacts, Wishes
from chat4all.testing.directory_examples import START, person
from tests.gateway.world import Person

Card = dict[str, Any]


async def add(who: Person, name: str, *addresses: str, preferred: str | None = None) -> str:
    channels = [
        {"platform": platform, "external_id": external_id}
        for platform, external_id in (one.split(":", 1) for one in addresses)
    ]
    made = await who.http.post("/v1/contacts", json={"display_name": name, "channels": channels})
    contact = str(made.raise_for_status().json()["id"])
    if preferred is not None:
        body = {"preferred_channel": preferred}
        (await who.http.patch(f"/v1/contacts/{contact}", json=body)).raise_for_status()
    return contact


async def merge(
    who: Person, kept: str, *others: str, dry_run: bool = False, **wishes: Any
) -> httpx.Response:
    params = {"dry_run": "true"} if dry_run else {}
    body = {"contact_ids": list(others), **wishes}
    return await who.http.post(f"/v1/contacts/{kept}/merge", json=body, params=params)


async def undo(who: Person, merge_id: str) -> httpx.Response:
    return await who.http.post(f"/v1/contacts/merges/{merge_id}/undo")


async def book(who: Person) -> list[Card]:
    found = (await who.http.get("/v1/contacts", params={"limit": 100})).json()["items"]
    return sorted(found, key=lambda one: one["id"])


async def private(who: Person, contact: str) -> str:
    body = {"type": "private", "member_ids": [contact]}
    return str((await who.http.post("/v1/conversations", json=body)).json()["id"])


def addresses(card: Card) -> set[str]:
    return {f"{one['platform']}:{one['external_id']}" for one in card["channels"]}


async def test_merged_contacts_are_one_entry_and_undone_exactly_what_they_were(
    ana: Person,
) -> None:
    bia = await add(ana, "Bia", "telegram:1")
    work = await add(
        ana, "Bia at work", "telegram:2", "whatsapp:+5511987654321", preferred="whatsapp"
    )
    before = await book(ana)
    told = (await merge(ana, bia, work)).raise_for_status().json()
    [entry] = await book(ana)
    assert entry["id"] == bia
    assert entry["display_name"] == "Bia"
    assert entry["preferred_channel"] == "whatsapp"
    assert addresses(entry) == {"telegram:1", "telegram:2", "whatsapp:5511987654321"}
    assert addresses(told["contact"]) == addresses(entry)
    assert told["fields"] == [
        {"name": "display_name", "value": "Bia", "others": ["Bia at work"]},
        {"name": "preferred_channel", "value": "whatsapp", "others": []},
    ]
    answer = await ana.http.get(f"/v1/contacts/{work}")
    assert answer.status_code == 404
    assert bia in answer.json()["detail"]
    undone = (await undo(ana, told["merge_id"])).raise_for_status().json()
    assert {one["id"] for one in undone["contacts"]} == {bia, work}
    assert await book(ana) == before
    assert (await undo(ana, told["merge_id"])).json() == undone


async def test_a_dry_run_tells_the_same_and_changes_nothing(ana: Person) -> None:
    bia, work = await add(ana, "Bia", "telegram:1"), await add(ana, "B.", "telegram:2")
    await private(ana, work)
    before = await book(ana)
    dry = (await merge(ana, bia, work, dry_run=True)).raise_for_status().json()
    assert await book(ana) == before
    real = (await merge(ana, bia, work)).json()
    for answer in (dry, real):
        for changing in ("dry_run", "merge_id", "undo_until"):
            del answer[changing]
    assert dry == real


async def test_a_repeat_answers_the_same(ana: Person) -> None:
    bia, work = await add(ana, "Bia", "telegram:1"), await add(ana, "B.", "telegram:2")
    first = (await merge(ana, bia, work)).json()
    assert (await merge(ana, bia, work)).json() == first
    assert len((await ana.http.get("/v1/contacts/merges")).json()["items"]) == 1
    other = await merge(ana, bia, work, display_name="Other")
    assert other.status_code == 409
    assert first["merge_id"] in other.json()["detail"]


async def test_conversations_stay_and_show_the_name_of_the_kept_one(
    ana: Person, bia: Person
) -> None:
    kept, other = await add(ana, "Davi", "telegram:1"), await add(ana, "D. Lima", "telegram:2")
    talks = [await private(ana, one) for one in (kept, other)]
    for talk in talks:
        payload = {"type": "text", "text": "Oi"}
        body = {"conversation_id": talk, "payload": payload}
        (await ana.http.post("/v1/messages", json=body, headers={"Prefer": "wait=5"}))

    async def shown() -> list[tuple[str, list[str], list[int]]]:
        found = []
        for talk in talks:
            one = (await ana.http.get(f"/v1/conversations/{talk}")).json()
            names = [each["display_name"] for each in one["members"]]
            page = (await ana.http.get(f"/v1/conversations/{talk}/messages")).json()["items"]
            found.append((one["id"], sorted(names), [each["seq"] for each in page]))
        return found

    before = await shown()
    told = (await merge(ana, kept, other)).json()
    assert told["conversations"] == [
        {"conversation_id": talks[1], "user_id": other, "before": "D. Lima", "after": "Davi"}
    ]
    after = await shown()
    assert [one[0] for one in after] == talks
    assert "D. Lima" in before[1][1]
    assert after[1][1] == before[0][1]
    assert [one[2] for one in after] == [one[2] for one in before] == [[1], [1]]
    (await ana.http.patch(f"/v1/contacts/{kept}", json={"display_name": "D."})).raise_for_status()
    assert "D." in (await shown())[1][1]
    del bia


async def test_conversations_that_the_owner_is_not_in_are_not_told(
    ana: Person, bia: Person
) -> None:
    kept, other = await add(ana, "Davi", "telegram:1"), await add(ana, "D. Lima", "telegram:2")
    body = {"type": "group", "member_ids": [bia.id, other]}
    group = (await ana.http.post("/v1/conversations", json=body)).json()["id"]
    assert (await merge(ana, kept, other, dry_run=True)).json()["conversation_count"] == 1
    (await ana.http.post(f"/v1/conversations/{group}/leave")).raise_for_status()
    assert (await merge(ana, kept, other, dry_run=True)).json()["conversation_count"] == 0


async def test_whoever_is_called_by_a_number_takes_the_name_of_the_other(ana: Person) -> None:
    stranger = await add(ana, "5511987654321", "whatsapp:+5511987654321")
    named = await add(ana, "Bia", "telegram:2")
    told = (await merge(ana, stranger, named)).json()
    assert told["contact"]["display_name"] == "Bia"
    assert told["contact"]["id"] == stranger


async def test_what_the_caller_wishes_is_what_is_kept(ana: Person) -> None:
    bia = await add(ana, "Bia", "telegram:1", preferred="telegram")
    work = await add(ana, "B.", "whatsapp:+5511987654321")
    told = (await merge(ana, bia, work, display_name="Beatriz", preferred_channel=None)).json()
    assert told["contact"]["display_name"] == "Beatriz"
    assert told["contact"]["preferred_channel"] is None
    await undo(ana, told["merge_id"])
    one = next(each for each in await book(ana) if each["id"] == bia)
    assert (one["display_name"], one["preferred_channel"]) == ("Bia", "telegram")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"display_name": "Other"}, "was renamed"),
        ({"preferred_channel": "telegram"}, "has another preferred channel"),
        ({"channels": []}, "has lost telegram:2"),
    ],
)
async def test_a_contact_that_was_changed_since_is_not_undone(
    ana: Person, change: dict[str, Any], told: str
) -> None:
    bia, work = await add(ana, "Bia", "telegram:1"), await add(ana, "B.", "telegram:2")
    name = (await merge(ana, bia, work)).json()["merge_id"]
    (await ana.http.patch(f"/v1/contacts/{bia}", json=change)).raise_for_status()
    before = await book(ana)
    answer = await undo(ana, name)
    assert (answer.status_code, answer.json()["code"]) == (409, "contact_changed")
    assert told in answer.json()["detail"]
    assert await book(ana) == before


async def test_a_deleted_contact_is_not_undone_and_is_gone_whole(ana: Person) -> None:
    bia, work = await add(ana, "Bia", "telegram:1"), await add(ana, "B.", "telegram:2")
    name = (await merge(ana, bia, work)).json()["merge_id"]
    (await ana.http.delete(f"/v1/contacts/{bia}")).raise_for_status()
    assert await book(ana) == []
    answer = await undo(ana, name)
    assert answer.status_code == 409
    assert f"contact {bia} was deleted" in answer.json()["detail"]
    assert await add(ana, "New", "telegram:2")


async def test_merges_are_undone_in_their_turn(ana: Person) -> None:
    bia, work, home = [await add(ana, name, f"telegram:{name}") for name in "ABC"]
    before = await book(ana)
    first = (await merge(ana, bia, work)).json()["merge_id"]
    second = (await merge(ana, bia, home)).json()["merge_id"]
    answer = await undo(ana, first)
    assert answer.status_code == 409
    assert second in answer.json()["detail"]
    items = (await ana.http.get("/v1/contacts/merges", params={"limit": 1})).json()
    assert [one["id"] for one in items["items"]] == [second]
    cursor = {"cursor": items["next"], "contact_id": bia}
    more = (await ana.http.get("/v1/contacts/merges", params=cursor)).json()
    assert ([one["id"] for one in more["items"]], more["next"]) == ([first], None)
    assert [(await undo(ana, one)).status_code for one in (second, first)] == [200, 200]
    assert await book(ana) == before


@pytest.mark.parametrize(("late", "refused"), [(-1, False), (1, True)])
async def test_a_merge_can_be_undone_for_thirty_days(late: int, *, refused: bool) -> None:
    directory, ana, people = await _town([(1, None), (1, None)])
    clock = [START]
    merges = MergeContacts(directory.contact_merges, directory.conversations, now=lambda: clock[0])
    merge = (await merges(ana, people[0], [people[1]], Wishes())).merge
    clock.append(START + timedelta(days=30, seconds=late))
    clock.pop(0)
    if refused:
        with pytest.raises(Conflict, match="could be undone until"):
            await merges.undo(ana, merge.id)
    else:
        assert (await merges.undo(ana, merge.id)).undone_at == clock[0]


async def test_who_is_merged_elsewhere_is_not_merged_again(ana: Person) -> None:
    first, second, third = [await add(ana, name, f"telegram:{name}") for name in "ABC"]
    await merge(ana, first, second)
    for kept, other in ((third, second), (second, third)):
        answer = await merge(ana, kept, other)
        assert answer.status_code == 409
        assert f"{second} was merged into {first}" in answer.json()["detail"]
    told = (await merge(ana, third, first)).json()
    assert addresses(told["contact"]) == {"telegram:A", "telegram:B", "telegram:C"}


async def test_others_contacts_are_not_there(ana: Person, bia: Person) -> None:
    mine, theirs = await add(ana, "Bia", "telegram:1"), await add(bia, "Ana", "telegram:2")
    own = await add(bia, "Davi", "telegram:3")
    for who, kept, other in ((ana, mine, theirs), (ana, theirs, mine), (ana, mine, bia.id)):
        for dry_run in (True, False):
            assert (await merge(who, kept, other, dry_run=dry_run)).status_code == 404
    name = (await merge(bia, theirs, own)).json()["merge_id"]
    assert (await undo(ana, name)).status_code == 404
    assert (await ana.http.get("/v1/contacts/merges")).json()["items"] == []


async def test_what_cannot_be_merged_is_refused(ana: Person) -> None:
    bia = await add(ana, "Bia", "telegram:1")
    itself = await merge(ana, bia, bia)
    assert itself.status_code == 400
    assert itself.json()["errors"][0]["pointer"] == "/contact_ids/0"
    assert (await merge(ana, bia)).status_code == 400
    many = [str(uuid.uuid4()) for _ in range(MAX_MERGED + 1)]
    assert (await merge(ana, bia, *many)).status_code == 400
    full = await add(ana, "Full", *(f"telegram:f{number}" for number in range(20)))
    crowded = await merge(ana, bia, full)
    assert crowded.status_code == 409
    assert "21 channels" in crowded.json()["detail"]


async def test_a_person_has_at_most_fifty_contacts(ana: Person) -> None:
    kept = await add(ana, "Bia", "telegram:1")
    others = [await add(ana, str(number)) for number in range(MAX_ONE_PERSON)]
    for start in (0, 20):
        await merge(ana, kept, *others[start : start + 20])
    assert (await merge(ana, kept, *others[40:])).status_code == 409
    assert (await merge(ana, kept, *others[41:])).status_code == 200


async def test_of_two_merges_of_one_contact_at_once_one_wins(ana: Person) -> None:
    first, second, third = [await add(ana, name, f"telegram:{name}") for name in "ABC"]
    answers = await asyncio.gather(merge(ana, first, second), merge(ana, third, second))
    assert sorted(one.status_code for one in answers) == [200, 409]
    assert len(await book(ana)) == 2


async def test_a_merge_that_loses_a_race_looks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    directory, ana, people = await _town([(1, None), (1, None)])
    keep = directory.contact_merges.keep
    tried: list[ContactMerge] = []

    async def late(merge: ContactMerge) -> None:
        if not tried:
            tried.append(merge)
            user = (await directory.users.get_many([people[0]]))[people[0]]
            await directory.users.update(User(**{**_fields(user), "display_name": "Late"}))
        await keep(merge)

    monkeypatch.setattr(directory.contact_merges, "keep", late)
    merges = MergeContacts(directory.contact_merges, directory.conversations)
    view = await merges(ana, people[0], [people[1]], Wishes())
    assert view.merge.display_name == "Late"


async def test_likely_duplicates_are_told(ana: Person, bia: Person) -> None:
    first = await add(ana, "Davi", "whatsapp:+5511987654321")
    second = await add(ana, "Davi L.", "telegram:+5511987654321", "telegram:davi@loft")
    third = await add(ana, "D.", "mock:Davi@loft", "telegram:4711")
    await add(ana, "Nobody else", "mock:4711")
    await add(bia, "Davi", "mock:+5511987654321")

    async def told(**params: Any) -> tuple[dict[str, list[str]], str | None]:
        answer = await ana.http.get("/v1/contacts/duplicates", params=params)
        page = answer.raise_for_status().json()
        found = {one["address"]: [each["id"] for each in one["contacts"]] for one in page["items"]}
        return found, page["next"]

    numbers = {"+5511987654321": sorted([first, second])}
    names = {"davi@loft": sorted([second, third])}
    assert await told() == ({**numbers, **names}, None)
    pages, cursor = [], None
    while True:
        found, cursor = await told(limit=1, **({"cursor": cursor} if cursor else {}))
        pages.append(found)
        if cursor is None:
            break
    assert [one for one in pages if one] == [numbers, names]
    await merge(ana, first, second)
    assert await told() == ({"davi@loft": sorted([first, third])}, None)
    wrong = await ana.http.get("/v1/contacts/duplicates", params={"cursor": "_w"})
    assert wrong.status_code == 400


NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
PEOPLE = st.lists(
    st.tuples(st.integers(0, 4), st.none() | st.sampled_from(["telegram", "pigeon"])),
    min_size=3,
    max_size=6,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(people=PEOPLE, data=st.data())
async def test_merges_undone_backwards_leave_everything_as_it_was(
    people: list[tuple[int, str | None]], data: st.DataObject
) -> None:
    directory, ana, ids = await _town(people, data.draw(st.lists(NAMES, min_size=1)))
    merges = MergeContacts(directory.contact_merges, directory.conversations)
    states = [await _everything(directory, ana, ids)]
    done = []
    free = list(ids)
    while len(free) > 1 and data.draw(st.booleans()):
        kept, *others = data.draw(st.lists(st.sampled_from(free), min_size=2, unique=True))
        name = data.draw(st.none() | NAMES)
        wishes = Wishes() if name is None else Wishes(display_name=name)
        done.append((await merges(ana, kept, others, wishes)).merge)
        free = [one for one in free if one not in others]
        states.append(await _everything(directory, ana, ids))
        assert {one.id for one in await directory.users.search("", owner=ana, limit=99)} == set(
            free
        )
    for number, one in reversed(list(enumerate(done))):
        assert await _everything(directory, ana, ids) == states[number + 1]
        await merges.undo(ana, one.id)
        assert await _everything(directory, ana, ids) == states[number]


async def _town(
    people: list[tuple[int, str | None]], names: list[str] | None = None
) -> tuple[MemoryDirectory, UserId, list[UserId]]:
    """Return a directory where somebody has contacts with so many channels and preferences."""
    directory, ana = MemoryDirectory(), person("ana")
    await directory.users.add(ana)
    ids = []
    for number, (channels, preferred) in enumerate(people):
        contact = User(
            id=UserId(new_id()),
            kind=UserKind.CONTACT,
            display_name=(names or ["Bia"])[number % len(names or ["Bia"])],
            owner_id=ana.id,
            created_at=START,
            preferred_channel=preferred,
        )
        await directory.users.add(contact)
        ids.append(contact.id)
        for each in range(channels):
            channel = Channel(
                id=ChannelId(new_id()),
                user_id=contact.id,
                platform=("pigeon", "telegram")[each % 2],
                external_id=f"{number}-{each}",
                linked_at=START + timedelta(minutes=7 * each - number),
            )
            await directory.channels.link(channel)
    return directory, ana.id, ids


async def _everything(directory: MemoryDirectory, owner: UserId, ids: list[UserId]) -> list[Any]:
    return [
        await directory.contact_merges.states(owner, ids),
        await directory.users.get_many(ids),
        await directory.channels.of_users(ids),
        await directory.users.search("", owner=owner, limit=99),
    ]


def _fields(user: User) -> dict[str, Any]:
    return {name: getattr(user, name) for name in user.__dataclass_fields__}
