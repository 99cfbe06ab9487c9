"""A world for each test, and the people in it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.gateway.world import Person, World, a_world, client_of, sign_up


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with a_world() as made:
        yield made


@pytest.fixture
async def anonymous(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(world) as client:
        yield client


@pytest.fixture
async def ana(world: World) -> AsyncIterator[Person]:
    person = await sign_up(world, "ana")
    async with person.http:
        yield person


@pytest.fixture
async def bia(world: World) -> AsyncIterator[Person]:
    person = await sign_up(world, "bia")
    async with person.http:
        yield person


@pytest.fixture
async def eve(world: World) -> AsyncIterator[Person]:
    """Somebody who has nothing to do with the others."""
    person = await sign_up(world, "eve")
    async with person.http:
        yield person


@pytest.fixture
async def root(world: World) -> AsyncIterator[Person]:
    """An administrator of the deployment."""
    person = await sign_up(world, "root", admin=True)
    async with person.http:
        yield person


@pytest.fixture
async def group(ana: Person, bia: Person) -> str:
    """A group that ana owns and bia is in."""
    body = {"type": "group", "member_ids": [bia.id], "name": "Lunch"}
    answer = await ana.http.post("/v1/conversations", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])
