"""Whether a task is still to be done, by what the statuses of its message say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from chat4all.domain.delivery import DeliveryTask
from chat4all.domain.errors import ChannelError
from chat4all.domain.failover import NOT_SENT_IN_TIME, SUPERSEDED
from chat4all.domain.ids import MessageId, UserId
from chat4all.domain.status import Status, StatusEntry
from chat4all.ports.message_store import MessageHistory


class Settled(Exception):
    """There is nothing left to do: it was done, or given up."""


class There(Exception):
    """The group has the message already, for another of its members."""

    def __init__(self, entry: StatusEntry) -> None:
        super().__init__(entry.external_id)
        self.entry = entry


async def statuses_of(
    store: MessageHistory, messages: Collection[MessageId]
) -> Mapping[MessageId, Sequence[StatusEntry]]:
    """Return the statuses of each message that has some."""
    found: defaultdict[MessageId, list[StatusEntry]] = defaultdict(list)
    for entry in await store.statuses(messages):
        found[entry.message_id].append(entry)
    return found


def check_open(task: DeliveryTask, entries: Sequence[StatusEntry]) -> None:
    """Raise when `task` is not to be done any more.

    `Settled` when it was done or given up for all whom it reaches, `There` when the same
    chat has the message, and a `ChannelError` when other channels have brought it to all.
    """
    settled: set[UserId] = set()
    brought: dict[UserId, str] = {}
    for entry in entries:
        if entry.channel == task.channel:
            if entry.status >= Status.SENT or _is_given_up(entry):
                settled.add(entry.user_id)
        elif task.unless is not None and entry.status >= task.unless:
            brought[entry.user_id] = entry.channel
    left = [user for user in task.users if user not in settled]
    if not left:
        raise Settled
    if all(user in brought for user in left):
        raise ChannelError(f"{brought[left[0]]} has brought it", retry=False, reason=SUPERSEDED)
    chat = (task.channel, task.account_id, task.address)
    for entry in entries:
        at = (entry.channel, entry.account_id, entry.address)
        if at == chat and entry.external_id is not None:
            raise There(entry)


def _is_given_up(entry: StatusEntry) -> bool:
    return entry.error is not None and entry.error.code == NOT_SENT_IN_TIME
