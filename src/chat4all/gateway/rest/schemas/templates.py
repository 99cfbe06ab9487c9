"""Texts that a platform approved beforehand."""

from __future__ import annotations

from typing import Self

from msgspec import Struct

from chat4all.domain.templates import Template


class TemplatePlace(Struct, frozen=True, kw_only=True):
    """Where a template takes one of the `parameters`: its name, and one that would fit."""

    name: str
    example: str | None


class ApprovedTemplate(Struct, frozen=True, kw_only=True):
    """A text that can be sent at any time.

    `text` has `{{1}}`, `{{2}}` ... for its `places`, in the order of the `parameters`.
    `category` is the platform's own word.
    """

    name: str
    language: str
    text: str
    places: list[TemplatePlace]
    category: str | None

    @classmethod
    def of(cls, template: Template) -> Self:
        """Return `template` as the API shows it."""
        return cls(
            name=template.name,
            language=template.language,
            text=template.text,
            places=[TemplatePlace(name=one.name, example=one.example) for one in template.places],
            category=template.category,
        )


class ApprovedTemplates(Struct, frozen=True, kw_only=True):
    """All of an account's that can be sent; one page."""

    items: list[ApprovedTemplate]
    next: str | None = None
