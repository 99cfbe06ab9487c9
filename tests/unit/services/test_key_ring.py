"""A revoked key is refused in every process at once, whatever they believed of it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from chat4all.adapters.memory.directory import MemoryDirectory
from chat4all.adapters.memory.ephemeral import MemoryBus
from chat4all.domain.api_keys import Scope, hash_of, new_key
from chat4all.domain.directory import User, UserKind
from chat4all.domain.errors import InvalidToken
from chat4all.domain.ids import UserId
from chat4all.gateway.auth.access_tokens import JwtAccessTokens
from chat4all.gateway.auth.revocations import Revocations
from chat4all.gateway.auth.signing_key import SigningKey
from chat4all.services.key_ring import KeyRing
from chat4all.testing.directory_api_keys import a_key

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


async def test_a_key_revoked_in_one_process_is_refused_in_the_others() -> None:
    directory, bus, key = (
        MemoryDirectory(),
        MemoryBus(),
        await SigningKey.load(MemoryDirectory().keys),
    )
    bot = User(id=UserId("bot"), kind=UserKind.SERVICE, display_name="Bot", created_at=NOW)
    await directory.users.add(bot)
    text = new_key()
    kept = a_key(secret_hash=hash_of(text))
    await directory.api_keys.add(kept)
    rings, tasks = [], []
    for _ in range(3):
        revocations = Revocations(directory.tokens, bus, now=lambda: NOW)
        tasks.append(asyncio.create_task(revocations.follow()))
        tokens = JwtAccessTokens(key, revocations, issuer="here", now=lambda: NOW)
        rings.append(KeyRing(directory.api_keys, directory.users, tokens, now=lambda: NOW))
    for ring in rings:
        assert Scope.SEND in (await ring.verify(text)).scopes
    await rings[0].revoke(kept)
    for _ in range(10):
        await asyncio.sleep(0)  # lets the others hear it; the clock stands
    for ring in rings:
        with pytest.raises(InvalidToken, match="revoked"):
            await ring.verify(text)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
