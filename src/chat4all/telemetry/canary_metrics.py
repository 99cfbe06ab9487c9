"""What is measured of the canary, by channel pair."""

from __future__ import annotations

from opentelemetry.metrics import Meter


class CanaryMetrics:
    """The instruments of the canary."""

    def __init__(self, meter: Meter) -> None:
        self._flights = meter.create_counter(
            "chat4all.canary.messages", description="messages of the canary, by what became of them"
        )
        self._seconds = meter.create_histogram(
            "chat4all.canary.duration",
            unit="s",
            description="from accepted to delivered, by channel pair",
        )

    def flown(self, source: str, target: str, outcome: str, seconds: float | None) -> None:
        """Count a message, and when it arrived how long it took."""
        pair = {"source": source, "target": target}
        self._flights.add(1, {**pair, "outcome": outcome})
        if seconds is not None:
            self._seconds.record(seconds, pair)
