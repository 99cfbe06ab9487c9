"""Addresses on platforms, each in the one form that its platform knows it by."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from chat4all.domain.capabilities import AddressForm
from chat4all.domain.errors import InvalidInput
from chat4all.domain.ids import AccountId
from chat4all.services.phone_numbers import NotAPhoneNumber, e164

_E164 = re.compile(r"\+[1-9][0-9]{6,14}\Z")
_DIGITS = re.compile(r"[1-9][0-9]{6,14}\Z")
_LETTER = re.compile(r"[^\W\d_]")
_MALFORMED = "not a phone number in E.164, such as +5511987654321"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where somebody can be reached: the platform, and their id there."""

    platform: str
    external_id: str
    account_id: AccountId | None = None


class Addresses:
    """Brings addresses to the form that their platform uses, so that one person has one.

    `forms` are those of the platforms that there are; ids of others stay as they are written.
    `region` is the country of numbers that name none.
    """

    def __init__(self, forms: Mapping[str, AddressForm], *, region: str = "") -> None:
        self._forms = dict(forms)
        self.region = region or None

    @property
    def phone_platforms(self) -> Sequence[str]:
        """Return the platforms that know people by their phone number."""
        return sorted(name for name, form in self._forms.items() if form is not AddressForm.OPAQUE)

    def knows(self, platform: str) -> bool:
        """Return whether there is such a platform."""
        return platform in self._forms

    def all(self, addresses: Sequence[Address], *, at: str = "/channels") -> Sequence[Address]:
        """Return `addresses` in the form of their platforms, each once.

        Raises `InvalidInput` with a pointer to each that cannot exist, below `at`.
        """
        found, errors = [], []
        for index, one in enumerate(addresses):
            try:
                found.append(
                    replace(one, external_id=self.canonical(one.platform, one.external_id))
                )
            except NotAPhoneNumber as error:
                errors.append((f"{at}/{index}/external_id", str(error)))
        if errors:
            raise InvalidInput("a phone number is malformed", errors)
        return list(dict.fromkeys(found))

    def one(self, address: Address) -> Address:
        """Return `address` in the form of its platform. Raises `InvalidInput`."""
        try:
            external_id = self.canonical(address.platform, address.external_id)
        except NotAPhoneNumber as error:
            pointer = [("/external_id", str(error))]
            raise InvalidInput("a phone number is malformed", pointer) from error
        return replace(address, external_id=external_id)

    def canonical(self, platform: str, external_id: str) -> str:
        """Return an id in the form of its platform. Raises `NotAPhoneNumber`.

        What has a letter in it is an id of the platform's own, such as a business-scoped user
        id, and what a platform's callbacks say comes back as it is.
        """
        form = self._forms.get(platform, AddressForm.OPAQUE)
        if form is AddressForm.OPAQUE:
            # Lightly: only what starts with a plus claims to be a number.
            if external_id.startswith("+") and not _E164.match(external_id):
                raise NotAPhoneNumber(_MALFORMED)
            return external_id
        if _LETTER.search(external_id):
            return external_id
        try:
            number = e164(external_id, self.region)
        except NotAPhoneNumber:
            # Numbers of plans that are no longer given out, such as Brazilian mobiles of
            # eight digits, are still how a platform knows some people.
            if form is not AddressForm.E164_DIGITS or not _DIGITS.match(external_id):
                raise
            number = e164(f"+{external_id}")
        return self.of_number(platform, number)

    def of_number(self, platform: str, number: str) -> str:
        """Return how a platform of phone numbers writes a number in E.164."""
        form = self._forms.get(platform, AddressForm.OPAQUE)
        return number.removeprefix("+") if form is AddressForm.E164_DIGITS else number

    def number_of(self, platform: str, external_id: str) -> str | None:
        """Return the number in E.164 that an id is; None for one that is none."""
        form = self._forms.get(platform, AddressForm.OPAQUE)
        number = f"+{external_id}" if form is AddressForm.E164_DIGITS else external_id
        return number if form is not AddressForm.OPAQUE and _E164.match(number) else None


AS_WRITTEN = Addresses({})
"""Where no platform is known."""
