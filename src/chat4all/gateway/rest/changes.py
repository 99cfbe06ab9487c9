"""From "left out of the body" to "not given"."""

from __future__ import annotations

from typing import TypeVar

from msgspec import UnsetType

from chat4all.services.unset import UNSET, Unset

T = TypeVar("T")


def given(value: T | UnsetType) -> T | Unset:
    """Return `value` in the services' words: `UNSET` when the client left it out."""
    return UNSET if isinstance(value, UnsetType) else value
