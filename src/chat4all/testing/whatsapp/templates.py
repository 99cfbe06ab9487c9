"""Templates of the simulated WhatsApp: how they are listed, and what a call makes of one.

https://developers.facebook.com/docs/whatsapp/business-management-api/message-templates
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chat4all.testing.whatsapp.errors import GraphError

_MARK = re.compile(r"\{\{([0-9a-z_]+)\}\}")
_PAGE = 25
_MOST = 6_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Template:
    """A text that was approved beforehand; `{{1}}` and so on, or `{{name}}`, are its places.

    `picture` says that a picture goes above it. `url` is the address of a button. One whose
    `status` is another than APPROVED is listed, and refused.
    """

    name: str
    language: str
    body: str
    header: str | None = None
    footer: str | None = None
    url: str | None = None
    picture: bool = False
    status: str = "APPROVED"
    category: str = "UTILITY"
    examples: Sequence[str] = field(default_factory=tuple)

    @property
    def named(self) -> bool:
        """Say whether its places have names rather than numbers."""
        return any(not one.isdecimal() for one in _MARK.findall(self.body))

    def listed(self, number: int) -> dict[str, Any]:
        """Return it as the API lists it."""
        components = [self._text("BODY", self.body, self.examples)]
        if self.header is not None:
            components.insert(0, {**self._text("HEADER", self.header), "format": "TEXT"})
        if self.picture:
            components.insert(0, {"type": "HEADER", "format": "IMAGE"})
        if self.footer is not None:
            components.append({"type": "FOOTER", "text": self.footer})
        if self.url is not None:
            button = {"type": "URL", "text": "Open", "url": self.url}
            example = {"example": [_MARK.sub("1", self.url)]} if _MARK.search(self.url) else {}
            components.append({"type": "BUTTONS", "buttons": [{**button, **example}]})
        return {
            "name": self.name,
            "parameter_format": "NAMED" if self.named else "POSITIONAL",
            "components": components,
            "language": self.language,
            "status": self.status,
            "category": self.category,
            "id": f"{5600000000000 + number}",
        }

    def _text(self, kind: str, text: str, given: Sequence[str] = ()) -> dict[str, Any]:
        """Return a component; whoever wrote a text with places had to give examples for them."""
        names = _MARK.findall(text)
        words = [*given, *names[len(given) :]]
        key = f"{kind.lower()}_text"
        if not names:
            return {"type": kind, "text": text}
        example: dict[str, Any] = {key: [words] if kind == "BODY" else words}
        if self.named:
            pairs = zip(names, words, strict=True)
            example = {f"{key}_named_params": [{"param_name": a, "example": b} for a, b in pairs]}
        return {"type": kind, "text": text, "example": example}

    def shown(self, components: object) -> str:
        """Return what a phone shows of it, filled in. Raises `GraphError` as WhatsApp does."""
        listed = components if isinstance(components, list) else []
        given = [one for one in listed if isinstance(one, dict)]
        if self.picture and not any(str(one.get("type")).lower() == "header" for one in given):
            raise GraphError(132012, "header: Format mismatch, expected IMAGE, received UNKNOWN")
        parts = (("header", self.header), ("body", self.body), ("button", self.url))
        texts = [
            _filled(text, _parameters(given, kind), kind)
            for kind, text in parts
            if text is not None
        ]
        return "\n".join([*texts, *([self.footer] if self.footer else [])])


def page(templates: Sequence[Template], query: Mapping[str, str]) -> dict[str, Any]:
    """Return one page of a list, as `status`, `limit` and `after` ask."""
    wanted = [one for one in templates if query.get("status", one.status) == one.status]
    first, limit = int(query.get("after") or 0), int(query.get("limit") or _PAGE)
    last = first + limit
    listed = [one.listed(first + at) for at, one in enumerate(wanted[first:last])]
    paging: dict[str, Any] = {"cursors": {"before": str(first), "after": str(last)}}
    if last < len(wanted):
        paging["next"] = f"https://graph.facebook.com/next?after={last}"
    if "summary" not in query:
        return {"data": listed, "paging": paging}
    summary = {
        "total_count": len(wanted),
        "message_template_count": len(templates),
        "message_template_limit": _MOST,
        "are_translations_complete": True,
    }
    return {"data": listed, "paging": paging, "summary": summary}


def shown(templates: Sequence[Template], content: Mapping[str, Any]) -> str:
    """Return what a phone shows of the template that a call names."""
    language = content.get("language")
    code = language.get("code") if isinstance(language, dict) else None
    for one in templates:
        if (one.name, one.language) == (content.get("name"), code):
            if one.status == "PAUSED":
                raise GraphError(132015, "the template is paused due to low quality")
            if one.status == "APPROVED":
                return one.shown(content.get("components"))
    raise GraphError(
        132001, f"template name ({content.get('name')}) does not exist in {code}", status=404
    )


def _filled(text: str, parameters: Sequence[Mapping[str, Any]], kind: str) -> str:
    places = _MARK.findall(text)
    if len(parameters) != len(places):
        raise GraphError(
            132000,
            f"{kind}: number of localizable_params ({len(parameters)}) does not match the "
            f"expected number of params ({len(places)})",
        )
    words = {
        str(one.get("parameter_name", at)): str(one.get("text", ""))
        for at, one in enumerate(parameters, 1)
    }
    missing = [one for one in places if not words.get(one)]
    if missing:
        raise GraphError(131008, f"{kind}: parameter name is missing or empty: {missing[0]}")
    if any(re.search(r"[\n\t]| {5}", one) for one in words.values()):
        detail = "Param text cannot have new-line/tab characters or more than 4 consecutive spaces"
        raise GraphError(132018, f"{kind}: {detail}")
    return _MARK.sub(lambda mark: words[mark[1]], text)


def _parameters(components: Sequence[Mapping[str, Any]], kind: str) -> list[Mapping[str, Any]]:
    return [
        one
        for component in components
        if str(component.get("type")).lower() == kind
        for one in component.get("parameters", [])
        if isinstance(one, dict)
    ]
