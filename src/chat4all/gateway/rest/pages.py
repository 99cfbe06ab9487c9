"""Lists in pages: `{items, next}` with an opaque `next`.

What `next` holds is ours alone: the key of the page's last item, as text that any server
of the deployment understands.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, TypeVar

from litestar.params import QueryParameter

from chat4all.gateway.rest.schemas.text import UUID

T = TypeVar("T")

Limit = Annotated[
    int, QueryParameter(ge=1, le=100, description="At most so many items; a page may hold fewer.")
]
LongLimit = Annotated[
    int, QueryParameter(ge=1, le=200, description="At most so many items; a page may hold fewer.")
]
AfterId = Annotated[
    str | None,
    QueryParameter(
        name="cursor",
        max_length=36,
        pattern=f"^{UUID}\\Z",
        description="The `next` of the page before.",
    ),
]
"""The cursor of lists that are in the order of their ids."""


def cut(items: Sequence[T], limit: int) -> tuple[Sequence[T], bool]:
    """Return the page out of `limit + 1` items that were asked for, and whether more follow."""
    return items[:limit], len(items) > limit
