"""Health."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class Health(Struct, frozen=True, kw_only=True):
    """`ok`: the process lives; `ready`: it serves."""

    status: Literal["ok", "ready"]
