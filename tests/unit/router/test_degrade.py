"""Fitting a payload into what a channel carries."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chat4all.domain.capabilities import Capabilities
from chat4all.domain.payload import Payload, PayloadType, text
from chat4all.router.degrade import fit

PLAIN = Capabilities(payloads=frozenset({PayloadType.TEXT}), max_text=10)
LONG = Capabilities(payloads=frozenset({PayloadType.TEXT}), max_text=500)
RICH = Capabilities(payloads=frozenset(PayloadType), max_text=500)
PLACE = Payload(type=PayloadType.LOCATION, latitude=-23.5, longitude=-46.6, name="Here")


def words_of(payload: Payload, capabilities: Capabilities) -> list[str | None]:
    return [part.text for part in fit(payload, capabilities).parts]


def test_what_fits_goes_as_it_is() -> None:
    fitted = fit(text("hello"), PLAIN)
    assert (fitted.parts, fitted.note) == ((text("hello"),), None)
    assert fit(PLACE, RICH).parts == (PLACE,)


def test_a_long_text_is_cut_between_words() -> None:
    fitted = fit(text("one two three four"), PLAIN)
    assert [part.text for part in fitted.parts] == ["one two", "three four"]
    assert fitted.note == "sent in 2 parts"


def test_a_text_that_ends_in_spaces_has_no_empty_last_part() -> None:
    assert words_of(text("0123456789   \n  "), PLAIN) == ["0123456789"]


@given(st.text(st.characters(codec="utf-8"), max_size=200))
def test_no_part_is_too_long_and_no_word_is_lost(words: str) -> None:
    parts = [part.text or "" for part in fit(text(words), PLAIN).parts]
    assert all(len(part) <= 10 for part in parts)
    assert "".join(parts).replace(" ", "").replace("\n", "") == words.replace(" ", "").replace(
        "\n", ""
    )


def test_a_location_becomes_a_link_to_a_map() -> None:
    fitted = fit(PLACE, LONG)
    assert fitted.note == "location sent as text"
    [words] = [part.text for part in fitted.parts]
    assert words == "Here\nhttps://www.openstreetmap.org/?mlat=-23.5&mlon=-46.6"


def test_a_contact_becomes_its_lines() -> None:
    card = Payload(type=PayloadType.CONTACT, name="Davi", phone="+5511", email="d@example.org")
    assert words_of(card, LONG) == ["Davi\n+5511\nd@example.org"]


def test_media_becomes_a_line_that_names_it() -> None:
    assert words_of(Payload(type=PayloadType.IMAGE, file_id="f", caption="cat"), LONG) == [
        "[image] cat"
    ]


def test_who_wrote_leads_the_text_or_stands_before_what_is_no_text() -> None:
    assert [part.text for part in fit(text("hi"), LONG, prefix="Ana: ").parts] == ["Ana: hi"]
    assert fit(PLACE, RICH, prefix="Ana: ").parts == (text("Ana:"), PLACE)
