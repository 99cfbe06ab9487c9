"""An audit takes what a process does not need itself."""

from __future__ import annotations

import pytest

from chat4all.services.audit.spare import LEAST_SHARE, Spare


@pytest.mark.parametrize(
    ("used", "share"),
    [(0.0, 1.0), (0.5, 0.75), (1.0, 0.5), (1.9, LEAST_SHARE), (3.0, LEAST_SHARE)],
)
def test_the_share_is_what_the_processor_time_of_the_last_while_leaves(
    used: float, share: float
) -> None:
    clocks = {"used": 100.0, "passed": 50.0}
    spare = Spare(lambda: clocks["used"], lambda: clocks["passed"])
    clocks["used"], clocks["passed"] = 102.0, 52.0
    assert spare() == LEAST_SHARE  # it was busy before
    clocks["used"] += used
    clocks["passed"] += 2.0
    assert spare() == pytest.approx(share)


def test_asking_twice_at_once_is_no_error() -> None:
    spare = Spare(lambda: 1.0, lambda: 1.0)
    assert spare() == spare() == 1.0
