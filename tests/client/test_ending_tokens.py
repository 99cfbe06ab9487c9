"""Tokens that end while they are used."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from tests.client.people import Listener, history, make_lossy, two_people
from tests.client.short_tokens import PROGRAM, SECONDS
from tests.e2e.product import running_server


@pytest.mark.slow
@pytest.mark.embedded("the program of `short_tokens`")
async def test_calls_and_events_go_on_when_tokens_end(tmp_path: Path) -> None:
    async with (
        running_server(tmp_path, {}, program=PROGRAM) as url,
        two_people(url, "ada", "bob") as (ada, bob, talk),
    ):
        of_ada, of_bob = make_lossy(ada), make_lossy(bob)
        async with Listener(bob, await bob.cursor()).listening() as bobs:
            for number in range(6):
                await ada.send(talk, str(number))
                await asyncio.sleep(SECONDS / 2)
            heard = [one.message_id for one in await bobs.until(6)]
        assert heard == [one.message_id for one in await history(ada, talk, 6)]
        for lossy in (of_ada, of_bob):
            forms = [one.content for one in lossy.asked if one.url.path == "/v1/auth/token"]
            grants = [parse_qs(form.decode())["grant_type"] for form in forms]
            assert len(grants) > 1
            assert grants == [["refresh_token"]] * len(grants)
