"""From the patterns that Python checks to those that JSON Schema documents."""

from __future__ import annotations

from typing import Any


def in_ecma(value: Any) -> Any:
    r"""Return `value` with patterns that end in $ instead of \Z.

    In ECMA-262, which JSON Schema uses, $ is the end and nothing else; in Python it also
    stands before a last newline, so what is checked ends in \Z.
    """
    if isinstance(value, dict):
        return {
            key: one.removesuffix("\\Z") + "$"
            if key == "pattern" and isinstance(one, str) and one.endswith("\\Z")
            else in_ecma(one)
            for key, one in value.items()
        }
    if isinstance(value, list):
        return [in_ecma(one) for one in value]
    return value
