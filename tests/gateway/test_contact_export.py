"""An address book as a file, which an import takes back without a change."""

from __future__ import annotations

import csv
import io
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chat4all.adapters.memory.directory import MemoryDirectory
from chat4all.domain.capabilities import AddressForm
from chat4all.domain.errors import ChannelTaken, InvalidInput, Unavailable
from chat4all.domain.ids import UserId
from chat4all.services.addresses import Address, Addresses
from chat4all.services.contact_files import FileFormat, read_cards
from chat4all.services.contact_matching import RowStatus
from chat4all.services.contacts import Contacts
from chat4all.services.export_contacts import PAGE, ExportContacts
from chat4all.services.import_contacts import ContactsFile, ImportContacts
from chat4all.testing.directory_examples import person
from tests.gateway.test_contact_import import send
from tests.gateway.test_contact_merges import add, merge
from tests.gateway.world import Person, World

KINDS = {"csv": "text/csv", "vcard": "text/vcard"}


async def export(who: Person, kind: str = "csv") -> httpx.Response:
    return await who.http.get("/v1/contacts/export", params={"format": kind})


@pytest.mark.parametrize("kind", KINDS)
async def test_an_export_imported_again_changes_nothing(ana: Person, kind: str) -> None:
    await add(ana, 'Bia "B", Lima; & Co', "telegram:1", "whatsapp:+5511987654321")
    await add(ana, "=1+1", "telegram:é ?&:::", preferred="telegram")
    kept, other = await add(ana, "Cai", "telegram:2"), await add(ana, "Cai L.", "telegram:3")
    await merge(ana, kept, other)
    before = (await ana.http.get("/v1/contacts")).json()
    file = await export(ana, kind)
    assert file.headers["content-type"] == f"{KINDS[kind]}; charset=utf-8"
    assert file.headers["content-disposition"].startswith("attachment; filename=")
    told = (await send(ana, file.content, kind=KINDS[kind])).json()
    assert (told["created"], told["merged"], told["unchanged"], told["refused"]) == (0, 0, 3, 0)
    assert (await ana.http.get("/v1/contacts")).json() == before


@pytest.mark.parametrize("kind", KINDS)
async def test_an_export_fills_an_empty_address_book_with_the_same(
    ana: Person, bia: Person, kind: str
) -> None:
    await add(ana, "-Bia", "whatsapp:+5511987654321", preferred="whatsapp")
    file = await export(ana, kind)
    (await ana.http.delete(f"/v1/contacts/{(await one(ana))['id']}")).raise_for_status()
    await send(bia, file.content, kind=KINDS[kind])
    found = await one(bia)
    assert (found["display_name"], found["preferred_channel"]) == ("-Bia", "whatsapp")
    assert found["channels"][0]["external_id"] == "5511987654321"


async def one(who: Person) -> dict[str, Any]:
    [found] = (await who.http.get("/v1/contacts")).json()["items"]
    return dict(found)


async def test_no_field_of_a_csv_begins_as_a_formula_does(ana: Person) -> None:
    for number, name in enumerate(("=1+1", "+x", "-x", "@x", "\uff1dx", "\t=x", "'=x", "\n@x")):
        await add(ana, name, f"telegram:{number}", "whatsapp:+551198765432" + str(number))
    rows = list(csv.reader(io.StringIO((await export(ana)).text)))
    assert rows[0] == ["name", "phone", "channels", "preferred_channel"]
    assert len(rows) == 9
    fields = [field for row in rows for field in row if field]
    assert [field for field in fields if field[0] in "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"] == []
    assert "''=x" in fields
    assert "'+5511987654320" in fields


async def test_an_export_is_of_one_s_own_contacts(ana: Person, bia: Person) -> None:
    await add(ana, "Secret", "telegram:1")
    assert (await export(bia)).text == "name,phone,channels,preferred_channel\r\n"
    assert (await export(bia, "vcard")).content == b""
    assert (await export(ana, "xml")).status_code == 400


async def test_an_export_goes_in_pages(ana: Person, world: World) -> None:
    file = "name,channels\n" + "".join(f"N{one},telegram:{one}\n" for one in range(2 * PAGE + 1))
    assert (await send(ana, file)).json()["created"] == 2 * PAGE + 1
    pieces = [piece async for piece in world.deps.export_contacts(UserId(ana.id), FileFormat.CSV)]
    assert len(pieces) == 3
    told = (await send(ana, b"".join(pieces))).json()
    assert (told["unchanged"], len(told["rows"])) == (2 * PAGE + 1, 2 * PAGE + 1)


async def test_what_fails_at_once_is_told_as_every_error(
    ana: Person, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object, **__: object) -> None:
        raise Unavailable("away")

    monkeypatch.setattr(world.deps.contacts, "search", away)
    assert (await export(ana)).status_code == 503


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)
NAMES = st.builds(
    lambda start, rest: f"{start}{rest}" or "x",
    st.sampled_from(
        ["", "=", "+", "-", "@", "'", "''=", "\t", "\r\n", '"', ";", "\\", "::: ", "\uff1d"]
    ),
    TEXT,
)
NUMBERS = st.sampled_from(
    ["+5511987654321", "+12025550123", "+4915123456789", "+551187654321", "+8613912345678"]
)
PLACES = st.one_of(
    st.builds(lambda name: ("telegram", name), TEXT.filter(bool)),
    st.builds(lambda name: ("whatsapp", name), NUMBERS),
    st.builds(lambda name: ("sms", name), NUMBERS),
)
BOOKS = st.lists(
    st.tuples(NAMES, st.lists(PLACES, max_size=4), st.sampled_from([None, "telegram", "app"])),
    max_size=8,
)
FORMS = [
    {"telegram": AddressForm.OPAQUE, "whatsapp": AddressForm.E164_DIGITS},
    {"whatsapp": AddressForm.E164_DIGITS, "sms": AddressForm.E164},
]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(book=BOOKS, format_=st.sampled_from(FileFormat), forms=st.sampled_from(FORMS))
@example(book=[("a  b", [("telegram", "a  b")], None)], format_=FileFormat.CSV, forms=FORMS[0])
@example(book=[("x", [("whatsapp", "+12025550123")], None)], format_=FileFormat.CSV, forms=FORMS[1])
async def test_whatever_is_exported_changes_nothing_when_it_is_imported(
    book: list[tuple[str, list[tuple[str, str]], str | None]],
    format_: FileFormat,
    forms: dict[str, AddressForm],
) -> None:
    directory, ana = MemoryDirectory(), person("ana")
    await directory.users.add(ana)
    # The country of those who import is another than that of the numbers.
    addresses = Addresses(forms, region="BR")
    contacts = Contacts(directory.users, directory.channels, addresses)
    for name, places, preferred in book:
        try:
            made = await contacts.create(
                ana.id,
                display_name=name,
                addresses=[Address(platform=one, external_id=each) for one, each in places],
            )
        except (ChannelTaken, InvalidInput):
            continue
        await contacts.change(ana.id, made.user.id, preferred_channel=preferred)
    before = await contacts.search(ana.id, limit=99)
    file = b"".join([one async for one in ExportContacts(contacts, addresses)(ana.id, format_)])
    cards = read_cards(file, format_).items
    names = [card.name for card in cards if card.name]
    shown = [_shown(one.user.display_name) for one in before]
    assert names == [name for name in shown if name]
    imports = ImportContacts(directory.contact_batches, directory.channels, addresses)
    platform = "whatsapp"
    report = await imports(
        ana.id, ContactsFile(body=file, format=format_, platform=platform), dry_run=False
    )
    assert (report.counts[RowStatus.CREATED], report.counts[RowStatus.MERGED]) == (0, 0)
    assert await contacts.search(ana.id, limit=99) == before
    reached = [one for one in before if one.channels and not _odd(one.channels)]
    assert report.counts[RowStatus.UNCHANGED] >= len(reached)


def _shown(name: str) -> str:
    """Return a name as one line, without characters that show nothing."""
    spaced = "".join(" " if ord(one) < 32 or 127 <= ord(one) < 160 else one for one in name)
    return " ".join(spaced.split())


def _odd(channels: object) -> bool:
    """Return whether ids hold what an import refuses: characters that nobody sees."""
    ids = [one.external_id for one in channels]  # type: ignore[attr-defined]
    return any(ord(each) < 32 or 127 <= ord(each) < 160 for one in ids for each in one)
