"""The type of a file, from its first bytes.

What a browser might run is found by the rules of https://mimesniff.spec.whatwg.org; the
signatures of binary formats are those of the library `filetype`. What the sender says only
chooses among types that the bytes allow.
"""

from __future__ import annotations

import mimetypes
import re

import filetype  # type: ignore[import-untyped] # it has no stubs

HEAD_BYTES = 8192
"""How much of a file is looked at."""
UNKNOWN, TEXT = "application/octet-stream", "text/plain"

_BINARY = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
"""Bytes that no text has, as the standard counts them."""
_MARKS = ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"), (b"\xef\xbb\xbf", "utf-8"))
_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,63}")

_PROLOGUE = re.compile(
    r"(?:\s+|<!--.*?-->|<\?.*?\?>|<!doctype\s[^<>\[]*(?:\[.*?\]\s*)?>)*", re.DOTALL | re.IGNORECASE
)
_ROOT = re.compile(r"<([a-z][a-z0-9:._-]*)", re.IGNORECASE)
_HTML_NAMES = """
a abbr article audio b base blockquote body br button center details div dl embed font
form frame frameset h1 h2 h3 h4 h5 h6 head header hr html i iframe img input link main
math meta nav object ol p pre script section select span strong style table template
textarea title ul video
"""
_OF_HTML = frozenset(_HTML_NAMES.split())
_BEGINNINGS = (
    ("%PDF-", "application/pdf"),
    ("{\\rtf", "application/rtf"),
    ("%!PS-Adobe-", "application/postscript"),
    ("BEGIN:VCARD", "text/vcard"),
    ("<?php", "application/x-httpd-php"),
)

_CANONICAL = {
    "application/x-executable": "application/x-elf",
    "application/x-msdownload": "application/vnd.microsoft.portable-executable",
    "application/x-rar-compressed": "application/vnd.rar",
    "audio/x-aiff": "audio/aiff",
    "audio/x-flac": "audio/flac",
    "audio/x-wav": "audio/wav",
    "image/apng": "image/png",
    "image/x-icon": "image/vnd.microsoft.icon",
    "video/x-m4v": "video/mp4",
}
_KNOWN = frozenset(one.mime for one in filetype.types) | frozenset(_CANONICAL.values())
_CONTAINERS = (
    frozenset(
        {"video/mp4", "audio/mp4", "audio/x-m4a", "video/quicktime", "video/3gpp", "audio/3gpp"}
    ),
    frozenset({"video/webm", "audio/webm", "video/x-matroska", "audio/x-matroska"}),
    frozenset({"audio/ogg", "video/ogg"}),
)
"""Types whose first bytes are the same: which of them it is, only its streams can tell."""
_ZIPPED = ("application/vnd.", "application/epub+zip", "application/java-archive")
_TEXTUAL_NAMES = """
application/json application/ld+json application/javascript application/ecmascript
application/x-javascript application/sql application/toml application/yaml
application/x-yaml application/xml application/x-sh application/x-shellscript
application/x-httpd-php application/x-subrip application/pgp-keys
"""
_TEXTUAL = frozenset(_TEXTUAL_NAMES.split())
_NAMES = mimetypes.MimeTypes()


def type_of(head: bytes, *, name: str, claimed: str) -> str:
    """Return the type of a file that begins with `head` (`HEAD_BYTES` of it, or all)."""
    claims = _claims(name, claimed)
    text = _decoded(head)
    markup = _markup(head.decode("utf-8", "replace") if text is None else text)
    if markup is not None:
        return markup
    if text is not None:
        return _type_of_text(text, claims)
    found = filetype.guess_mime(head)
    if found is None:
        return next((one for one in claims if _unrecognisable(one)), UNKNOWN)
    found = _CANONICAL.get(found, found)
    return next((one for one in claims if _alike(found, one)), found)


def with_streams(mime_type: str, *, video: bool) -> str:
    """Return the type of a recording, now that it is known whether it has pictures."""
    kind, _, name = mime_type.partition("/")
    if kind == "video" and not video and name in ("mp4", "webm", "x-matroska", "3gpp"):
        return f"audio/{name}"
    if video and mime_type in (
        "audio/mp4",
        "audio/webm",
        "audio/x-matroska",
        "audio/ogg",
        "audio/3gpp",
    ):
        return f"video/{name}"
    return "video/mp4" if video and mime_type == "audio/x-m4a" else mime_type


def _claims(name: str, claimed: str) -> list[str]:
    said = claimed.partition(";")[0].strip().lower()
    guessed = _NAMES.guess_type(name.rpartition("/")[2])[0] or ""
    return [one for one in (said, guessed) if _TYPE.fullmatch(one) and one != UNKNOWN]


def _decoded(head: bytes) -> str | None:
    """Return the text that these bytes are; None when they are none."""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            text = head[len(mark) :].decode(encoding, "ignore")
            return None if _BINARY.search(text.encode()) else text
    return None if _BINARY.search(head) else head.decode("utf-8", "replace")


def _type_of_text(text: str, claims: list[str]) -> str:
    for beginning, mime_type in _BEGINNINGS:
        if text.startswith(beginning):
            return mime_type
    textual = next((one for one in claims if _is_textual(one)), None)
    if text.startswith("#!") and textual in (None, TEXT):
        return "text/x-shellscript"
    return textual or TEXT


def _markup(text: str) -> str | None:
    """Return the type of a text that a browser might take for a document."""
    start = text.lstrip()
    xml = start.startswith("<?xml")
    rest = start[_end_of_prologue(start) :]
    root = _ROOT.match(rest)
    name = root[1].lower().rpartition(":")[2] if root else ""
    if name == "svg":
        return "image/svg+xml"
    if xml:
        return "application/xhtml+xml" if name == "html" else "application/xml"
    html = name in _OF_HTML or start[:9].lower() == "<!doctype" or start.startswith("<!--")
    return "text/html" if html else None


def _end_of_prologue(text: str) -> int:
    found = _PROLOGUE.match(text)
    return found.end() if found else 0


def _is_textual(mime_type: str) -> bool:
    return (
        mime_type.startswith("text/")
        or mime_type.endswith(("+xml", "+json"))
        or mime_type in _TEXTUAL
    )


def _unrecognisable(claim: str) -> bool:
    """Say whether a binary type has no signature that would have shown."""
    return claim.startswith("application/") and claim not in _KNOWN and not _is_textual(claim)


def _alike(found: str, claim: str) -> bool:
    if found == "application/zip":
        return claim.startswith(_ZIPPED) and not claim.endswith(("+xml", "+json"))
    return any(found in group and claim in group for group in _CONTAINERS)
