"""Who asks is what a trusted proxy says, and nobody else."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.e2e.product import running_server


@pytest.mark.parametrize(
    ("trusted", "second"),
    [("10.0.0.1, 127.0.0.0/8", 400), ("10.0.0.1", 429), ("", 429)],
    ids=["trusted", "another", "none"],
)
async def test_sign_ins_are_limited_by_the_address_that_a_trusted_proxy_tells(
    tmp_path: Path, trusted: str, second: int
) -> None:
    settings = {"CHAT4ALL_SIGN_IN_PER_MINUTE": "1", "CHAT4ALL_TRUSTED_PROXIES": trusted}
    async with (
        running_server(tmp_path, settings) as url,
        httpx.AsyncClient(base_url=url, trust_env=False) as http,
    ):
        guess = {"grant_type": "password", "username": "ana", "password": "a guess"}
        answers = [
            (await http.post("/v1/auth/token", data=guess, headers={"X-Forwarded-For": source}))
            for source in ("203.0.113.1", "203.0.113.2")
        ]
    assert [answer.status_code for answer in answers] == [400, second]
