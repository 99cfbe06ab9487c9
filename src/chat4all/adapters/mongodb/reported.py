"""Status entries: facts that are added while they move an attempt forward.

Entries of a message are numbered, 1, 2, 3 ..., in the order they counted; the unique index
on the number lets no two writers decide on the same state. Ids follow the clock of whoever
wrote, and so put entries of several messages in order as well as clocks can.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from pymongo.errors import BulkWriteError

from chat4all.adapters.mongodb.errors import duplicates_only
from chat4all.adapters.mongodb.schema import Collection as Entries
from chat4all.adapters.mongodb.schema import Document
from chat4all.domain.errors import Unavailable
from chat4all.domain.status import Status, moves_forward

_TRIES = 10
_OWN = ("_id", "number")


async def add_statuses(entries: Entries, reported: Sequence[Document]) -> None:
    """Add those of `reported` that are news."""
    for _ in range(_TRIES if reported else 0):
        stored = await statuses_of(entries, {one["message_id"] for one in reported})
        news = _news(stored, reported)
        if not news:
            return
        try:
            await entries.insert_many(news, ordered=True)
        except BulkWriteError as error:
            if not duplicates_only(error):
                raise
        else:
            return
    if reported:
        raise Unavailable("others report on the same messages at the same time")


async def statuses_of(
    entries: Entries, messages: Collection[str]
) -> Mapping[str, Sequence[Document]]:
    """Return the entries of each message, oldest first."""
    found: defaultdict[str, list[Document]] = defaultdict(list)
    asked = {"message_id": {"$in": list(messages)}}
    async for entry in entries.find(asked).sort([("message_id", 1), ("number", 1)]):
        found[entry["message_id"]].append(entry)
    return found


def in_order(stored: Mapping[str, Sequence[Document]]) -> list[Document]:
    """Return the entries of several messages, oldest first.

    Within a message the number counts, also where the clock of its writer was late.
    """
    placed: list[tuple[str, int, Document]] = []
    for entries in stored.values():
        latest = ""
        for entry in entries:
            latest = max(latest, entry["_id"])
            placed.append((latest, entry["number"], entry))
    return [entry for *_, entry in sorted(placed, key=lambda place: place[:2])]


def _news(stored: Mapping[str, Sequence[Document]], reported: Sequence[Document]) -> list[Document]:
    facts: defaultdict[tuple[str, str, str], list[Document]] = defaultdict(list)
    count: defaultdict[str, int] = defaultdict(int)

    def take(entry: Document) -> None:
        facts[_attempt(entry)].append(_fact(entry))
        count[entry["message_id"]] += 1

    for entries in stored.values():
        for entry in entries:
            take(entry)
    news: list[Document] = []
    for entry in reported:
        known = facts[_attempt(entry)]
        latest = Status(known[-1]["status"]) if known else None
        if _fact(entry) not in known and moves_forward(latest, Status(entry["status"])):
            take(entry)
            news.append({**entry, "number": count[entry["message_id"]]})
    return news


def _attempt(entry: Document) -> tuple[str, str, str]:
    return (entry["message_id"], entry["user_id"], entry["channel"])


def _fact(entry: Document) -> Document:
    return {key: value for key, value in entry.items() if key not in _OWN}
