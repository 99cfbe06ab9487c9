"""Libraries that only some engines need."""

from __future__ import annotations

from importlib.util import find_spec

from chat4all.domain.errors import BadSettings


def require(module: str, extra: str, what: str) -> None:
    """Raise `BadSettings`, which says how to install it, when a library is not there."""
    if find_spec(module) is None:
        raise BadSettings(f"{what} needs a library: pip install 'chat4all[{extra}]'")
