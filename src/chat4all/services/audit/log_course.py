"""Goes through the commands of the log: new ones once, and all that is kept again and again."""

from __future__ import annotations

from collections.abc import Mapping

from chat4all.domain.events import Position
from chat4all.ports.event_log import COMMANDS
from chat4all.services.audit.course import Place, Step
from chat4all.services.audit.log_against_store import LogAgainstStore
from chat4all.services.audit.refusals import ReadableLog

AGAIN = "log_again"


class LogCourse:
    """One pass goes to where the log ended when it began, and waits for `group` to come there.

    With `again` every pass begins with the oldest record, else with what the last one left.
    One that does not `wait` ends where the group is. A step reads one partition, the one that
    is furthest behind.
    """

    ledger = AGAIN

    def __init__(
        self,
        log: ReadableLog,
        judge: LogAgainstStore,
        *,
        group: str,
        again: bool,
        wait: bool = True,
    ) -> None:
        self.name = AGAIN if again else "log"
        self._wait = wait
        self._log = log
        self._judge = judge
        self._group = group
        self._again = again

    async def step(self, place: Place, limit: int) -> Step:
        """Judge the next commands; see the protocol."""
        at = _places(place, "at")
        goal = _places(place, "goal")
        is_new = not goal
        if is_new:
            goal = {end.partition: end.offset for end in await self._log.ends(COMMANDS)}
        done = {one.partition: one.offset for one in self._log.done(COMMANDS, self._group)}
        if is_new and not self._wait:
            goal = {part: min(end, done.get(part, -1)) for part, end in goal.items()}
        ready = {
            part: min(end, done.get(part, -1)) - at.get(part, -1) for part, end in goal.items()
        }
        looked, findings = 0, []
        behind = max(ready, key=lambda part: ready[part], default=None)
        if behind is not None and ready[behind] > 0:
            after = Position(behind, at.get(behind, -1))
            up_to = after.offset + ready[behind]
            found = await self._log.read(COMMANDS, after=after, limit=limit)
            records = [one for one in found if one.position.offset <= up_to]
            findings = await self._judge.judge(records)
            looked = len(records)
            # Nothing where there should be something was trimmed: all have done it.
            at[behind] = records[-1].position.offset if records else up_to
        over = all(at.get(part, -1) >= end for part, end in goal.items())
        if not over:
            following: Place = {"at": _kept(at), "goal": _kept(goal)}
        else:
            following = None if self._again else {"at": _kept(at)}
        return Step(looked=looked, place=following, findings=findings, over=over)


def _places(place: Place, name: str) -> dict[int, int]:
    found: Mapping[str, int] = (place or {}).get(name) or {}
    return {int(part): offset for part, offset in found.items()}


def _kept(places: Mapping[int, int]) -> dict[str, int]:
    return {str(part): offset for part, offset in places.items()}
