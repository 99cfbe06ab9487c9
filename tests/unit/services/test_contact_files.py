"""Files of contacts are read strictly, whoever wrote them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat4all.domain.errors import InvalidInput
from chat4all.services.contact_files import FileFormat, read_cards
from chat4all.services.contact_files.card import MAX_CARDS, Card

CSV, VCARD = FileFormat.CSV, FileFormat.VCARD


def csv(text: str) -> list[Card]:
    return list(read_cards(text.encode(), CSV).items)


def vcard(*lines: str) -> list[Card]:
    return list(read_cards("\r\n".join(lines).encode(), VCARD).items)


def test_columns_are_known_by_our_names_and_what_means_nothing_is_told() -> None:
    text = "name,phone,channels,birthday\nBia,+55 11,telegram:4711,May\n"
    cards = read_cards(text.encode(), CSV)
    assert cards.ignored == ["birthday"]
    assert cards.items == [
        Card(line=2, name="Bia", phones=("+55 11",), channels=("telegram:4711",))
    ]


@pytest.mark.parametrize(
    "text",
    [
        "First Name,Last Name,Phone 1 - Label,Phone 1 - Value\nBia,Souza,Mobile,123 ::: 456\n",
        "First Name;Last Name;Mobile Phone;Home Phone\nBia;Souza;123;456\n",
        'Display Name\tPhone\tTelephone\n"Bia Souza"\t123\t456\n',
        "Nome;Celular;Telefone\nBia Souza;123;456\n",
    ],
    ids=["google", "outlook", "tabs", "portuguese"],
)
def test_columns_of_others_are_known(text: str) -> None:
    [card] = csv(text)
    assert (card.name, tuple(card.phones)) == ("Bia Souza", ("123", "456"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_byte_order_mark_says_how_the_text_is_written(encoding: str) -> None:
    body = "name,phone\nJoão,1\n".encode(encoding)
    assert read_cards(body, CSV).items[0].name == "João"


def test_a_charset_is_taken_from_those_we_read() -> None:
    body = "name,phone\nJoão,1\n".encode("windows-1252")
    assert read_cards(body, CSV, "Windows-1252").items[0].name == "João"
    with pytest.raises(InvalidInput, match=r"line 2.*UTF-8"):
        read_cards(body, CSV)
    with pytest.raises(InvalidInput, match="punycode"):
        read_cards(body, CSV, "punycode")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('name,phone\nBia,1\n"Cai" x,2\n', "line 3"),
        ('name,phone\n"Bia,1\nCai,2\n', "line 2"),
        ("name,phone\nB\x00ia,1\n", "line 2: a NUL"),
        ("name,birthday\nBia,May\n", "line 1: no column"),
        ("", "line 1: no column"),
        ("," * 400 + "\n", "columns"),
        ("name,phone\n" + "x" * 200_000 + ",1\n", "line 2"),
    ],
    ids=["quotes", "open quote", "nul", "no column", "empty", "columns", "huge"],
)
def test_a_csv_that_is_none_is_refused_whole(text: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        csv(text)


def test_an_entry_has_the_line_on_which_it_begins() -> None:
    cards = csv('name,phone\n\n"Bia\nSouza",1\n,,\nCai,2,3\n')
    assert [card.line for card in cards] == [3, 6]
    assert "more fields" in str(cards[1].problem)


def test_a_formula_made_harmless_is_read_as_it_was() -> None:
    [card] = csv("name,phone\n'=Bia,'+5511987654321\n")
    assert (card.name, tuple(card.phones)) == ("=Bia", ("+5511987654321",))


@pytest.mark.parametrize("count", [MAX_CARDS, MAX_CARDS + 1, 2 * MAX_CARDS])
def test_a_file_has_at_most_so_many_entries(count: int) -> None:
    text = "name,phone\n" + "Bia,1\n" * count
    if count == MAX_CARDS:
        assert len(csv(text)) == count
        return
    with pytest.raises(InvalidInput, match="50,000"):
        csv(text)


def test_a_vcard_is_read() -> None:
    [card] = vcard(
        "BEGIN:VCARD",
        "VERSION:4.0",
        "FN:Souza\\, Bia",
        'item1.TEL;VALUE=uri;TYPE="voice,cell":tel:+55-11-98765-4321;ext=5',
        "TEL;TYPE=fax:123",
        "TEL;PREF=1:456",
        "X-CHAT4ALL-CHANNEL:telegram:4711",
        "IMPP:telegram:4712",
        "END:VCARD",
    )
    assert card == Card(
        line=1,
        name="Souza, Bia",
        phones=["456", "+55-11-98765-4321"],
        channels=["telegram:4711", "?telegram:4712"],
    )


def test_folded_lines_are_put_together() -> None:
    [card] = vcard("BEGIN:VCARD", "VERSION:3.0", "FN:Bi", " a Sou", "\tza", "TEL:1", "END:VCARD")
    assert card.name == "Bia Souza"


def test_a_name_comes_from_its_parts_where_nothing_else_says_it() -> None:
    [card] = vcard("BEGIN:VCARD", "VERSION:3.0", "N:Souza\\; Lima;Bia;;Dr.;", "TEL:1", "END:VCARD")
    assert card.name == "Dr. Bia Souza; Lima"


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (["VERSION:2.1", "FN;ENCODING=QUOTED-PRINTABLE:Jo=C3=", "=A3o"], "vCard 2.1 is not read"),
        (["VERSION:3.0", "FN;ENCODING=QUOTED-PRINTABLE:Jo=C3=A3o"], "line 3 is quoted-printable"),
        (["VERSION:3.0", "FN;QUOTED-PRINTABLE:Jo=C3=A3o"], "line 3 is quoted-printable"),
        (["FN:Bia"], "without VERSION"),
        (["VERSION:4.0", "no line at all"], "line 3 is not"),
        (["VERSION:4.0", f"FN:{'x' * 30_000}"], "line 3 has more"),
    ],
)
def test_a_card_that_cannot_be_read_is_told_and_the_next_is_read(
    lines: list[str], why: str
) -> None:
    good = ["BEGIN:VCARD", "VERSION:4.0", "FN:Cai", "TEL:1", "END:VCARD"]
    bad, cai = vcard("BEGIN:VCARD", *lines, "END:VCARD", *good)
    assert why in str(bad.problem)
    assert (cai.name, cai.problem, cai.line) == ("Cai", None, len(lines) + 3)


@pytest.mark.parametrize(
    "lines",
    [["FN:Bia"], ["BEGIN:VCARD", "VERSION:4.0"], ["BEGIN:VCARD", "BEGIN:VCARD", "END:VCARD"]],
)
def test_cards_that_cannot_be_told_apart_are_refused_whole(lines: list[str]) -> None:
    with pytest.raises(InvalidInput, match="line"):
        vcard(*lines)


@given(st.text(max_size=300), st.sampled_from(FileFormat))
def test_any_text_is_read_or_refused(text: str, format_: FileFormat) -> None:
    try:
        read_cards(text.encode("utf-8", "surrogatepass"), format_)
    except InvalidInput:
        return


@given(st.binary(max_size=300), st.sampled_from(FileFormat))
def test_any_bytes_are_read_or_refused(body: bytes, format_: FileFormat) -> None:
    try:
        read_cards(body, format_)
    except InvalidInput:
        return
