"""Prosody as the bench runs it: every message archived for both, on a loopback port without TLS.

https://prosody.im/doc/modules/mod_mam
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.servers import START_SECONDS, STOP_SECONDS, BenchFailed, Server
from tests.servers.process import free_port

DOMAIN = "localhost"
PASSWORD = "a password for the bench alone"  # noqa: S105 - of a server that lives a minute
CONFIG = """
run_as_root = true
daemonize = false
pidfile = "{folder}/prosody.pid"
data_path = "{folder}/data"
certificates = "{folder}"
log = {{ {{ levels = {{ min = "warn" }}, to = "file", filename = "{folder}/prosody.log" }} }}
modules_enabled = {{ "roster", "saslauth", "mam" }}
modules_disabled = {{ "s2s", "tls" }}
c2s_ports = {{ {port} }}
c2s_interfaces = {{ "127.0.0.1" }}
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
authentication = "internal_plain"
default_archive_policy = true
archive_expires_after = "never"
-- No message of the bench is thrown out for another one.
storage_archive_item_limit = 100000000
VirtualHost "{domain}"
"""


@contextlib.contextmanager
def prosody(folder: Path, names: Sequence[str]) -> Iterator[Server]:
    """Run it with an account for each of these names."""
    program = shutil.which("prosody")
    if program is None:
        raise BenchFailed("there is no Prosody; on Debian: apt-get install prosody")
    accounts = folder / "data" / DOMAIN / "accounts"
    accounts.mkdir(parents=True)
    for name in names:
        (accounts / f"{name}.dat").write_text(f'return {{ ["password"] = "{PASSWORD}"; }};\n')
    port, config = free_port(), folder / "prosody.cfg.lua"
    config.write_text(CONFIG.format(folder=folder, port=port, domain=DOMAIN))
    with subprocess.Popen(  # noqa: S603 - found by its name
        [program, "--config", str(config), "-F"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            _await_port(process, port, folder / "prosody.log")
            yield Server(f"xmpp://127.0.0.1:{port}", process.pid, "prosody")
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def archived(folder: Path) -> int:
    """Return how many messages are in the archives of all accounts: each message is in two."""
    lists = (folder / "data" / DOMAIN / "archive").glob("*.list")
    return sum(one.read_bytes().count(b"item({") for one in lists)


def _await_port(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    limit = time.monotonic() + START_SECONDS
    while time.monotonic() < limit:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
            return
        if process.poll() is not None:
            said = log.read_text()[-2000:] if log.exists() else "nothing"
            raise BenchFailed(f"Prosody ended at its start: {said}")
        time.sleep(0.02)
    raise BenchFailed(f"Prosody did not start in {START_SECONDS:.0f} s")
