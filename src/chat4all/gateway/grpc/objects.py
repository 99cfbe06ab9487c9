"""The objects of the API as Protobuf messages, and back: one rule for all of them.

A field has the name that it has in JSON, and an object with a `type` is a message with a
`oneof`, whose member has the name of the type. So what REST tells gRPC tells as well, and
what gRPC is sent is held to the rules of REST.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple, TypeVar

import msgspec
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, OneofDescriptor
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import ListValue, Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp

from chat4all.domain.errors import InvalidInput

M = TypeVar("M", bound=Message)

RENAMED = {"from": "sender_id"}
"""Names of JSON that are words of programming languages."""
LARGEST = 2**53
"""Up to here a double is a whole number exactly, and is shown as one."""


def filled(message: M, told: Mapping[str, Any]) -> M:
    """Put what JSON would tell into `message`; return it. What is None is left out.

    Raises `LookupError` for what the message has no field for.
    """
    union = _union(message.DESCRIPTOR)
    if union is not None and "type" in told:
        told = _untagged(union, told)
    fields = message.DESCRIPTOR.fields_by_name
    for name, value in told.items():
        if value is None:
            continue
        field = fields.get(RENAMED.get(name, name))
        if field is None:
            raise LookupError(f"{message.DESCRIPTOR.full_name} has no field for {name}")
        _put(message, field, value)
    return message


def shown(message: M, result: object) -> M:
    """Put structs of the API, or a mapping of them, into `message`; return it."""
    return filled(message, msgspec.to_builtins(result, builtin_types=(datetime,)))


def plain(message: Message) -> dict[str, Any]:
    """Return what JSON would tell: texts, enums and lists that are empty are left out."""
    told: dict[str, Any] = {}
    for one in _shapes(message.DESCRIPTOR):
        if one.optional and not message.HasField(one.name):
            continue
        value = getattr(message, one.name)
        if one.may_be_empty and not value:
            continue
        if one.chosen:
            told |= {"type": one.name, **plain(value)}
        else:
            told[one.name] = _plain(one, value)
    return told


_MAY_BE_EMPTY = frozenset({FieldDescriptor.CPPTYPE_STRING, FieldDescriptor.CPPTYPE_ENUM})


class _Shape(NamedTuple):
    """What there is to know of a field: asking its descriptor each time costs more than its value.

    `chosen` is a member of the union of its message, `words` are those of an enum.
    """

    name: str
    optional: bool
    may_be_empty: bool
    chosen: bool
    many: bool
    words: Mapping[int, str] | None


@cache
def _shapes(descriptor: Descriptor) -> tuple[_Shape, ...]:
    union = _union(descriptor)
    return tuple(
        _Shape(
            name=field.name,
            optional=field.has_presence,
            may_be_empty=not field.has_presence
            and (field.is_repeated or field.cpp_type in _MAY_BE_EMPTY),
            chosen=union is not None and field.containing_oneof is union,
            many=field.is_repeated,
            words=None if field.enum_type is None else _words(field.enum_type),
        )
        for field in descriptor.fields
    )


@cache
def _union(descriptor: Descriptor) -> OneofDescriptor | None:
    """Return the `oneof` of a message; that of an optional field is none."""
    return next((one for one in descriptor.oneofs if not one.name.startswith("_")), None)


def _untagged(union: OneofDescriptor, told: Mapping[str, Any]) -> dict[str, Any]:
    chosen = told["type"]
    members = {field.name for field in union.fields}
    if chosen not in members:
        raise LookupError(f"{union.full_name} has no member for {chosen}")
    beside = {
        field.name for field in union.containing_type.fields if field.containing_oneof is not union
    }
    rest = {name: value for name, value in told.items() if name != "type"}
    inside = {name: value for name, value in rest.items() if name not in beside}
    return {chosen: inside, **{name: value for name, value in rest.items() if name in beside}}


def _put(message: Message, field: Any, value: Any) -> None:
    kind = field.message_type
    if kind is None:
        if field.is_repeated:
            getattr(message, field.name).extend(value)
        else:
            setattr(message, field.name, _scalar(field, value))
    elif _is_map(kind):
        for key, one in value.items():
            filled(getattr(message, field.name)[key], one)
    elif field.is_repeated:
        for one in value:
            filled(getattr(message, field.name).add(), one)
    else:
        _put_message(getattr(message, field.name), value)


@cache
def _is_map(kind: Descriptor) -> bool:
    is_map: bool = kind.GetOptions().map_entry
    return is_map


def _put_message(inner: Message, value: Any) -> None:
    inner.SetInParent()
    if isinstance(inner, Timestamp):
        at = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        inner.FromDatetime(at)
    elif isinstance(inner, Struct):
        inner.update(value)
    else:
        filled(inner, value)


def _scalar(field: Any, value: Any) -> Any:
    return value if field.enum_type is None else _numbers(field.enum_type)[value]


def _plain(shape: _Shape, value: Any) -> Any:
    if shape.words is not None:
        return shape.words.get(value, str(value))
    if shape.many:
        return [plain(one) if isinstance(one, Message) else one for one in value]
    if isinstance(value, Struct):
        return {name: _json(one) for name, one in value.fields.items()}
    return plain(value) if isinstance(value, Message) else value


@cache
def _words(kind: EnumDescriptor) -> dict[int, str]:
    """Return the words of an enum: what its values have in common is not part of them."""
    first = kind.values_by_number[0].name
    prefix = first.removesuffix("UNSPECIFIED")
    return {one.number: one.name.removeprefix(prefix).lower() for one in kind.values}


@cache
def _numbers(kind: EnumDescriptor) -> dict[str, int]:
    return {word: number for number, word in _words(kind).items()}


def _json(value: Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "number_value":
        return _number(value.number_value)
    if kind == "struct_value":
        return {name: _json(one) for name, one in value.struct_value.fields.items()}
    if kind == "list_value":
        items: ListValue = value.list_value
        return [_json(one) for one in items.values]
    return None if kind in {None, "null_value"} else getattr(value, kind)


def _number(number: float) -> float | int:
    if not math.isfinite(number):
        raise InvalidInput("a number is not finite", [("", f"{number} is no number of JSON")])
    return int(number) if number.is_integer() and abs(number) < LARGEST else number
