"""The directory on a PostgreSQL that speaks TLS: the certificate is checked as the address asks."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from chat4all.adapters.sql.directory import SqlDirectory
from chat4all.domain.errors import BadSettings
from chat4all.testing.directory_examples import person
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


def self_signed() -> tuple[bytes, bytes]:
    """Make a certificate of 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
    now = datetime.now(UTC)
    place = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(place, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    return made.public_bytes(pem), key.private_bytes(pem, *form)


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
