"""Our uploads and those of @tus/server, case by case; the differences are written down."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from chat4all.domain.files import MAX_FILE_BYTES
from tests.api.tus_cases import CASES, DATA, EXPIRED, EXPIRY_SECONDS, Case, Endpoint
from tests.e2e.account import Account
from tests.e2e.product import running_server
from tests.servers.cache import Missing, skip_for
from tests.servers.tus import running_tus_server

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


@dataclass
class Pair:
    """Ours and the reference, with the same settings."""

    ours: Endpoint
    theirs: Endpoint


@asynccontextmanager
async def pair(folder: Path, *, expiry: float) -> AsyncIterator[Pair]:
    settings = {"CHAT4ALL_UPLOAD_EXPIRY_HOURS": str(expiry / 3600)}
    try:
        with running_tus_server(folder, most=MAX_FILE_BYTES, expiry_ms=int(expiry * 1000)) as (
            url,
            _,
        ):
            async with (
                running_server(folder, settings) as product,
                Account(product, "ana").signed_up("Ana") as ana,
                Account(product, "bia").signed_up("Bia") as bia,
                httpx.AsyncClient(trust_env=False) as theirs,
                httpx.AsyncClient(
                    trust_env=False, headers={"Authorization": f"Bearer {ana.token}"}
                ) as ours,
            ):
                metadata = {
                    "checksum": f"sha256:{hashlib.sha256(DATA).hexdigest()}",
                    "conversation_id": await ana.chat_with(bia),
                }
                uploads = f"{product}/v1/files/uploads"
                yield Pair(
                    Endpoint(ours, uploads, MAX_FILE_BYTES, metadata),
                    Endpoint(theirs, url, MAX_FILE_BYTES),
                )
    except Missing as missing:
        skip_for(missing)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lasting(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pair]:
    async with pair(tmp_path_factory.mktemp("tus"), expiry=3600) as both:
        yield both


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def brief(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pair]:
    async with pair(tmp_path_factory.mktemp("tus"), expiry=EXPIRY_SECONDS) as both:
        yield both


async def compare(case: Case, both: Pair) -> None:
    ours, theirs = await case.run(both.ours), await case.run(both.theirs)
    assert ours.status_code == case.status, ours.text
    assert theirs.status_code == (case.reference or case.status), theirs.text
    if case.reference is None:
        for name in case.same:
            assert ours.headers.get(name) == theirs.headers.get(name), name
        for name in case.present:
            assert name in ours.headers
            assert name in theirs.headers


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_it_is_answered_as_the_reference_does(case: Case, lasting: Pair) -> None:
    await compare(case, lasting)


@pytest.mark.parametrize("case", EXPIRED, ids=lambda case: case.name)
async def test_what_expired_is_answered_as_the_reference_does(case: Case, brief: Pair) -> None:
    await compare(case, brief)
