"""Telling "not given" from "given as null" in a change."""

from __future__ import annotations

from enum import Enum
from typing import Final


class Unset(Enum):
    """The type of `UNSET`: the field keeps its value."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET
