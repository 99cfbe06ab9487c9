"""What every directory promises about the channels that are left to try."""

from __future__ import annotations

from dataclasses import replace

from chat4all.domain.failover import Deadlines, FailoverPlan
from chat4all.domain.ids import ConversationId, MessageId, UserId
from chat4all.ports.directory import Directory
from chat4all.testing.directory_examples import minutes


def failover(message: str, *, due: float | None = None, expires: float = 60.0) -> FailoverPlan:
    """Make a plan; times are in minutes."""
    return FailoverPlan(
        message_id=MessageId(message),
        user_id=UserId("ana"),
        conversation_id=ConversationId("talk"),
        channels=("pigeon", "raven"),
        deadlines=Deadlines(deliver_within=30.5),
        due_at=None if due is None else minutes(due),
        expires_at=minutes(expires),
    )


class FailoversContract:
    """Duties of `Failovers`."""

    async def test_a_plan_comes_back_as_it_was_last_put(
        self, directory: Directory, peer: Directory
    ) -> None:
        plan = failover("m1", due=5)
        assert await directory.failovers.get(plan.message_id, plan.user_id) is None
        await directory.failovers.put(plan)
        assert await peer.failovers.get(plan.message_id, plan.user_id) == plan
        changed = replace(plan, due_at=None, deadlines=Deadlines(read_within=7.0))
        await peer.failovers.put(changed)
        assert await directory.failovers.get(plan.message_id, plan.user_id) == changed
        assert await directory.failovers.get(plan.message_id, UserId("bia")) is None

    async def test_what_is_due_comes_earliest_first_and_the_rest_not_at_all(
        self, directory: Directory, peer: Directory
    ) -> None:
        late, soon = failover("late", due=9), failover("soon", due=2)
        for plan in (late, soon, failover("later", due=10.01), failover("never")):
            await directory.failovers.put(plan)
        assert await peer.failovers.due(minutes(10), limit=10) == [soon, late]
        assert await peer.failovers.due(minutes(10), limit=1) == [soon]
        assert await peer.failovers.due(minutes(1), limit=10) == []

    async def test_what_has_expired_can_be_forgotten(self, directory: Directory) -> None:
        old, new = failover("old", due=1, expires=10), failover("new", due=1, expires=20)
        for plan in (old, new):
            await directory.failovers.put(plan)
        assert await directory.failovers.forget(minutes(15)) == 1
        assert await directory.failovers.due(minutes(30), limit=10) == [new]
