"""A server of this machine, and folders in which programs find the TypeScript client."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.client.conftest import url
from tests.sdk.node_client import prepare

__all__ = ["folder", "url"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for `node_client`."""
    place = tmp_path_factory.mktemp("node")
    prepare(place)
    return place
