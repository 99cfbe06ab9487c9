"""What moving an installation to other engines asks of them, beside their own ports."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from chat4all.domain.ids import ConversationId, FileId, MessageId

Row = Mapping[str, Any]
"""One row of a table: the value of each column by its name."""
Key = tuple[str, ...]
"""What tells a row from all others of its table."""


class SupportsConversations(Protocol):
    """Knowing what a message store holds, whatever the directory still knows of it."""

    def conversations(self) -> AsyncIterator[ConversationId]:
        """Yield every conversation of which anything is kept, by id; bounded memory."""
        ...


class SupportsCopies(Protocol):
    """Knowing that what is here is a copy on its way, which nobody must use yet."""

    async def is_unfinished(self) -> bool:
        """Say whether a copy was begun and not ended."""
        ...

    async def set_unfinished(self, unfinished: bool) -> None:  # noqa: FBT001 - it is what it sets
        """Keep durably that a copy was begun, or that it was ended."""
        ...


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """That a message showed a file, and whether it still does."""

    file_id: FileId
    message_id: MessageId
    shown: bool


class SupportsReferences(Protocol):
    """Knowing which messages show which files."""

    def references(self) -> AsyncIterator[Reference]:
        """Yield every pair that was ever attached, by file and message; bounded memory."""
        ...


class Tables(Protocol):
    """A storage as rows, exactly as they are kept, hashes and tokens included."""

    @property
    def names(self) -> Sequence[str]:
        """The tables; one that refers to another comes after it."""
        ...

    def key(self, table: str, row: Row) -> Key:
        """Return what tells `row` from all others of its table."""
        ...

    async def count(self, table: str) -> int:
        """Return how many rows there are."""
        ...

    async def page(self, table: str, *, after: Key | None = None, limit: int) -> Sequence[Row]:
        """Return the first `limit` rows by key, or those whose key comes after `after`."""
        ...

    async def at(self, table: str, keys: Sequence[Key]) -> Sequence[Row]:
        """Return the rows with these keys, in any order; those that are missing are left out."""
        ...

    async def add(self, table: str, rows: Sequence[Row]) -> None:
        """Keep those rows whose key is not there, all or none; the others stay as they are.

        Raises `Conflict` when another row has what only one may have.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """One stream of a log as its keeper knows it.

    By partition, `starts` has the first offset that is still kept and `ends` the last that
    was given away, also where everything was dropped since; `done` up to where each known
    group has committed. `readers` are the consumers that are at it now, in any process, where
    the log can tell.
    """

    starts: Mapping[int, int]
    ends: Mapping[int, int]
    done: Mapping[str, Mapping[int, int]]
    readers: int = 0

    def lag(self, group: str) -> int:
        """Return how many records `group` has yet to commit; one that is not known, all."""
        done = self.done.get(group, {})
        return sum(
            max(0, end - max(self.starts.get(number, 0) - 1, done.get(number, -1)))
            for number, end in self.ends.items()
        )


class SupportsSurvey(Protocol):
    """Knowing what a log holds. It is asked when called, so it waits and is exact."""

    async def streams(self) -> Sequence[str]:
        """Return the streams that something was appended to, or that somebody read."""
        ...

    async def survey(self, stream: str) -> Survey:
        """Return how far a stream and its groups are; nothing of one that is not known."""
        ...
