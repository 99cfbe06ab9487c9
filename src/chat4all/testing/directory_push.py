"""What every directory promises about pushes."""

from __future__ import annotations

from dataclasses import replace
from datetime import time

from chat4all.domain.ids import ConversationId, MessageId, SubscriptionId, UserId
from chat4all.domain.push import (
    PushKind,
    PushNotice,
    PushPreferences,
    PushSubscription,
    QuietHours,
)
from chat4all.ports.directory import Directory
from chat4all.testing.directory_examples import minutes

PHONE = SubscriptionId("phone")


def device(name: str = "phone", user: str = "ana", *, minute: float = 0) -> PushSubscription:
    """Make a device."""
    return PushSubscription(
        id=SubscriptionId(name),
        user_id=UserId(user),
        endpoint=f"https://push.example/{name}",
        keys={"p256dh": "a point", "auth": "a secret"},
        device="Ana's phone",
        preferences=PushPreferences(
            muted=(ConversationId("loud"),),
            only=(ConversationId("talk"), ConversationId("loud")),
            show_content=False,
            quiet=QuietHours(start=time(22, 30), end=time(7), zone="Europe/Lisbon"),
        ),
        created_at=minutes(minute),
        updated_at=minutes(minute + 1),
        registered_at=minutes(minute + 0.5),
    )


def notice(seq: int, *, talk: str = "talk", to: str = "phone", user: str = "ana") -> PushNotice:
    """Make a notice of the message of a minute."""
    return PushNotice(
        subscription_id=SubscriptionId(to),
        user_id=UserId(user),
        conversation_id=ConversationId(talk),
        message_id=MessageId(f"{talk}-{seq}"),
        seq=seq,
        created_at=minutes(seq),
        trace="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )


async def due(directory: Directory, at: float = 60, *, without: tuple[str, ...] = ()) -> list[str]:
    """Return the messages that are due at a minute."""
    found = await directory.push_notices.due(
        minutes(at), limit=100, without=[UserId(one) for one in without]
    )
    return [one.message_id for one in found]


class PushSubscriptionsContract:
    """Devices that take pushes."""

    async def test_a_device_comes_back_as_it_was_put(
        self, directory: Directory, peer: Directory
    ) -> None:
        assert await directory.push_subscriptions.any_kept() is False
        plain = replace(
            device("tablet", minute=2), kind=PushKind.FCM, preferences=PushPreferences()
        )
        for one in (plain, device()):
            await directory.push_subscriptions.put(one)
        assert await peer.push_subscriptions.get(PHONE) == device()
        assert await peer.push_subscriptions.of_users([UserId("ana"), UserId("bia")]) == [
            device(),
            plain,
        ]
        assert await peer.push_subscriptions.any_kept() is True
        changed = replace(device(), device="Old phone", updated_at=minutes(9))
        await directory.push_subscriptions.put(changed)
        assert await peer.push_subscriptions.get(PHONE) == changed

    async def test_who_is_unknown_has_no_device(self, directory: Directory) -> None:
        assert await directory.push_subscriptions.get(PHONE) is None
        assert await directory.push_subscriptions.of_users([UserId("ana")]) == []
        await directory.push_subscriptions.remove(PHONE)

    async def test_a_removed_device_takes_what_waits_for_it_along(
        self, directory: Directory, peer: Directory
    ) -> None:
        for name in ("phone", "tablet"):
            await directory.push_subscriptions.put(device(name))
            await directory.push_notices.add([notice(1, to=name)], at=minutes(1))
        await directory.push_subscriptions.remove(PHONE)
        assert len(await due(peer)) == 1
        await directory.push_subscriptions.put(device())
        assert len(await due(peer)) == 1

    async def test_a_device_that_changes_hands_is_not_told_what_waited_for_another(
        self, directory: Directory, peer: Directory
    ) -> None:
        await directory.push_subscriptions.put(device())
        await directory.push_notices.add([notice(1)], at=minutes(1))
        await directory.push_subscriptions.put(replace(device(), device="Renamed"))
        assert await due(peer) == ["talk-1"]
        await directory.push_subscriptions.put(device(user="bia"))
        assert await due(peer) == []


class PushNoticesContract:
    """What waits for devices."""

    async def test_a_notice_comes_back_as_it_was_added(
        self, directory: Directory, peer: Directory
    ) -> None:
        await directory.push_subscriptions.put(device())
        await directory.push_notices.add([notice(1)], at=minutes(3))
        assert await peer.push_notices.due(minutes(2.9), limit=9) == []
        [found] = await peer.push_notices.due(minutes(3), limit=9)
        assert found == replace(notice(1), next_at=minutes(3))

    async def test_the_newest_message_of_a_conversation_waits_alone(
        self, directory: Directory, peer: Directory
    ) -> None:
        await directory.push_subscriptions.put(device())
        add = directory.push_notices.add
        await add([notice(2), notice(4), notice(3)], at=minutes(1))
        await add([notice(3), notice(1, talk="other")], at=minutes(2))
        assert await due(peer) == ["talk-4", "other-1"]
        await add([notice(5)], at=minutes(5))
        assert await due(peer, 4) == ["other-1"]
        assert await due(peer) == ["other-1", "talk-5"]

    async def test_a_later_message_does_not_cut_short_the_patience_of_a_push_service(
        self, directory: Directory, peer: Directory
    ) -> None:
        await directory.push_subscriptions.put(device())
        await directory.push_notices.add([notice(1)], at=minutes(1))
        tried = replace(notice(1), attempts=2, next_at=minutes(30))
        await directory.push_notices.again(tried)
        await directory.push_notices.add([notice(2)], at=minutes(2))
        assert await due(peer, 29) == []
        [found] = await peer.push_notices.due(minutes(30), limit=9)
        assert (found.message_id, found.attempts) == ("talk-2", 2)

    async def test_what_only_waits_for_a_time_is_due_at_once_with_a_later_message(
        self, directory: Directory, peer: Directory
    ) -> None:
        await directory.push_subscriptions.put(device())
        await directory.push_notices.add([notice(1)], at=minutes(1))
        await directory.push_notices.again(replace(notice(1), next_at=minutes(30)))
        await directory.push_notices.add([notice(2)], at=minutes(2))
        assert await due(peer, 2) == ["talk-2"]

    async def test_what_is_done_is_forgotten_unless_a_later_message_came(
        self, directory: Directory, peer: Directory
    ) -> None:
        await directory.push_subscriptions.put(device())
        add, done = directory.push_notices.add, directory.push_notices.done
        await add([notice(1), notice(1, talk="other")], at=minutes(1))
        await add([notice(2)], at=minutes(2))
        await done(notice(1))
        await done(notice(1, talk="other"))
        assert await due(peer) == ["talk-2"]
        await done(notice(2))
        await done(notice(2))
        assert await due(peer) == []

    async def test_a_notice_for_a_device_that_is_gone_is_left_out(
        self, directory: Directory, peer: Directory
    ) -> None:
        await directory.push_subscriptions.put(device())
        await directory.push_notices.add([notice(1), notice(1, to="nowhere")], at=minutes(1))
        assert await due(peer) == ["talk-1"]
        await directory.push_notices.again(replace(notice(1, to="nowhere"), next_at=minutes(1)))
        assert await due(peer) == ["talk-1"]

    async def test_the_longest_due_come_first_and_users_can_be_left_out(
        self, directory: Directory, peer: Directory
    ) -> None:
        await directory.push_subscriptions.put(device())
        await directory.push_subscriptions.put(device("laptop", "bia"))
        add = directory.push_notices.add
        for minute, talk in ((3, "c"), (1, "a"), (2, "b")):
            await add([notice(1, talk=talk)], at=minutes(minute))
        await add([notice(1, talk="d", to="laptop", user="bia")], at=minutes(2.5))
        assert await due(peer) == ["a-1", "b-1", "d-1", "c-1"]
        assert await due(peer, without=("ana",)) == ["d-1"]
        first = await peer.push_notices.due(minutes(60), limit=1)
        assert [one.message_id for one in first] == ["a-1"]
