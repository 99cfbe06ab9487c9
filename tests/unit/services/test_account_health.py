"""The states of a connector account, on a clock of their own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from chat4all.domain.directory import Account
from chat4all.domain.errors import ChannelError
from chat4all.domain.ids import AccountId, UserId
from chat4all.ports.connector import Pending
from chat4all.services.account_health import FAILURES, AccountHealth, AccountState
from chat4all.services.health_board import HealthBoard

START = datetime(2026, 1, 31, 12, tzinfo=UTC)
BOT = AccountId("bot")


def account(account_id: AccountId = BOT) -> Account:
    return Account(
        id=account_id,
        platform="paper",
        name="Shop",
        owner_id=UserId("ana"),
        config={"token": "12:secret"},
        created_at=START,
        updated_at=START,
    )


class Office:
    """A board whose clock is moved by hand."""

    def __init__(self) -> None:
        self.now = START
        self.board = HealthBoard(now=lambda: self.now)
        self.board.starts(account())

    def passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def state(self) -> AccountState:
        health = self.board.of(BOT)
        assert health is not None
        return health.state

    def fail(self, code: str = "network", times: int = 1) -> None:
        for _ in range(times):
            self.board.failed(BOT, code, f"it said {code}")


@pytest.fixture
def office() -> Office:
    return Office()


def test_an_account_is_connected_once_a_call_succeeds(office: Office) -> None:
    assert office.state() is AccountState.STARTING
    office.passes(5)
    office.board.answered(BOT)
    health = office.board.of(BOT)
    assert health is not None
    assert (health.state, health.since) == (
        AccountState.CONNECTED,
        START + timedelta(seconds=5),
    )
    assert (health.last_inbound_at, health.last_outbound_at) == (None, None)


def test_it_remembers_when_something_last_came_and_went(office: Office) -> None:
    office.passes(1)
    office.board.sent(BOT)
    office.passes(1)
    office.board.received(BOT)
    health = office.board.of(BOT)
    assert health is not None
    assert health.last_outbound_at == START + timedelta(seconds=1)
    assert health.last_inbound_at == START + timedelta(seconds=2)


def test_failures_in_a_row_degrade_it_and_one_success_ends_that(office: Office) -> None:
    office.board.answered(BOT)
    office.fail(times=FAILURES - 1)
    office.board.sent(BOT)
    office.fail(times=FAILURES - 1)
    assert office.state() is AccountState.CONNECTED
    office.fail()
    assert office.state() is AccountState.DEGRADED
    office.board.sent(BOT)
    assert office.state() is AccountState.CONNECTED


@pytest.mark.parametrize(
    ("code", "state"),
    [("unauthorized", AccountState.LOGGED_OUT), ("banned", AccountState.BANNED)],
)
def test_some_answers_shut_it_out_at_once_until_a_call_succeeds(
    office: Office, code: str, state: AccountState
) -> None:
    office.board.answered(BOT)
    office.board.refused(BOT, ChannelError("go away", retry=False, reason=code))
    assert office.state() is state
    office.fail(times=FAILURES)
    assert office.state() is state, "failures after it say less"
    office.board.answered(BOT)
    assert office.state() is AccountState.CONNECTED


def test_what_concerns_one_chat_says_nothing_of_the_account(office: Office) -> None:
    office.board.answered(BOT)
    for reason in ("blocked", "not_found", "too_long") * FAILURES:
        office.board.refused(BOT, ChannelError("no", retry=False, reason=reason))
    assert office.state() is AccountState.CONNECTED


def test_a_poll_that_does_not_return_in_three_times_its_wait_is_deaf(office: Office) -> None:
    office.board.answered(BOT)
    office.board.polling(BOT, wait=25)
    office.passes(74.9)
    assert office.board.deaf() == []
    office.passes(0.1)
    assert office.board.deaf() == [BOT]
    office.board.sent(BOT)
    assert office.state() is AccountState.DEAF, "that it hears us does not mean that we hear it"
    office.board.polled(BOT, events=0)
    assert office.state() is AccountState.CONNECTED


def test_a_pause_between_polls_is_no_poll_that_does_not_return(office: Office) -> None:
    office.board.polling(BOT, wait=25)
    office.fail()
    office.passes(1_000)
    assert office.board.deaf() == []


def test_updates_that_wait_while_none_comes_make_it_deaf(office: Office) -> None:
    office.board.answered(BOT)
    office.board.looked(BOT, Pending(3))
    assert office.state() is AccountState.CONNECTED, "they may be on their way"
    office.board.looked(BOT, Pending(4, "Connection timed out"))
    assert office.state() is AccountState.DEAF
    health = office.board.of(BOT)
    assert health is not None
    assert "4 updates" in health.reason
    assert "Connection timed out" in health.reason
    office.board.polled(BOT, events=0)
    assert office.state() is AccountState.DEAF, "polls return, and bring nothing of it"
    office.board.received(BOT)
    assert office.state() is AccountState.CONNECTED


def test_a_queue_that_moves_is_not_deaf_however_long_it_is(office: Office) -> None:
    office.board.answered(BOT)
    for waiting in range(100, 120):
        office.board.received(BOT)
        office.board.looked(BOT, Pending(waiting, "an old error"))
        assert office.state() is AccountState.CONNECTED


def test_an_empty_queue_ends_its_being_deaf(office: Office) -> None:
    for _ in range(2):
        office.board.looked(BOT, Pending(1))
    assert office.state() is AccountState.DEAF
    office.board.looked(BOT, Pending(0))
    assert office.state() is AccountState.CONNECTED


def test_what_was_under_way_does_not_wake_a_disabled_account(office: Office) -> None:
    office.board.disabled(account())
    office.board.polled(BOT, events=2)
    office.fail(times=5)
    office.board.tick()
    assert office.state() is AccountState.DISABLED
    office.board.starts(account())
    assert office.state() is AccountState.STARTING


def test_a_change_is_a_line_with_the_account_and_a_code_and_not_the_platforms_words(
    office: Office,
) -> None:
    with capture_logs() as lines:
        office.board.answered(BOT)
        office.board.answered(BOT)
        office.fail("unauthorized")
    assert [(one["event"], one["log_level"]) for one in lines] == [
        ("account is connected", "info"),
        ("account is logged out", "warning"),
    ]
    assert lines[1]["code"] == "unauthorized"
    assert "it said" not in repr(lines)
    assert lines[1]["name"] == "Shop"
    assert "secret" not in repr(lines)


def test_accounts_are_counted_by_platform_and_state(office: Office) -> None:
    other = AccountId("other")
    office.board.starts(account(other))
    office.board.answered(other)
    office.board.answered(AccountId("unknown"))
    counts = office.board.counts()
    assert counts["paper", "starting"] == counts["paper", "connected"] == 1
    assert sum(counts.values()) == 2
    assert {state for _, state in counts} == set(AccountState)
    office.board.gone(other)
    assert sum(office.board.counts().values()) == 1


STEPS = st.sampled_from(["answered", "received", "polling", "polled", "failed", "looked", "tick"])


@given(steps=st.lists(st.tuples(STEPS, st.integers(0, 100)), max_size=60))
def test_whatever_happened_something_heard_means_connected(steps: list[tuple[str, int]]) -> None:
    health = AccountHealth(START)
    at = START
    for step, number in steps:
        at += timedelta(seconds=number)
        match step:
            case "polling":
                health.polling(at, wait=number)
            case "polled":
                health.polled(at, events=number % 2)
            case "failed":
                code = ("network", "unauthorized", "banned")[number % 3]
                health.failed(at, code=code, detail="x")
            case "looked":
                health.looked(at, Pending(number % 3))
            case _:
                getattr(health, step)(at)
        assert health.view.since <= at
    health.received(at)
    assert health.view.state is AccountState.CONNECTED
    assert health.view.reason == ""
