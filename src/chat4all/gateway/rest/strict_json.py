"""Reading a JSON body exactly: strict types, bounded depth, storable text.

Litestar would decode to plain values and then convert leniently ("1" for 1); here the body
is decoded straight into the type of the handler's `data`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import msgspec

from chat4all.domain.errors import InvalidInput
from chat4all.gateway.rest.schemas.text import IN_WORDS

MAX_DEPTH = 32
"""Nesting of arrays and objects."""


def decode(body: bytes, type_: Any) -> Any:
    """Return the value of `type_` that `body` describes. Raises `InvalidInput`."""
    try:
        if body.count(b"[") + body.count(b"{") > MAX_DEPTH:
            _check_depth(msgspec.json.decode(body))
        value = _decode(body, type_)
    except msgspec.ValidationError as error:
        raise InvalidInput("the body breaks a rule", [explain(str(error))]) from error
    except UnicodeDecodeError as error:
        raise InvalidInput("the body is not UTF-8", [("", "not UTF-8")]) from error
    except RecursionError as error:
        raise _too_deep() from error
    except msgspec.DecodeError as error:
        if b"\\ud" in body.lower():
            _refuse(body, _is_lone_surrogate, "a lone surrogate is not text")
        raise InvalidInput("the body is not JSON", [("", str(error))]) from error
    if b"\\u0000" in body:
        _refuse(body, _has_nul, "the character U+0000 cannot be kept")
    return value


def _decode(body: bytes, type_: Any) -> Any:
    try:
        return _decoder(type_).decode(body)
    except msgspec.ValidationError as error:
        if not str(error).startswith("Expected `int`, got `float`"):
            raise
        # 5.0 is an integer to JSON Schema, as numbers have one kind in JSON
        return _decoder(type_).decode(msgspec.json.encode(_integral(msgspec.json.decode(body))))


def _integral(value: object) -> object:
    if isinstance(value, dict):
        return {key: _integral(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_integral(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def explain(message: str) -> tuple[str, str]:
    """Return the JSON pointer and the words of a msgspec message.

    >>> explain("Expected `int`, got `str` - at `$.items[2].size`")
    ('/items/2/size', 'expected `int`, got `str`')
    >>> explain("Object missing required field `text` - at `$.payload`")
    ('/payload/text', 'required')
    """
    detail, _, place = message.partition(" - at ")
    detail = IN_WORDS.get(detail, detail)
    path = place.strip("`").removeprefix("key in ").strip("`").removeprefix("$")
    parts = [part for part in path.replace("[", ".").replace("]", "").split(".") if part]
    for start, words in (
        ("Object missing required field `", "required"),
        ("Object contains unknown field `", "unknown field"),
    ):
        if detail.startswith(start):
            parts.append(detail.removeprefix(start).rstrip("`"))
            detail = words
    pointer = "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)
    return pointer, detail[:1].lower() + detail[1:]


@lru_cache(256)
def _decoder(type_: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(type_)


def _too_deep() -> InvalidInput:
    detail = f"nested deeper than {MAX_DEPTH} levels"
    return InvalidInput(f"the body is {detail}", [("", detail)])


def _check_depth(value: object) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for one in level for child in _children(one)]
        if not level:
            return
    raise _too_deep()


def _children(value: object) -> list[object]:
    if isinstance(value, dict):
        return [one for one in value.values() if isinstance(one, (dict, list))]
    if isinstance(value, list):
        return [one for one in value if isinstance(one, (dict, list))]
    return []


def _refuse(body: bytes, wrong: Callable[[str], bool], detail: str) -> None:
    try:
        value = json.loads(body)
    except ValueError:
        return
    found = [(pointer, detail) for pointer, text in _texts(value, "") if wrong(text)]
    if found:
        raise InvalidInput("the body holds text that cannot be kept", found[:20])


def _texts(value: object, pointer: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield pointer, value
    elif isinstance(value, dict):
        for key, one in value.items():
            shown = str(key).encode("utf-8", "replace").decode().replace("\x00", "")
            place = f"{pointer}/{shown.replace('~', '~0').replace('/', '~1')}"
            yield place, str(key)
            yield from _texts(one, place)
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from _texts(one, f"{pointer}/{index}")


def _has_nul(text: str) -> bool:
    return "\x00" in text


def _is_lone_surrogate(text: str) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in text)
