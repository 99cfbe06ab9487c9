"""The role `auditor`: proves the promises on what is stored, at a pace, for ever."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from chat4all.bootstrap.core import Core
from chat4all.bootstrap.fleet import Keep
from chat4all.domain.errors import BadSettings, InvalidInput
from chat4all.router.planner import EXPIRES_AFTER
from chat4all.router.worker import GROUP
from chat4all.services.addresses import Address
from chat4all.services.audit.auditor import Auditor
from chat4all.services.audit.course import Course, Patience
from chat4all.services.audit.cursors import CursorsCourse
from chat4all.services.audit.files import FilesCourse
from chat4all.services.audit.log_against_store import LogAgainstStore
from chat4all.services.audit.log_course import LogCourse
from chat4all.services.audit.numbers import NumbersCourse
from chat4all.services.audit.refusals import Refusals
from chat4all.services.audit.spare import Spare
from chat4all.services.audit.statuses import DeadlinesCourse, StatusesCourse
from chat4all.services.audit.whole_check import WholeCheck
from chat4all.services.canary import Canary, CanaryAddress
from chat4all.services.clock import utc_now
from chat4all.services.file_meter import FileMeter


def start_auditor(core: Core, keep: Keep, *, speaks: bool = True) -> None:
    """Audit at the pace of the settings; `keep` has one process do it.

    A process that `speaks` to platforms, or to those who do, sends the canary as well.
    """
    settings = core.settings
    canary = _canary(core)
    if settings.canary.split() and speaks:
        core.running.start("canary", partial(keep, "canary", canary.run))
    if not settings.audit_rate:
        return
    auditor = Auditor(
        [*_stored(core, _patience(core), core.metrics.files), *_log(core)],
        core.storage.messages,
        core.metrics.audit,
        rate=settings.audit_rate,
        spare=Spare(),
        canary=lambda: canary.latest,
    )
    core.running.start("auditor", partial(keep, "auditor", auditor.run))


def whole_check(core: Core) -> WholeCheck:
    """Return what looks at everything when it is asked."""
    patience, records = _patience(core), core.files.storage.records

    async def files() -> dict[str, int]:
        return {"files": sum([1 async for _ in records.every()])}

    def courses() -> Sequence[Course]:
        judge = LogAgainstStore(core.storage.messages, Refusals(core.storage.log))
        log = LogCourse(core.storage.log, judge, group=GROUP, again=True, wait=False)
        return [*_stored(core, patience, None), log]

    return WholeCheck(courses, core.storage.messages.counts, files)


def _canary(core: Core) -> Canary:
    pairs = [one.partition(":") for one in core.settings.canary.split()]
    written = [Address(platform=platform, external_id=address) for platform, _, address in pairs]
    try:
        addresses = core.addresses.all(written)
    except InvalidInput as error:
        raise BadSettings(f"CHAT4ALL_CANARY: {error}") from error
    return Canary(
        core.directory,
        core.storage.log,
        core.storage.messages,
        core.metrics.canary,
        addresses=[CanaryAddress(one.platform, one.external_id) for one in addresses],
        capabilities=core.capabilities,
        every=core.settings.canary_seconds,
    )


def _patience(core: Core) -> Patience:
    return Patience(grace=timedelta(seconds=core.settings.audit_grace_seconds), since=utc_now())


def _stored(core: Core, patience: Patience, meter: FileMeter | None) -> Sequence[Course]:
    messages, files = core.storage.messages, core.files.storage
    return [
        NumbersCourse(messages),
        CursorsCourse(messages),
        StatusesCourse(messages, patience, worth=EXPIRES_AFTER),
        DeadlinesCourse(core.directory.failovers, patience),
        FilesCourse(files.records, files.objects, meter=meter),
    ]


def _log(core: Core) -> Sequence[Course]:
    log = core.storage.log
    judge = LogAgainstStore(core.storage.messages, Refusals(log))
    return [LogCourse(log, judge, group=GROUP, again=again) for again in (False, True)]
