"""What is shown of the auditor; no label names what was found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from opentelemetry.metrics import CallbackOptions, Meter, Observation


class AuditMetrics:
    """The instruments of the auditor. A process that does not audit shows none of the gauges."""

    def __init__(self, meter: Meter) -> None:
        self._looked = meter.create_counter(
            "chat4all.integrity.looked", description="records that the auditor looked at, by part"
        )
        self._found = meter.create_counter(
            "chat4all.integrity.found", description="broken promises when first found, by check"
        )
        self._findings: Mapping[str, int] = {}
        self._until: dict[str, datetime] = {}
        self._took: dict[str, float] = {}
        meter.create_observable_gauge(
            "chat4all.integrity.findings",
            [self._observe_findings],
            description="broken promises there are, by check",
        )
        meter.create_observable_gauge(
            "chat4all.integrity.proven.age",
            [self._observe_age],
            unit="s",
            description="how long ago the time is until which a part is proven",
        )
        meter.create_observable_gauge(
            "chat4all.integrity.cycle",
            [self._observe_cycle],
            unit="s",
            description="how long the last whole pass of a part took",
        )

    def looked(self, part: str, count: int) -> None:
        """Count records that were looked at."""
        self._looked.add(count, {"part": part})

    def found(self, check: str) -> None:
        """Count a finding that was not known."""
        self._found.add(1, {"check": check})

    def findings(self, by_check: Mapping[str, int]) -> None:
        """Show how many there are now."""
        self._findings = by_check

    def proven(self, part: str, until: datetime, cycle_seconds: float | None) -> None:
        """Show until when a part is proven, and how long its last pass took."""
        self._until[part] = until
        if cycle_seconds is not None:
            self._took[part] = cycle_seconds

    def ended(self) -> None:
        """Show nothing any more."""
        self._findings, self._until, self._took = {}, {}, {}

    def _observe_findings(self, _: CallbackOptions) -> Iterable[Observation]:
        return [Observation(count, {"check": name}) for name, count in self._findings.items()]

    def _observe_age(self, _: CallbackOptions) -> Iterable[Observation]:
        now = datetime.now(UTC)
        return [
            Observation((now - until).total_seconds(), {"part": part})
            for part, until in self._until.items()
        ]

    def _observe_cycle(self, _: CallbackOptions) -> Iterable[Observation]:
        return [Observation(seconds, {"part": part}) for part, seconds in self._took.items()]
