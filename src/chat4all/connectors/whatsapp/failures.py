"""What the error codes of the platform mean to us.

https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chat4all.domain.status import Failure

_UNAUTHORIZED = (0, 3, 10, 190, *range(200, 300), 131005, 131045, 133010)
_REASONS: dict[int, str] = {
    **dict.fromkeys(_UNAUTHORIZED, "unauthorized"),
    **dict.fromkeys((4, 80007, 130429, 131048, 131056, 133016), "rate_limited"),
    **dict.fromkeys((1, 2, 131000, 131016, 131057, 133004), "unavailable"),
    **dict.fromkeys((130472, 131026), "undeliverable"),
    **dict.fromkeys((368, 130497, 131021, 131030, 131031, 131037, 131049), "not_allowed"),
    **dict.fromkeys((131052, 131053), "unsupported_payload"),
    33: "not_found",
    131042: "payment_required",
    131047: "session_window_closed",
    131050: "blocked",
    131051: "not_supported",
}
_OF_ACCOUNT = frozenset({*_UNAUTHORIZED, 4, 33, 368, 80007, 130429, 131031, 131037, 131042, 131048})
"""Codes that concern the number or its business account, and not the one recipient."""
_TEMPLATES = range(132000, 133000)
_PASSING = frozenset({"rate_limited", "unavailable"})
_PAIR_LIMIT = 131056
_PAIR_SECONDS = 6.0
"""One message every 6 seconds is what the limit of a pair allows."""
_TOLD = ("code", "error_subcode", "title", "message", "type", "error_data", "fbtrace_id", "href")
_LONGEST = 500


def reason_of(code: int) -> str:
    """Return our word for an error code; `refused` for one that we do not know."""
    return "template_refused" if code in _TEMPLATES else _REASONS.get(code, "refused")


def passes(reason: str) -> bool:
    """Say whether the same call may succeed later."""
    return reason in _PASSING


def concerns_account(code: int | None, reason: str) -> bool:
    """Say whether every other message of the number would fail so too."""
    if code is not None and reason_of(code) == reason:
        return code in _OF_ACCOUNT
    return reason in {"rate_limited", "unauthorized"}  # an answer without a code of ours


def wait_of(code: int) -> float | None:
    """Return the seconds to wait where the code alone says it."""
    return _PAIR_SECONDS if code == _PAIR_LIMIT else None


def code_of(error: Mapping[str, Any]) -> int | None:
    """Return the code of an error object; None when it has none."""
    code = error.get("code")
    return code if isinstance(code, int) and not isinstance(code, bool) else None


def told(error: Mapping[str, Any], *, without: str = "") -> dict[str, object]:
    """Return the platform's own words, shortened, and with the secret `without` removed."""
    return {name: _shortened(error[name], without) for name in _TOLD if name in error}


def failure_of(error: Mapping[str, Any]) -> Failure:
    """Return why a message failed, from one of the `errors` of its status."""
    code = code_of(error)
    words = told(error)
    text = next((words[name] for name in ("title", "message") if words.get(name)), "failed")
    return Failure(
        code="refused" if code is None else reason_of(code), text=str(text), platform_error=words
    )


def _shortened(value: object, without: str) -> object:
    if isinstance(value, dict):
        return {str(name)[:64]: _shortened(one, without) for name, one in list(value.items())[:8]}
    if isinstance(value, str):
        return (value.replace(without, "***") if without else value)[:_LONGEST]
    return value if isinstance(value, int | float) else str(value)[:_LONGEST]
