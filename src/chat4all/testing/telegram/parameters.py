"""The parameters of a Bot API request, in any of the four ways a client may send them.

https://core.telegram.org/bots/api#making-requests
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from chat4all.testing.multipart import read_multipart
from chat4all.testing.telegram.errors import bad_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chat4all.testing.multipart import Part

_TRUE = frozenset({"true", "yes", "1"})


class Parameters:
    """Named strings, as Telegram sees them: JSON values count as their JSON text.

    `uploads` are the files that came in the body, by the names of their fields.
    """

    def __init__(
        self, values: Mapping[str, str], uploads: Mapping[str, Part] | None = None
    ) -> None:
        self._values = values
        self.uploads = uploads or {}

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def string(self, name: str) -> str:
        """Return the value, or nothing."""
        return self._values.get(name, "")

    def required(self, name: str) -> str:
        """Return the value, or raise 400."""
        value = self.string(name)
        if not value:
            raise bad_request(f'parameter "{name}" is required')
        return value

    def integer(self, name: str, *, default: int = 0) -> int:
        """Return the value as a whole number, `default` where it is none."""
        try:
            return int(self.string(name))
        except ValueError:
            return default

    def within(self, name: str, *, default: int, low: int, high: int) -> int:
        """Return a whole number forced into `low..high`, as Telegram does without a word."""
        return min(max(self.integer(name, default=default), low), high)

    def boolean(self, name: str) -> bool:
        """Return whether the value is one of Telegram's words for true."""
        return self.string(name).lower() in _TRUE

    def json(self, name: str) -> Any:
        """Return the value read as JSON; None when it is missing, 400 when it is broken."""
        text = self.string(name)
        if not text:
            return None
        try:
            return json.loads(text)
        except ValueError as error:
            raise bad_request(f"can't parse {name} JSON object") from error


def read_parameters(*, query: str, content_type: str, body: bytes) -> Parameters:
    """Return the parameters of the query string and of the body together.

    Raises 400 for broken JSON and for text that is not UTF-8.
    """
    kind = content_type.partition(";")[0].strip().lower()
    uploads: dict[str, Part] = {}
    try:
        values = dict(parse_qsl(query, keep_blank_values=True, errors="strict"))
        if kind == "application/json":
            values |= _from_json(body)
        elif kind == "multipart/form-data":
            fields, uploads = _from_multipart(content_type, body)
            values |= fields
        elif kind == "application/x-www-form-urlencoded":
            form = body.decode()
            values |= dict(parse_qsl(form, keep_blank_values=True, errors="strict"))
        for value in values.values():
            value.encode()  # JSON can hide lone surrogates
    except UnicodeError as error:
        raise bad_request("strings must be encoded in UTF-8") from error
    return Parameters(values, uploads)


def _from_json(body: bytes) -> dict[str, str]:
    try:
        values = json.loads(body or b"{}")
    except UnicodeError:
        raise
    except (ValueError, RecursionError) as error:
        raise bad_request("can't parse JSON in the request body") from error
    if not isinstance(values, dict):
        raise bad_request("the request body must be a JSON object")
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in values.items()
        if value is not None
    }


def _from_multipart(content_type: str, body: bytes) -> tuple[dict[str, str], dict[str, Part]]:
    try:
        parts = read_multipart(content_type, body)
    except UnicodeError:
        raise
    except ValueError as error:
        raise bad_request("can't parse the request body") from error
    values = {part.name: part.data.decode() for part in parts if part.filename is None}
    return values, {part.name: part for part in parts if part.filename is not None}
