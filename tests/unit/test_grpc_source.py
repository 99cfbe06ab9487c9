"""Who asks over gRPC, when proxies stand between."""

from __future__ import annotations

import pytest

from chat4all.bootstrap.grpc_server import _source


@pytest.mark.parametrize(
    ("host", "forwarded", "found"),
    [
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("192.0.2.1", "203.0.113.9", "192.0.2.1"),
    ],
)
async def test_a_proxy_is_believed_where_it_is_trusted(
    host: str, forwarded: str, found: str
) -> None:
    assert await _source("127.0.0.1", host, forwarded) == found
