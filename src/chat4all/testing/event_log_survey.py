"""What every log must know of itself."""

from __future__ import annotations

from chat4all.ports.event_log import COMMANDS
from chat4all.testing.event_log_reading import FullLog, append, collect, later


class SurveyContract:
    """The part of `EventLogContract` about `SupportsSurvey`."""

    async def test_a_survey_tells_how_far_everybody_is(self, log: FullLog) -> None:
        """Also of who is not there any more, and of a group that nobody heard of."""
        places = [await append(log, "k", number) for number in range(5)]
        async with log.consume(COMMANDS, "slow") as consumer:
            records = await collect(consumer, 5)
            await consumer.commit(records[1].position)
            assert (await log.survey(COMMANDS)).readers == 1
        survey = await log.survey(COMMANDS)
        last = places[-1]
        assert survey.ends[last.partition] == last.offset
        assert (survey.lag("slow"), survey.lag("unknown")) == (3, 5)
        assert COMMANDS in await log.streams()
        dropped = await log.trim(COMMANDS, before=later())
        survey = await log.survey(COMMANDS)
        assert survey.lag("unknown") == 5 - dropped
        assert survey.ends[last.partition] == last.offset

    async def test_a_survey_of_nothing_is_empty(self, log: FullLog) -> None:
        """And makes no stream."""
        survey = await log.survey("nothing")
        assert (set(survey.ends.values()) - {-1}, survey.done, survey.readers) == (set(), {}, 0)
        assert "nothing" not in await log.streams()
