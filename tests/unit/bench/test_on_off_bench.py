"""What is told of a product with something on and with it off."""

from __future__ import annotations

import pytest

from bench.on_off import OFF, Measured, lines_of
from tests.unit.bench.test_bench_math import outcome


def measured(accepted: float, loop: float, threads: float) -> Measured:
    busy = outcome(accepted, server_loop_cpu=loop, server_threads_cpu=threads)
    return Measured(phases={"capacity": busy, "half": outcome(1.0)}, findings=None)


def test_the_processor_time_of_a_message_is_told_of_the_loop_and_of_other_threads() -> None:
    rounds = [{OFF: measured(2_000, 0.8, 0.2), "on": measured(1_000, 0.6, 0.15)}]
    lines = {what: value.median for what, value in lines_of(rounds)}
    assert lines["off: server's us of processor a message"] == pytest.approx(500.0)
    assert lines["on: server's us of processor a message"] == pytest.approx(750.0)
    assert lines["on / off, processor time a message"] == pytest.approx(1.5)
    assert lines["on / off, accepted"] == pytest.approx(0.5)
