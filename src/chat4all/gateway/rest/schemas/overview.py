"""How a process does, for the admin page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Self

from msgspec import Struct

from chat4all.telemetry.overview import Aim, ChannelWork, Overview
from chat4all.telemetry.recent import SLOT_SECONDS


class OverviewSeries(Struct, frozen=True, kw_only=True):
    """One value per slot of `slot_seconds`, oldest first; the last one is still going on.

    Requests, errors and messages are per second; p50 and p95 are seconds, null without requests.
    """

    requests: list[float]
    errors: list[float]
    p50: list[float | None]
    p95: list[float | None]
    messages: list[float]
    lag: list[float]
    connections: list[float]


class ServiceAim(Struct, frozen=True, kw_only=True):
    """A measurement, null without requests, what it should be, and whether it is."""

    value: float | None
    target: float
    kept: bool

    @classmethod
    def of(cls, aim: Aim) -> Self:
        """Return `aim` as the API shows it."""
        return cls(value=aim.value, target=aim.target, kept=aim.kept)


class ChannelActivity(Struct, frozen=True, kw_only=True):
    """What a channel brought in and reported in the last hour."""

    channel: str
    received: int
    sent: int
    delivered: int
    read: int
    failed: int

    @classmethod
    def of(cls, work: ChannelWork) -> Self:
        """Return `work` as the API shows it."""
        return cls(
            channel=work.channel,
            received=work.received,
            sent=work.sent,
            delivered=work.delivered,
            read=work.read,
            failed=work.failed,
        )


class ProcessOverview(Struct, frozen=True, kw_only=True):
    """The process that answers: the last quarter of an hour as series, the last hour in sums.

    `availability` and `p95` are of the hour, `errors` (the part of 5xx) of five minutes. `stores`
    is false where another process stores messages; `missing` tells what is not ready, and why.
    """

    at: datetime
    started_at: datetime
    slot_seconds: int
    series: OverviewSeries
    requests: int
    availability: ServiceAim
    p95: ServiceAim
    errors: ServiceAim
    channels: list[ChannelActivity]
    stores: bool
    missing: dict[str, str]

    @classmethod
    def of(cls, seen: Overview, missing: Mapping[str, str]) -> Self:
        """Return `seen` as the API shows it."""
        series = seen.series
        return cls(
            at=seen.at,
            started_at=seen.started_at,
            slot_seconds=SLOT_SECONDS,
            series=OverviewSeries(
                requests=list(series.requests),
                errors=list(series.errors),
                p50=list(series.p50),
                p95=list(series.p95),
                messages=list(series.messages),
                lag=list(series.lag),
                connections=list(series.connections),
            ),
            requests=seen.requests,
            availability=ServiceAim.of(seen.availability),
            p95=ServiceAim.of(seen.p95),
            errors=ServiceAim.of(seen.errors),
            channels=[ChannelActivity.of(one) for one in seen.channels],
            stores=seen.stores,
            missing=dict(missing),
        )
