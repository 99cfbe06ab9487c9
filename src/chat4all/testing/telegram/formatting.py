"""Text with entities: what `parse_mode` asks for and what Telegram finds by itself.

https://core.telegram.org/bots/api#formatting-options. HTML is understood; Markdown is
taken as plain text.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from chat4all.testing.telegram.errors import bad_request
from chat4all.testing.telegram.files import MAX_CAPTION
from chat4all.testing.telegram.model import MAX_TEXT, Content

if TYPE_CHECKING:
    from chat4all.testing.telegram.files import Media
    from chat4all.testing.telegram.model import Json

_PARSE_MODES = frozenset({"", "html", "markdown", "markdownv2", "none"})
_FOUND = re.compile(
    r"(?P<url>https?://[^\s<>\"]+)"
    r"|(?<![\w/])(?P<bot_command>/[A-Za-z0-9_]{1,32}(?:@\w+)?)(?![\w/])"
    r"|(?<!\w)(?P<mention>@[A-Za-z]\w{3,31})"
)
_TAGS = {
    "b": "bold", "strong": "bold", "i": "italic", "em": "italic",
    "u": "underline", "ins": "underline",
    "s": "strikethrough", "strike": "strikethrough", "del": "strikethrough",
    "code": "code", "pre": "pre", "a": "text_link",
    "span": "spoiler", "tg-spoiler": "spoiler", "blockquote": "blockquote",
}  # fmt: skip


def utf16_length(text: str) -> int:
    """Return the length in UTF-16 code units, which is how Telegram counts in entities.

    Not so for its limits: they are of characters, so that an emoji counts as one. TDLib, which
    its server of the Bot API is made of, compares them with the number of code points.
    """
    return len(text.encode("utf-16-le")) // 2


def text_content(text: str, *, parse_mode: str = "") -> Content:
    """Return the content for `text` as Telegram would keep it: parsed and trimmed.

    Raises 400 when it is empty, too long, or its formatting is broken.
    """
    if not text:
        raise bad_request("message text is empty")
    text, entities = _parsed(text, parse_mode)
    if not text:
        raise bad_request("text must be non-empty")
    if len(text) > MAX_TEXT:
        raise bad_request("message is too long")
    return Content(text=text, entities=entities)


def media_content(
    media: Media, caption: str, *, parse_mode: str = "", album: str | None = None
) -> Content:
    """Return the content for a file and its caption, which may be empty."""
    caption, entities = _parsed(caption, parse_mode)
    if len(caption) > MAX_CAPTION:
        raise bad_request("message caption is too long")
    return Content(media=media, caption=caption or None, entities=entities, album=album)


def _parsed(text: str, parse_mode: str) -> tuple[str, tuple[Json, ...]]:
    if parse_mode.lower() not in _PARSE_MODES:
        raise bad_request("unsupported parse_mode")
    entities: list[Json] = []
    if parse_mode.lower() == "html":
        text, entities = _parse_html(text)
    text, entities = _trim(text, entities)
    entities += _found_in(text)
    entities.sort(key=lambda entity: (entity["offset"], -entity["length"]))
    return text, tuple(entities)


def _found_in(text: str) -> list[Json]:
    return [
        {
            "type": match.lastgroup,
            "offset": utf16_length(text[: match.start()]),
            "length": utf16_length(match.group()),
        }
        for match in _FOUND.finditer(text)
    ]


def _trim(text: str, entities: list[Json]) -> tuple[str, list[Json]]:
    lead = utf16_length(text) - utf16_length(text.lstrip())
    trimmed = text.strip()
    end = utf16_length(trimmed)
    kept: list[Json] = []
    for entity in entities:
        first = max(entity["offset"] - lead, 0)
        last = min(entity["offset"] - lead + entity["length"], end)
        if last > first:
            kept.append({**entity, "offset": first, "length": last - first})
    return trimmed, kept


def _parse_html(text: str) -> tuple[str, list[Json]]:
    stray = re.search(r"<(?![/A-Za-z])", text)
    if stray is not None:
        raise _unsupported("", text[: stray.start()])
    parser = _Html(text)
    parser.feed(text)
    parser.close()
    return parser.finish()


def _unsupported(tag: str, before: str) -> Exception:
    place = len(before.encode())
    return bad_request(
        f'can\'t parse entities: Unsupported start tag "{tag}" at byte offset {place}'
    )


class _Html(HTMLParser):
    """Collects the text and the entities of Telegram's HTML."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self._source = source
        self._text = ""
        self._open: list[tuple[str, Json]] = []
        self._entities: list[Json] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _TAGS:
            raise _unsupported(tag, self._source.partition(f"<{tag}")[0])
        entity: Json = {"type": _TAGS[tag], "offset": utf16_length(self._text)}
        if tag == "a":
            entity["url"] = dict(attrs).get("href") or ""
        self._open.append((tag, entity))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1][0] != tag:
            raise bad_request(f'can\'t parse entities: Unmatched end tag "{tag}"')
        _, entity = self._open.pop()
        entity["length"] = utf16_length(self._text) - entity["offset"]
        if entity["length"]:
            self._entities.append(entity)

    def handle_data(self, data: str) -> None:
        self._text += data

    def finish(self) -> tuple[str, list[Json]]:
        """Return text and entities; raise 400 when a tag was left open."""
        if self._open:
            tag = self._open[-1][0]
            raise bad_request(
                f"can't parse entities: Can't find end tag corresponding to start tag \"{tag}\""
            )
        return self._text, self._entities
