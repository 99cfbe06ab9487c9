"""Phone numbers and addresses come to one form, however they are written."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chat4all.domain.capabilities import AddressForm
from chat4all.domain.errors import InvalidInput
from chat4all.services.addresses import Address, Addresses
from chat4all.services.phone_numbers import NotAPhoneNumber, e164

FORMS = {
    "whatsapp": AddressForm.E164_DIGITS,
    "sms": AddressForm.E164,
    "telegram": AddressForm.OPAQUE,
}


@pytest.mark.parametrize(
    ("written", "region"),
    [
        ("+5511987654321", None),
        (" +55 (11) 98765-4321 ", None),
        ("tel:+55-11-98765-4321", None),
        ("5511987654321", None),
        ("005511987654321", None),
        ("11 98765-4321", "BR"),
        ("(011) 98765-4321", "BR"),
        ("5511987654321", "BR"),
        ("+55 11 98765-4321", "US"),
        ("\uff0b55 11 98765 4321", None),
    ],
)
def test_spellings_of_a_number_are_one(written: str, region: str | None) -> None:
    assert e164(written, region) == "+5511987654321"


@pytest.mark.parametrize(
    ("written", "region", "why"),
    [
        ("+55 11", None, "too short|digits|long"),
        ("+5511987654321987", None, "too long"),
        ("+999123456789", None, "country"),
        ("hello +5511987654321", None, "digits"),
        ("+5511987654321 ext 5", None, "digits"),
        ("190", "BR", "."),
        ("62 8765-4321", None, "."),
        ("", None, "digits"),
    ],
)
def test_what_is_no_number_is_told(written: str, region: str | None, why: str) -> None:
    with pytest.raises(NotAPhoneNumber, match=why):
        e164(written, region)


@given(st.text(max_size=60), st.sampled_from([None, "BR", "US", "DE"]))
def test_any_text_is_a_number_or_refused_and_a_number_stays(text: str, region: str | None) -> None:
    try:
        number = e164(text, region)
    except NotAPhoneNumber:
        return
    assert number.startswith("+")
    assert number[1:].isascii()
    assert number[1:].isdigit()
    assert e164(number, region) == number


@given(st.integers(0, 99_999_999), st.sampled_from(["+55", "55", "0055"]))
@example(87_000_001, "+55")
@example(80_010_020, "0055")
def test_the_digits_of_a_number_stay_as_they_are(number: int, abroad: str) -> None:
    if abroad != "+55":
        number = 70_000_000 + number % 20_000_000  # one that is given out
    national = f"119{number:08}"
    assert e164(f"{abroad}{national}") == f"+55{national}"
    canonical = Addresses(FORMS).canonical("whatsapp", f"+55{national}")
    assert canonical == f"55{national}"


@pytest.mark.parametrize(
    ("platform", "written", "kept"),
    [
        ("whatsapp", "+5511987654321", "5511987654321"),
        ("whatsapp", "5511987654321", "5511987654321"),
        ("whatsapp", "11 98765-4321", "5511987654321"),
        ("whatsapp", "556287654321", "556287654321"),
        ("whatsapp", "BR.13491208655302741918", "BR.13491208655302741918"),
        ("sms", "5511987654321", "+5511987654321"),
        ("telegram", "4711", "4711"),
        ("unknown", "11 98765-4321", "11 98765-4321"),
    ],
)
def test_an_address_has_the_form_of_its_platform(platform: str, written: str, kept: str) -> None:
    addresses = Addresses(FORMS, region="BR")
    assert addresses.canonical(platform, written) == kept
    assert addresses.canonical(platform, kept) == kept


def test_each_wrong_address_is_pointed_to_and_twins_are_one() -> None:
    addresses = Addresses(FORMS)

    def at(external_id: str) -> Address:
        return Address(platform="whatsapp", external_id=external_id)

    assert addresses.all([at("+5511987654321"), at("5511987654321")]) == [at("5511987654321")]
    with pytest.raises(InvalidInput) as refused:
        addresses.all([at("+5511987654321"), at("+999123456789"), at("1")])
    pointers = [pointer for pointer, _ in refused.value.errors]
    assert pointers == ["/channels/1/external_id", "/channels/2/external_id"]
