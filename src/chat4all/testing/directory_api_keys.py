"""The part of `DirectoryContract` that is about keys of programs, and whom they act for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chat4all.domain.api_keys import ApiKey, DelegatedAct, Delegation, Scope
from chat4all.domain.errors import Conflict
from chat4all.domain.ids import ActId, KeyId, UserId, new_id
from chat4all.ports.directory import Directory

NOW = datetime(2026, 1, 31, 12, 0, 0, 123_000, tzinfo=UTC)
HOUR = timedelta(hours=1)
BOT, SHOP, ANA, BIA = UserId("bot"), UserId("shop"), UserId("ana"), UserId("bia")


def a_key(account: UserId = BOT, **more: object) -> ApiKey:
    """Return a key that nobody has."""
    name = new_id()
    key = ApiKey(
        id=KeyId(name),
        account_id=account,
        secret_hash=f"hash of {name}",
        hint="1a2B",
        name="for reports",
        scopes=frozenset({Scope.READ, Scope.SEND}),
        per_minute=600,
        created_by=ANA,
        created_at=NOW,
    )
    return replace(key, **more)  # type: ignore[arg-type]  # tests say what is different


def an_act(account: UserId = BOT, user: UserId = ANA) -> DelegatedAct:
    """Return a call made just now."""
    return DelegatedAct(
        id=ActId(new_id()),
        account_id=account,
        key_id=KeyId("key"),
        user_id=user,
        what="POST /v1/messages",
        at=NOW,
    )


class ApiKeysContract:
    """See `ApiKeys`."""

    async def test_a_key_is_found_by_its_hash_everywhere(
        self, directory: Directory, peer: Directory
    ) -> None:
        whole = a_key(expires_at=NOW + HOUR, used_at=NOW, revoked_at=NOW)
        plain = a_key()
        for key in (whole, plain):
            await directory.api_keys.add(key)
            assert await peer.api_keys.by_hash(key.secret_hash) == key
        assert await peer.api_keys.by_hash("hash of nothing") is None

    async def test_keys_are_listed_by_account_oldest_first(self, directory: Directory) -> None:
        first, second = a_key(), a_key(revoked_at=NOW)
        for key in (second, a_key(SHOP), first):
            await directory.api_keys.add(key)
        assert list(await directory.api_keys.of_account(BOT)) == [first, second]
        assert list(await directory.api_keys.of_account(ANA)) == []

    async def test_two_keys_never_share_a_hash(self, directory: Directory) -> None:
        key = a_key()
        await directory.api_keys.add(key)
        with pytest.raises(Conflict):
            await directory.api_keys.add(replace(key, id=KeyId(new_id())))

    @pytest.mark.parametrize(
        ("before", "after"), [(None, HOUR), (2 * HOUR, HOUR), (HOUR / 2, HOUR / 2)]
    )
    async def test_a_replaced_key_expires_when_told_and_never_later_than_it_would(
        self, directory: Directory, before: timedelta | None, after: timedelta
    ) -> None:
        old, new = a_key(expires_at=before and NOW + before), a_key()
        await directory.api_keys.add(old)
        await directory.api_keys.replace(old.id, new, until=NOW + HOUR)
        found = await directory.api_keys.of_account(BOT)
        assert list(found) == [replace(old, expires_at=NOW + after), new]

    async def test_a_key_that_cannot_be_kept_replaces_none(self, directory: Directory) -> None:
        old = a_key()
        await directory.api_keys.add(old)
        with pytest.raises(Conflict):
            await directory.api_keys.replace(old.id, old, until=NOW)
        assert list(await directory.api_keys.of_account(BOT)) == [old]

    async def test_the_last_use_never_goes_back(self, directory: Directory) -> None:
        key = a_key()
        await directory.api_keys.add(key)
        for at in (NOW, NOW + HOUR, NOW - HOUR):
            await directory.api_keys.used(key.id, at)
        await directory.api_keys.used(KeyId("nobody's"), NOW)
        assert list(await directory.api_keys.of_account(BOT)) == [replace(key, used_at=NOW + HOUR)]

    async def test_a_key_is_revoked_once(self, directory: Directory, peer: Directory) -> None:
        key = a_key()
        await directory.api_keys.add(key)
        await directory.api_keys.revoke(key.id, NOW)
        await directory.api_keys.revoke(key.id, NOW + HOUR)
        await directory.api_keys.revoke(KeyId("nobody's"), NOW)
        assert await peer.api_keys.by_hash(key.secret_hash) == replace(key, revoked_at=NOW)


class DelegationsContract:
    """See `Delegations`."""

    async def test_what_was_allowed_is_listed_until_it_is_withdrawn(
        self, directory: Directory, peer: Directory
    ) -> None:
        first = Delegation(user_id=ANA, account_id=BOT, created_at=NOW)
        second = Delegation(user_id=ANA, account_id=SHOP, created_at=NOW)
        for one in (second, first, replace(first, created_at=NOW + HOUR)):
            await directory.delegations.allow(one)
        assert list(await peer.delegations.of_user(ANA)) == [first, second]
        assert list(await peer.delegations.of_user(BIA)) == []
        await peer.delegations.withdraw(ANA, BOT)
        await peer.delegations.withdraw(BIA, BOT)
        assert list(await directory.delegations.of_user(ANA)) == [second]

    async def test_an_act_is_kept_only_while_its_user_allows_it(
        self, directory: Directory, peer: Directory
    ) -> None:
        act = an_act()
        await directory.delegations.allow(Delegation(user_id=ANA, account_id=BOT, created_at=NOW))
        assert await peer.delegations.record(act)
        assert not await peer.delegations.record(an_act(user=BIA))
        assert not await peer.delegations.record(an_act(account=SHOP))
        await directory.delegations.withdraw(ANA, BOT)
        assert not await peer.delegations.record(an_act())
        assert list(await directory.delegations.acts(limit=10)) == [act]

    async def test_acts_are_listed_by_user_and_by_account_newest_first(
        self, directory: Directory
    ) -> None:
        pairs = [(BOT, ANA), (BOT, BIA), (SHOP, ANA), (BOT, ANA)]
        acts = [an_act(account, user) for account, user in pairs]
        for act in acts:
            await directory.delegations.allow(
                Delegation(user_id=act.user_id, account_id=act.account_id, created_at=NOW)
            )
            assert await directory.delegations.record(act)
        of = directory.delegations.acts
        assert list(await of(user=ANA, limit=10)) == [acts[3], acts[2], acts[0]]
        assert list(await of(account=BOT, limit=10)) == [acts[3], acts[1], acts[0]]
        assert list(await of(user=ANA, account=BOT, limit=1)) == [acts[3]]
        assert list(await of(user=ANA, before=acts[2].id, limit=10)) == [acts[0]]
