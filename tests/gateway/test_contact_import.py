"""Files of contacts, taken into an address book over REST."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat4all.adapters.memory.directory import MemoryDirectory
from chat4all.domain.errors import ChannelTaken
from chat4all.domain.ids import UserId
from chat4all.ports.contacts import ContactBatch
from chat4all.services.contact_files import FileFormat
from chat4all.services.import_contacts import ContactsFile, ImportContacts
from chat4all.testing.directory_examples import contact, identity, person
from tests.gateway.world import ADDRESSES, Person, World

BIA = "+5511987654321"
FILE = f"name,phone,channels\nBia,{BIA},telegram:4711\nCai,11 97777-6666,\nDora,,\n"


async def send(
    who: Person, body: str | bytes, *, kind: str = "text/csv", **params: str
) -> httpx.Response:
    headers = {"Content-Type": kind}
    content = body.encode() if isinstance(body, str) else body
    return await who.http.post(
        "/v1/contacts/import", content=content, headers=headers, params=params
    )


async def book(who: Person) -> dict[str, list[tuple[str, str]]]:
    items = (await who.http.get("/v1/contacts")).json()["items"]
    return {
        one["display_name"]: sorted((c["platform"], c["external_id"]) for c in one["channels"])
        for one in items
    }


async def test_a_number_with_a_plus_and_one_without_are_one_person(ana: Person) -> None:
    channels = [{"platform": "whatsapp", "external_id": BIA}]
    made = await ana.http.post("/v1/contacts", json={"display_name": "Bia", "channels": channels})
    assert made.json()["channels"][0]["external_id"] == BIA.removeprefix("+")
    channels[0]["external_id"] = BIA.removeprefix("+")
    again = await ana.http.post("/v1/contacts", json={"display_name": "Bia", "channels": channels})
    assert again.json()["code"] == "channel_taken"


async def test_an_impossible_number_is_pointed_to(ana: Person) -> None:
    channels = [{"platform": "whatsapp", "external_id": "+9991234567"}]
    answer = await ana.http.post("/v1/contacts", json={"display_name": "X", "channels": channels})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/channels/0/external_id"


async def test_a_file_is_taken_in_and_again_changes_nothing(ana: Person) -> None:
    first = (await send(ana, FILE, region="br")).json()
    assert [row["status"] for row in first["rows"]] == ["created", "created", "refused"]
    assert first["rows"][2]["line"] == 4
    assert "nobody is reached" in first["rows"][2]["detail"]
    assert first["created"] == 2
    kept = await book(ana)
    assert kept == {
        "Bia": [("telegram", "4711"), ("whatsapp", "5511987654321")],
        "Cai": [("whatsapp", "5511977776666")],
    }
    again = (await send(ana, FILE, region="BR")).json()
    assert (again["created"], again["merged"], again["unchanged"], again["refused"]) == (0, 0, 2, 1)
    assert await book(ana) == kept


async def test_a_dry_run_tells_the_same_and_changes_nothing(ana: Person) -> None:
    text = FILE + f"Bia S.,{BIA},telegram:99\nBia S.,{BIA},telegram:99\n"
    dry = (await send(ana, text, region="BR", dry_run="true")).json()
    assert await book(ana) == {}
    real = (await send(ana, text, region="BR")).json()
    assert [row["status"] for row in real["rows"]] == [
        "created", "created", "refused", "merged", "unchanged",
    ]  # fmt: skip

    def told(answer: dict[str, Any]) -> list[Any]:
        return [(one["line"], one["status"], one["detail"]) for one in answer["rows"]]

    assert told(dry) == told(real)
    assert dry["dry_run"]
    assert not real["dry_run"]


async def test_whoever_wrote_without_a_name_gets_that_of_the_file(
    ana: Person, world: World
) -> None:
    stranger = contact(UserId(ana.id), "5511987654321")
    await world.directory.users.add(stranger)
    channel = identity(stranger.id, "5511987654321", account="shop")
    await world.directory.channels.link(replace(channel, platform="whatsapp"))
    told = (await send(ana, f"name,phone\nBia,{BIA}\n")).json()
    assert told["rows"][0] == {
        "line": 2, "status": "merged", "contact_id": stranger.id, "detail": None,
    }  # fmt: skip
    assert await book(ana) == {"Bia": [("whatsapp", "5511987654321")]}
    assert (await send(ana, f"name,phone\nOther,{BIA}\n")).json()["unchanged"] == 1


async def test_rows_that_cannot_be_kept_are_refused_with_the_reason(
    ana: Person, bia: Person
) -> None:
    await send(bia, "name,channels\nX,telegram:1\n")
    await send(ana, "name,channels\nY,telegram:2\nZ,telegram:3\n")
    text = (
        "name,phone,channels\nX,,telegram:1\nYZ,,telegram:2 ::: telegram:3\n"
        f"N,+999123456789,\nP,+999123456789,telegram:5\n{'n' * 201},,telegram:6\nQ,,nonsense\n"
    )
    rows = (await send(ana, text)).json()["rows"]
    assert [row["status"] for row in rows] == [*["refused"] * 3, "created", *["refused"] * 2]
    for row, why in zip(
        rows,
        [
            "somebody else",
            "several of your contacts",
            "country",
            "left out: +999",
            "200",
            "PLATFORM:ID",
        ],
        strict=True,
    ):
        assert why in row["detail"]
    assert set(await book(ana)) == {"Y", "Z", "P"}


@pytest.mark.parametrize(
    ("body", "kind", "params", "status"),
    [
        ('name,phone\n"Bia,1', "text/csv", {}, 400),
        ("BEGIN:VCARD\n", "text/vcard", {}, 400),
        (b"name,phone\n\xff\xfe\xfa,1", "text/csv", {}, 400),
        (FILE, "application/json", {}, 415),
        (FILE, "text/csv", {"region": "XX"}, 400),
        (FILE, "text/csv", {"platform": "telegram"}, 400),
        (b"n" * (10 * 1024 * 1024 + 1), "text/csv", {}, 413),
    ],
    ids=["quote", "card", "encoding", "type", "region", "platform", "size"],
)
async def test_a_call_that_makes_no_sense_changes_nothing(
    ana: Person, body: str | bytes, kind: str, params: dict[str, str], status: int
) -> None:
    assert (await send(ana, body, kind=kind, **params)).status_code == status
    assert await book(ana) == {}


async def test_a_vcard_is_taken_in(ana: Person) -> None:
    text = f"BEGIN:VCARD\nVERSION:3.0\nFN:Bia\nTEL:{BIA}\nIMPP:xmpp:b@x\nEND:VCARD\n"
    told = (await send(ana, text, kind="text/vcard; charset=utf-8")).json()
    assert told["created"] == 1
    assert await book(ana) == {"Bia": [("whatsapp", "5511987654321")]}


async def test_a_batch_that_somebody_overtook_is_planned_anew() -> None:
    directory = MemoryDirectory()
    ana = person("ana")
    await directory.users.add(ana)
    keep = directory.contact_batches.keep
    other = contact(ana.id, "Bia")

    async def overtaken(batch: ContactBatch) -> None:
        directory.contact_batches.keep = keep  # type: ignore[method-assign]
        await directory.users.add(other)
        await directory.channels.link(identity(other.id, "1"))
        raise ChannelTaken("meanwhile")

    directory.contact_batches.keep = overtaken  # type: ignore[method-assign]
    take = ImportContacts(directory.contact_batches, directory.channels, ADDRESSES)
    file = ContactsFile(body=b"name,channels\nBia,pigeon:1\n", format=FileFormat.CSV)
    report = await take(ana.id, file, dry_run=False)
    assert [(row.status, row.contact) for row in report.rows] == [("unchanged", other.id)]


_ROW = st.tuples(st.sampled_from("ABC"), st.lists(st.integers(1, 6), min_size=1, max_size=3))


@settings(max_examples=40)
@given(st.lists(_ROW, max_size=12))
async def test_what_a_dry_run_tells_comes_true_and_a_second_import_changes_nothing(
    rows: list[tuple[str, list[int]]],
) -> None:
    lines = (f"{name},{' ::: '.join(f'pigeon:{one}' for one in ids)}" for name, ids in rows)
    body = "\n".join(["name,channels", *lines]).encode()
    file = ContactsFile(body=body, format=FileFormat.CSV)
    directory = MemoryDirectory()
    ana = person("ana")
    await directory.users.add(ana)
    take = ImportContacts(directory.contact_batches, directory.channels, ADDRESSES)
    dry = await take(ana.id, file, dry_run=True)
    assert await directory.users.search("", owner=ana.id, limit=99) == []
    real = await take(ana.id, file, dry_run=False)
    assert [(row.line, row.status) for row in dry.rows] == [
        (row.line, row.status) for row in real.rows
    ]
    before = await directory.users.search("", owner=ana.id, limit=99)
    again = await take(ana.id, file, dry_run=False)
    assert {row.status for row in again.rows} <= {"unchanged", "refused"}
    assert await directory.users.search("", owner=ana.id, limit=99) == before
