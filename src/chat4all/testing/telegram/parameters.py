"""The parameters of a Bot API request, in any of the four ways a client may send them.

https://core.telegram.org/bots/api#making-requests
"""

from __future__ import annotations

import json
from email.parser import BytesParser
from email.policy import HTTP
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from chat4all.testing.telegram.errors import bad_request

if TYPE_CHECKING:
    from collections.abc import Mapping

_TRUE = frozenset({"true", "yes", "1"})


class Parameters:
    """Named strings, as Telegram sees them: JSON values count as their JSON text."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

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
    try:
        values = dict(parse_qsl(query, keep_blank_values=True, errors="strict"))
        if kind == "application/json":
            values |= _from_json(body)
        elif kind == "multipart/form-data":
            values |= _from_multipart(content_type, body)
        elif kind == "application/x-www-form-urlencoded":
            form = body.decode()
            values |= dict(parse_qsl(form, keep_blank_values=True, errors="strict"))
        for value in values.values():
            value.encode()  # JSON can hide lone surrogates
    except UnicodeError as error:
        raise bad_request("strings must be encoded in UTF-8") from error
    return Parameters(values)


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


def _from_multipart(content_type: str, body: bytes) -> dict[str, str]:
    head = b"content-type: " + content_type.encode("latin-1") + b"\r\n\r\n"
    values: dict[str, str] = {}
    for part in BytesParser(policy=HTTP).parsebytes(head + body).iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        # A part with a file name is an upload (a certificate): nothing here needs one.
        if isinstance(name, str) and isinstance(content, bytes) and part.get_filename() is None:
            values[name] = content.decode()
    return values
