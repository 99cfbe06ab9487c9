"""Takes out of log lines what must not be there, whoever wrote them.

A second line of defence: our own lines name codes and ids only. Libraries, errors and
platforms put other people's words into theirs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

HIDDEN = "[redacted]"

_SECRET_KEYS = re.compile(
    r"(?i)(^|[_.\-])(authorization|cookie|password|passwd|secret|token|api[_-]?key|private[_-]?key"
    r"|payload|text|caption|body|phone|e?mail|external_id|address)$"
)
"""Names of fields whose values are a secret, somebody's words or somebody's address."""

_PATTERNS = (
    # What libraries quote of the data that they could not take: pydantic, SQLAlchemy, databases.
    (re.compile(r"input_value=.*?, input_type=", re.DOTALL), f"input_value={HIDDEN}, input_type="),
    (re.compile(r"\[parameters: .*?\]\n", re.DOTALL), f"[parameters: {HIDDEN}]\n"),
    (re.compile(r"Key \(([\w, ]+)\)=\(.*?\)"), rf"Key (\1)=({HIDDEN})"),
    (re.compile(r"dup key: \{.*?\}"), f"dup key: {HIDDEN}"),
    (re.compile(r", full error: \{.*\}"), ""),
    # The password of a URL, and who it is of.
    (re.compile(r"(\b[a-z][a-z0-9+.\-]*://)[^\s/@]*@", re.IGNORECASE), rf"\1{HIDDEN}@"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=\-]{8,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"\beyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]*"), HIDDEN),
    # A key in PEM, also as JSON and Python write it on one line.
    (
        re.compile(
            r"-----BEGIN ([A-Z ]*)PRIVATE KEY-----.*?(-----END \1PRIVATE KEY-----|$)", re.DOTALL
        ),
        HIDDEN,
    ),
    # What Firebase and Apple know an app on a phone by, and Google's tokens.
    (re.compile(r"(/3/device/)[0-9A-Fa-f]{8,}"), rf"\1{HIDDEN}"),
    (re.compile(r"[A-Za-z0-9_\-]{8,}:APA91b[A-Za-z0-9_\-]{8,}"), HIDDEN),
    (re.compile(r"\bya29\.[A-Za-z0-9_\-.]{8,}"), HIDDEN),
    # An API key of ours.
    (re.compile(r"\bc4a_[0-9A-Za-z]{8,}"), HIDDEN),
    # A Telegram bot's token, also in the path of its API.
    (re.compile(r"\b(bot)?\d{5,}:[A-Za-z0-9_\-]{20,}"), HIDDEN),
    (
        re.compile(
            r"(?i)([\"']?\b(?:access_token|refresh_token|client_secret|app_secret|token|password"
            r"|secret|signature|sig|api_key|verify_token)[\"']?\s*[=:]\s*[\"']?)[^\s&\"',;}]{3,}"
        ),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"\b[\w.+\-]+@[\w\-]+(?:\.[\w\-]+)+"), HIDDEN),
    (re.compile(r"\+\d[\d ().\-]{6,18}\d"), HIDDEN),
    # A number as platforms write it, without its plus; not a part of an id.
    (re.compile(r"(?<![\w\-.:])\d{10,15}(?![\w\-:])"), HIDDEN),
)
_KEEP = frozenset({"timestamp", "level", "logger", "service", "env", "trace_id", "span_id"})
"""Fields that we fill in ourselves."""


def redacted(text: str) -> str:
    """Return `text` without tokens, passwords, phone numbers and e-mail addresses."""
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text


def redact(logger: object, method: str, event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the event as it may be written. It is a processor of structlog."""
    del logger, method
    return {
        key: value if key in _KEEP else HIDDEN if _is_secret(key, value) else _clean(value)
        for key, value in event.items()
    }


def _is_secret(key: str, value: object) -> bool:
    return value not in (None, "") and _SECRET_KEYS.search(key) is not None


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, bool | int | float) or value is None:
        return value
    if isinstance(value, Mapping):
        return {
            str(key): HIDDEN if _is_secret(str(key), one) else _clean(one)
            for key, one in value.items()
        }
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [_clean(one) for one in value]
    return redacted(str(value))
