"""The directory on a PostgreSQL that speaks TLS: the certificate is checked as the address asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chat4all.adapters.sql.directory import SqlDirectory
from chat4all.domain.errors import BadSettings
from chat4all.testing.directory_examples import person
from tests.servers.certificate import self_signed
from tests.servers.postgres_server import PostgresServer, postgres_server


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        certificate, key = self_signed()
        server.start_with_tls(certificate, key)
        yield server


@pytest.fixture
def authority(server: PostgresServer, tmp_path: Path) -> str:
    """The file of the certificate that the server shows."""
    file = tmp_path / "ca.crt"
    file.write_bytes(server.certificate)
    return str(file)


async def test_the_right_certificate_is_accepted(server: PostgresServer, authority: str) -> None:
    url = server.url(sslmode="verify-full", sslrootcert=authority)
    async with SqlDirectory(url) as directory:
        await directory.users.add(person("ana"))


async def test_another_certificate_is_refused(server: PostgresServer, tmp_path: Path) -> None:
    other = tmp_path / "other.crt"
    other.write_bytes(self_signed()[0])
    with pytest.raises(BadSettings, match="shows no certificate that is accepted"):
        async with SqlDirectory(server.url(sslmode="verify-full", sslrootcert=str(other))):
            pass
