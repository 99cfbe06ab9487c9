"""The approved templates of a business account, and how their places are filled.

https://developers.facebook.com/docs/whatsapp/business-management-api/message-templates
https://developers.facebook.com/docs/whatsapp/cloud-api/guides/send-message-templates
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chat4all.connectors.whatsapp.contents import text_at
from chat4all.domain.templates import Place, Template

Json = Mapping[str, Any]

_MARK = re.compile(r"\{\{\s*([0-9]+|[a-z_][a-z0-9_]*)\s*\}\}")
_PLAIN_BUTTONS = frozenset({"QUICK_REPLY", "PHONE_NUMBER", "URL", "VOICE_CALL"})
"""Buttons that need no parameter, or one word of a web address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slot:
    """Where a parameter goes in a call: `key` is its name there, if it has one."""

    component: str
    key: str | None = None
    button: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """A template, and where each of its parameters goes."""

    template: Template
    slots: tuple[_Slot, ...]

    def components(self, parameters: Sequence[str]) -> list[dict[str, Any]]:
        """Return the `components` of a call that fill its places with `parameters`."""
        found: dict[tuple[str, int | None], dict[str, Any]] = {}
        for slot, words in zip(self.slots, parameters, strict=True):
            component: dict[str, Any] = {"type": slot.component, "parameters": []}
            if slot.button is not None:
                component |= {"sub_type": "url", "index": str(slot.button)}
            parameter = {"type": "text", "text": words}
            if slot.key is not None:
                parameter["parameter_name"] = slot.key
            kept = found.setdefault((slot.component, slot.button), component)
            kept["parameters"].append(parameter)
        return list(found.values())


def approved_of(answer: Json) -> Iterator[Approved]:
    """Return the templates of an answer that are approved and that words can fill."""
    for raw in _objects(answer.get("data")):
        if raw.get("status") == "APPROVED" and (found := _approved(raw)) is not None:
            yield found


class _Reading:
    """Joins the parts of a template into one text, and counts its places."""

    def __init__(self, *, by_name: bool) -> None:
        self._by_name = by_name
        self.lines: list[str] = []
        self.places: list[Place] = []
        self.slots: list[_Slot] = []

    def add(self, words: str, component: str, examples: Json, *, button: int | None = None) -> None:
        def numbered(mark: re.Match[str]) -> str:
            key = mark[1] if self._by_name and button is None else None
            self.slots.append(_Slot(component=component, key=key, button=button))
            number = len(self.slots)
            self.places.append(Place(name=key or str(number), example=examples.get(mark[1])))
            return f"{{{{{number}}}}}"

        self.lines.append(_MARK.sub(numbered, words))


def _approved(raw: Json) -> Approved | None:
    name, language = text_at(raw, "name"), text_at(raw, "language")
    if name is None or language is None:
        return None
    reading = _Reading(by_name=text_at(raw, "parameter_format") == "NAMED")
    for component in _objects(raw.get("components")):
        if not _read(component, reading):
            return None
    template = Template(
        name=name,
        language=language,
        text="\n\n".join(reading.lines),
        places=tuple(reading.places),
        category=text_at(raw, "category"),
    )
    return Approved(template=template, slots=tuple(reading.slots)) if template.text else None


def _read(component: Json, reading: _Reading) -> bool:
    """Add a component; say whether words are all that it takes."""
    kind, words = component.get("type"), text_at(component, "text") or ""
    if kind == "HEADER" and component.get("format", "TEXT") == "TEXT":
        reading.add(words, "header", _examples(component, "header_text"))
    elif kind == "BODY":
        reading.add(words, "body", _examples(component, "body_text"))
    elif kind == "FOOTER":
        reading.lines.append(words)
    elif kind == "BUTTONS":
        return all(
            _button(button, number, reading)
            for number, button in enumerate(_objects(component.get("buttons")))
        )
    else:
        return False  # a picture, a carousel, an offer: words do not make them
    return True


def _button(button: Json, number: int, reading: _Reading) -> bool:
    label = text_at(button, "text") or ""
    if url := text_at(button, "url"):
        given = button.get("example")
        first = given[0] if isinstance(given, list) and given else None
        examples = {"1": first} if isinstance(first, str) else {}
        reading.add(f"{label}: {url}", "button", examples, button=number)
    elif phone := text_at(button, "phone_number"):
        reading.lines.append(f"{label}: {phone}")
    return button.get("type") in _PLAIN_BUTTONS


def _examples(component: Json, key: str) -> dict[str, str]:
    """Return a word that would fit for each place, by its number or name."""
    example = component.get("example")
    if not isinstance(example, dict):
        return {}
    named = {
        str(one.get("param_name")): str(one.get("example"))
        for one in _objects(example.get(f"{key}_named_params"))
    }
    row = example.get(key)
    row = row[0] if isinstance(row, list) and row and isinstance(row[0], list) else row
    numbered = row if isinstance(row, list) else []
    return named or {str(at): str(one) for at, one in enumerate(numbered, 1)}


def _objects(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
