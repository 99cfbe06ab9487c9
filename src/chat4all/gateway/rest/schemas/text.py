"""Bounded text and ids."""

from __future__ import annotations

from typing import Annotated, Any

from litestar.params import PathParameter, QueryParameter
from msgspec import Meta

# Patterns end in \Z because $ would let a newline through; the document says $ (openapi.py).
UUID = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
NO_NUL: dict[str, Any] = {"pattern": "^[^\\u0000]*$"}
"""What `strict_json` refuses everywhere, said in the document."""

Uuid = Annotated[
    str,
    Meta(
        pattern=f"^{UUID}\\Z",
        max_length=36,
        description="A UUID; upper case is read as lower case.",
    ),
]
UuidPath = Annotated[
    str, PathParameter(pattern=f"^{UUID}\\Z", max_length=36, description="A UUID.")
]
UuidQuery = Annotated[
    str | None, QueryParameter(pattern=f"^{UUID}\\Z", max_length=36, description="A UUID.")
]
UuidList = Annotated[
    str,
    QueryParameter(
        pattern=f"^{UUID}(,{UUID}){{0,99}}\\Z",
        max_length=3_699,
        description="1 to 100 UUIDs, separated by commas.",
    ),
]
SearchWords = Annotated[
    str,
    QueryParameter(
        name="query",
        max_length=100,
        pattern="^[^\\u0000]*\\Z",
        description="Part of a name; empty for all.",
    ),
]
PathText = "^[^\\u0000-\\u001f/]+\\Z"
"""What can stand in one segment of a path."""

Name = Annotated[str, Meta(min_length=1, max_length=200, extra_json_schema=NO_NUL)]
Username = Annotated[
    str,
    Meta(
        min_length=3,
        max_length=64,
        pattern="^[A-Za-z0-9][A-Za-z0-9._@-]*\\Z",
        description="Compared without regard to case.",
    ),
]
Password = Annotated[str, Meta(min_length=8, max_length=256, extra_json_schema=NO_NUL)]
Email = Annotated[
    str,
    Meta(
        max_length=254,
        pattern="^[A-Za-z0-9._%+'-]+@[A-Za-z0-9.-]+\\Z",
    ),
]
Platform = Annotated[
    str,
    Meta(
        max_length=32,
        pattern="^[a-z][a-z0-9_-]*\\Z",
        description="A channel's name, such as `telegram`; `app` is Chat4All itself.",
    ),
]
ExternalId = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        extra_json_schema={"pattern": "^(\\+[1-9][0-9]{6,14}|[^+\\u0000][^\\u0000]*)$"},
        description="The id on the platform; what starts with a plus is a phone number in E.164. "
        "It comes back as the platform writes it: WhatsApp without the plus.",
    ),
]
JSON_VALUE: dict[str, Any] = {
    "description": "Any JSON value without the character U+0000.",
    "anyOf": [
        {"type": ["null", "boolean", "number"]},
        {"type": "string", **NO_NUL},
        {"type": "array", "items": {"$ref": "#/components/schemas/JsonValue"}},
        {
            "type": "object",
            "propertyNames": NO_NUL,
            "additionalProperties": {"$ref": "#/components/schemas/JsonValue"},
        },
    ],
}
JsonObject = Annotated[
    dict[str, Any],
    Meta(
        max_length=50,
        description="Any JSON object, at most 50 keys, 16 KiB and 24 levels.",
        extra_json_schema={
            "propertyNames": NO_NUL,
            "additionalProperties": {"$ref": "#/components/schemas/JsonValue"},
        },
    ),
]

IN_WORDS = {
    f"Expected `str` matching regex {pattern!r}": f"expected {words}"
    for pattern, words in (
        (f"^{UUID}\\Z", "a UUID, such as 0192f0c1-7c3e-7b1d-8f52-3a6d1c9e4b70"),
        (f"^{UUID}(,{UUID}){{0,99}}\\Z", "1 to 100 UUIDs, separated by commas"),
        (
            "^[A-Za-z0-9][A-Za-z0-9._@-]*\\Z",
            "letters without accents, digits and . _ @ -, and a letter or a digit first",
        ),
        ("^[A-Za-z0-9._%+'-]+@[A-Za-z0-9.-]+\\Z", "an address such as ana@example.com"),
        ("^[a-z][a-z0-9_-]*\\Z", "a name in small letters, such as `telegram`"),
    )
}
"""What a regular expression would tell nobody: the words of msgspec, and ours."""
