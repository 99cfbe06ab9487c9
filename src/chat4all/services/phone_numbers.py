"""Phone numbers as people write them, in E.164.

The numbering plans are those of `phonenumbers`, a port of Google's libphonenumber.
https://www.itu.int/rec/T-REC-E.164
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

import phonenumbers

_WRITTEN = re.compile(r"\+?[0-9 ()./-]{2,40}\Z")
_ABROAD = re.compile(r"\A00(?=[1-9])")
"""How most countries write the plus."""
_REASONS = {
    phonenumbers.ValidationResult.INVALID_COUNTRY_CODE: "no country has this code",
    phonenumbers.ValidationResult.TOO_SHORT: "it is too short",
    phonenumbers.ValidationResult.TOO_LONG: "it is too long",
    phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "its area code is missing",
    phonenumbers.ValidationResult.INVALID_LENGTH: "no number of this country is that long",
}
REGIONS = frozenset(phonenumbers.SUPPORTED_REGIONS)
"""The countries whose national numbers are known, by ISO 3166-1 alpha-2."""


class NotAPhoneNumber(ValueError):
    """The text is no phone number that could exist; says why and what would do."""


def e164(written: str, region: str | None = None) -> str:
    """Return a number as +5511987654321. Raises `NotAPhoneNumber`.

    One without a plus counts as national of `region`, or as international with the plus left
    out, whichever some country has given out; where neither is, as national. Numbers that
    no country has given out yet pass if they are as long as that country's numbers are:
    the plans change faster than any list of them.
    """
    text = unicodedata.normalize("NFKC", written).strip().removeprefix("tel:")
    if not _WRITTEN.match(text):
        raise NotAPhoneNumber("write digits, such as +5511987654321")
    text = _ABROAD.sub("+", text, count=1) if region is None else text
    readings = list(_readings(text, region))
    if not readings:
        raise NotAPhoneNumber("no country has this code")
    for number in readings:
        if phonenumbers.is_valid_number(number):
            return _shown(number)
    reason = phonenumbers.is_possible_number_with_reason(readings[0])
    if reason != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise NotAPhoneNumber(_REASONS.get(reason, "it is impossible"))
    if region is None and not text.startswith("+"):
        raise NotAPhoneNumber("write it with its country, as +5511987654321, or give a region")
    return _shown(readings[0])


def _readings(text: str, region: str | None) -> Iterator[phonenumbers.PhoneNumber]:
    abroad = text if text.startswith("+") else f"+{_ABROAD.sub('', text, count=1)}"
    national = () if region is None or text.startswith("+") else ((text, region),)
    for what, where in (*national, (abroad, None)):
        try:
            yield phonenumbers.parse(what, where)
        except phonenumbers.NumberParseException:
            continue


def _shown(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
