"""A hand takes frames past an empty mailbox, and never past one in which something waits."""

from __future__ import annotations

from chat4all.domain.events import Position
from chat4all.domain.ids import UserId
from chat4all.services.mailbox import MAX_FRAMES, Mailbox


class Taker:
    """Takes what comes while it is `free`."""

    def __init__(self) -> None:
        self.free = True
        self.taken: list[str] = []
        self.times_roused = 0

    def takes(self, position: Position | None, frame: str) -> bool:
        del position
        if self.free:
            self.taken.append(frame)
        return self.free

    def roused(self) -> None:
        self.times_roused += 1


def mailbox_of(hand: Taker) -> Mailbox:
    box = Mailbox(UserId("ana"))
    box.hand = hand
    return box


def test_what_the_hand_takes_does_not_wait() -> None:
    hand = Taker()
    box = mailbox_of(hand)
    box.offer(None, "one")
    assert hand.taken == ["one"]
    assert not box.waits
    assert hand.times_roused == 0


def test_a_frame_does_not_overtake_those_that_wait() -> None:
    hand = Taker()
    box = mailbox_of(hand)
    hand.free = False
    box.offer(None, "one")
    hand.free = True
    box.offer(None, "two")
    assert hand.taken == []
    assert hand.times_roused == 2
    assert [frame for _, frame in box.take_waiting()] == ["one", "two"]
    box.offer(None, "three")
    assert hand.taken == ["three"]


def test_a_frame_does_not_overtake_those_that_may_be_missing() -> None:
    hand = Taker()
    box = mailbox_of(hand)
    box.fall_behind()
    assert hand.times_roused == 1
    box.offer(None, "later")
    assert hand.taken == []


def test_nothing_is_taken_after_an_overflow() -> None:
    hand = Taker()
    box = mailbox_of(hand)
    hand.free = False
    for _ in range(MAX_FRAMES + 1):
        box.offer(None, "x")
    hand.free = True
    box.offer(None, "late")
    assert (box.overflowed, box.waits, hand.taken) == (True, True, [])
