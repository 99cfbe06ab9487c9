"""How a process does, in numbers that make pictures: the last minutes, and the aims."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from chat4all.telemetry.recent import SLOT_SECONDS, SLOTS, Recent, Slot, quantile

SHOWN = 180
"""Slots that are drawn: a quarter of an hour."""
LAG, CONNECTIONS = "chat4all.router.lag", "chat4all.connections"
AVAILABILITY, P95, ERRORS = 0.9995, 0.2, 0.01
"""The aims: part of the answers that are no 5xx, seconds, part of the answers that are."""
ERROR_SLOTS = 60
"""The slots in which errors are held against their limit: five minutes, as the alert does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One value per slot, oldest first. Rates are per second; None is where nothing was."""

    requests: Sequence[float]
    errors: Sequence[float]
    p50: Sequence[float | None]
    p95: Sequence[float | None]
    messages: Sequence[float]
    lag: Sequence[float]
    connections: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What is measured against what it should be; None where nothing was measured."""

    value: float | None
    target: float
    kept: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelWork:
    """What a channel brought in and reported in the last hour."""

    channel: str
    received: int
    sent: int
    delivered: int
    read: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The last hour of this process; `stores` says whether messages are stored by it."""

    at: datetime
    started_at: datetime
    series: Series
    requests: int
    availability: Aim
    p95: Aim
    errors: Aim
    channels: Sequence[ChannelWork]
    stores: bool


def overview(recent: Recent) -> Overview:
    """Return how this process does now."""
    hour = recent.slots(SLOTS)
    requests = sum(slot.requests for slot in hour)
    failed = sum(slot.errors for slot in hour)
    slowest = quantile(0.95, _answered(hour))
    lately = hour[-ERROR_SLOTS:]
    asked = sum(slot.requests for slot in lately)
    errors = sum(slot.errors for slot in lately) / asked if asked else None
    available = 1 - failed / requests if requests else None
    return Overview(
        at=_time(hour[-1].began),
        started_at=_time(recent.started),
        series=_series(hour[-SHOWN:]),
        requests=requests,
        availability=Aim(
            value=available,
            target=AVAILABILITY,
            kept=available is None or available >= AVAILABILITY,
        ),
        p95=Aim(value=slowest, target=P95, kept=slowest is None or slowest <= P95),
        errors=Aim(value=errors, target=ERRORS, kept=errors is None or errors <= ERRORS),
        channels=_channels(hour),
        stores=recent.watches(LAG),
    )


def _series(slots: Sequence[Slot]) -> Series:
    return Series(
        requests=[slot.requests / SLOT_SECONDS for slot in slots],
        errors=[slot.errors / SLOT_SECONDS for slot in slots],
        p50=[quantile(0.5, slot.answered) for slot in slots],
        p95=[quantile(0.95, slot.answered) for slot in slots],
        messages=[slot.messages.total() / SLOT_SECONDS for slot in slots],
        lag=[slot.gauges.get(LAG, 0.0) for slot in slots],
        connections=[slot.gauges.get(CONNECTIONS, 0.0) for slot in slots],
    )


def _answered(slots: Sequence[Slot]) -> list[int]:
    return [sum(counts) for counts in zip(*(slot.answered for slot in slots), strict=True)]


def _channels(slots: Sequence[Slot]) -> list[ChannelWork]:
    received: dict[str, int] = {}
    reported: dict[tuple[str, str], int] = {}
    for slot in slots:
        for channel, count in slot.messages.items():
            received[channel] = received.get(channel, 0) + count
        for key, count in slot.reports.items():
            reported[key] = reported.get(key, 0) + count
    names = {*received, *(channel for channel, _ in reported)}
    return [
        ChannelWork(
            channel=name,
            received=received.get(name, 0),
            sent=reported.get((name, "sent"), 0),
            delivered=reported.get((name, "delivered"), 0),
            read=reported.get((name, "read"), 0),
            failed=reported.get((name, "failed"), 0),
        )
        for name in sorted(names)
    ]


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
