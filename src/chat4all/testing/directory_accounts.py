"""What every directory promises about connector accounts, link codes and routes."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from chat4all.domain.directory import Account
from chat4all.domain.errors import AccountNotFound, Conflict
from chat4all.domain.ids import AccountId, ConversationId, UserId
from chat4all.ports.directory import Directory
from chat4all.testing.directory_examples import START, minutes

ANA = UserId("ana")


def account(name: str, *, platform: str = "pigeon", minute: float = 0) -> Account:
    """Make a connector account."""
    return Account(
        id=AccountId(name),
        platform=platform,
        name=name.title(),
        owner_id=ANA,
        config={"token": "t0k3n", "limits": [30, 1]},
        created_at=minutes(minute),
        updated_at=minutes(minute),
    )


class AccountsContract:
    """Duties of `Accounts`."""

    async def test_an_account_comes_back_as_it_was_put(
        self, directory: Directory, peer: Directory
    ) -> None:
        await directory.accounts.put(account("loft"))
        assert await peer.accounts.get(AccountId("loft")) == account("loft")
        changed = replace(
            account("loft"), name="Attic", config={}, enabled=False, updated_at=minutes(3)
        )
        await peer.accounts.put(changed)
        assert await directory.accounts.get(AccountId("loft")) == changed
        assert await directory.accounts.get(AccountId("other")) is None

    async def test_a_change_keeps_the_poll_offset(
        self, directory: Directory, peer: Directory
    ) -> None:
        await directory.accounts.put(replace(account("loft"), poll_offset="ignored"))
        await directory.accounts.set_poll_offset(AccountId("loft"), "41")
        await peer.accounts.set_poll_offset(AccountId("loft"), "42")
        await directory.accounts.put(replace(account("loft"), name="Attic", poll_offset="1"))
        kept = await peer.accounts.get(AccountId("loft"))
        assert kept == replace(account("loft"), name="Attic", poll_offset="42")

    async def test_an_offset_needs_an_account(self, directory: Directory) -> None:
        with pytest.raises(AccountNotFound):
            await directory.accounts.set_poll_offset(AccountId("loft"), "1")

    async def test_accounts_are_listed_oldest_first(self, directory: Directory) -> None:
        newer, older = account("a", minute=2), account("b", minute=1)
        other = account("c", platform="raven", minute=0)
        for one in (newer, older, other):
            await directory.accounts.put(one)
        assert await directory.accounts.list() == [other, older, newer]
        assert await directory.accounts.list(platform="pigeon") == [older, newer]
        assert await directory.accounts.list(platform="drum") == []

    async def test_a_removed_account_is_forgotten(
        self, directory: Directory, peer: Directory
    ) -> None:
        await directory.accounts.put(account("loft"))
        await directory.accounts.set_poll_offset(AccountId("loft"), "41")
        await directory.accounts.remove(AccountId("loft"))
        await directory.accounts.remove(AccountId("loft"))
        assert await peer.accounts.list() == []
        await peer.accounts.put(account("loft"))
        assert await peer.accounts.get(AccountId("loft")) == account("loft")


class LinkCodesContract:
    """Duties of `LinkCodes`."""

    async def test_a_code_is_taken_once(self, directory: Directory, peer: Directory) -> None:
        await directory.link_codes.add("c0de", ANA, platform="pigeon", expires_at=minutes(10))
        taken = await asyncio.gather(
            *(
                where.link_codes.take("c0de", platform="pigeon", at=START)
                for where in (directory, peer) * 4
            )
        )
        assert sorted(taken, key=str) == [*[None] * 7, ANA]

    async def test_a_code_expires(self, directory: Directory) -> None:
        await directory.link_codes.add("c0de", ANA, platform="pigeon", expires_at=minutes(10))
        take = directory.link_codes.take
        assert await take("c0de", platform="pigeon", at=minutes(10)) is None

    async def test_a_code_is_for_one_platform(self, directory: Directory) -> None:
        await directory.link_codes.add("c0de", ANA, platform="pigeon", expires_at=minutes(10))
        assert await directory.link_codes.take("c0de", platform="raven", at=START) is None
        assert await directory.link_codes.take("C0DE", platform="pigeon", at=START) is None
        assert await directory.link_codes.take("c0de", platform="pigeon", at=minutes(9)) == ANA

    async def test_a_code_stands_for_one_user(self, directory: Directory) -> None:
        await directory.link_codes.add("c0de", ANA, platform="pigeon", expires_at=minutes(10))
        with pytest.raises(Conflict):
            await directory.link_codes.add(
                "c0de", UserId("bia"), platform="pigeon", expires_at=minutes(10)
            )


class RoutesContract:
    """Duties of `Routes`."""

    async def test_a_chat_is_where_it_was_last(self, directory: Directory, peer: Directory) -> None:
        loft, here, there = AccountId("loft"), ConversationId("here"), ConversationId("there")
        assert await directory.routes.get("pigeon", loft, "7") is None
        await directory.routes.set("pigeon", loft, "7", here)
        assert await peer.routes.get("pigeon", loft, "7") == here
        await peer.routes.set("pigeon", loft, "7", there)
        await peer.routes.set("pigeon", loft, "7", there)
        assert await directory.routes.get("pigeon", loft, "7") == there

    @pytest.mark.parametrize(
        "other", [("raven", "loft", "7"), ("pigeon", "attic", "7"), ("pigeon", "loft", "70")]
    )
    async def test_chats_are_told_apart(
        self, directory: Directory, other: tuple[str, str, str]
    ) -> None:
        platform, account, address = other
        await directory.routes.set("pigeon", AccountId("loft"), "7", ConversationId("here"))
        assert await directory.routes.get(platform, AccountId(account), address) is None

    async def test_those_who_set_a_route_at_once_agree(
        self, directory: Directory, peer: Directory
    ) -> None:
        names = [ConversationId(f"talk{number}") for number in range(6)]
        await asyncio.gather(
            *(
                where.routes.set("pigeon", AccountId("loft"), "7", name)
                for where, name in zip((directory, peer) * 3, names, strict=True)
            )
        )
        kept = await directory.routes.get("pigeon", AccountId("loft"), "7")
        assert kept in names
        assert await peer.routes.get("pigeon", AccountId("loft"), "7") == kept

    async def test_the_last_time_somebody_wrote_is_kept_per_chat(
        self, directory: Directory, peer: Directory
    ) -> None:
        loft = AccountId("loft")
        assert await directory.routes.last_inbound("pigeon", loft, "7") is None
        await directory.routes.heard("pigeon", loft, "7", minutes(5))
        assert await peer.routes.last_inbound("pigeon", loft, "7") == minutes(5)
        await peer.routes.heard("pigeon", loft, "7", minutes(3))
        assert await directory.routes.last_inbound("pigeon", loft, "7") == minutes(5)
        await peer.routes.heard("pigeon", loft, "7", minutes(9))
        assert await directory.routes.last_inbound("pigeon", loft, "7") == minutes(9)
        for other in (("raven", "loft", "7"), ("pigeon", "attic", "7"), ("pigeon", "loft", "70")):
            platform, account, address = other
            chat = platform, AccountId(account), address
            assert await directory.routes.last_inbound(*chat) is None
        assert await directory.routes.get("pigeon", loft, "7") is None
