"""What every part of a move does, and how it tells how far it is."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from typing import Protocol, TypeVar

from chat4all.domain.errors import MoveRefused

T = TypeVar("T")


class Meter(Protocol):
    """Is told how far a part is; shows it to people."""

    def begin(self, what: str, total: int | None = None) -> None:
        """Begin to do `what`, with `total` things to do, where that is known."""
        ...

    def moved(self, count: int) -> None:
        """Note that `count` more are done."""
        ...


class Part(Protocol):
    """One kind of data on its way to another engine."""

    async def require(self) -> None:
        """Look whether it can be moved, and change nothing. Raises `MoveRefused`."""
        ...

    async def copy(self) -> None:
        """Bring what is missing at the target; a repeat goes on where the last one ended.

        Raises `MoveRefused` for a target that holds something else in its place.
        """
        ...

    async def verify(self) -> dict[str, int]:
        """Compare every piece on both sides; return how many there are, by kind.

        Raises `MoveRefused` when they differ.
        """
        ...


def foreign(what: str) -> MoveRefused:
    """Return the refusal of a target that is not a copy of the source."""
    return MoveRefused(
        f"the target holds {what} that the source does not have so: it is no unfinished copy of "
        "the source, or it was used since; name an empty target"
    )


def differs(what: str) -> MoveRefused:
    """Return the refusal of a copy that is not like the source."""
    return MoveRefused(
        f"the copy is not like the source: {what}; go on using the source, and run the command "
        "again, to an empty target if this comes again"
    )


async def grouped(items: AsyncIterable[T], size: int) -> AsyncIterator[list[T]]:
    """Yield `items` in lists of up to `size`."""
    group: list[T] = []
    async for one in items:
        group.append(one)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group
