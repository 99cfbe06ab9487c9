"""A real Prosody for tests, on a free port of this machine, with everything in one folder."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL

START_SECONDS = 20.0
DOMAIN = "localhost"
CONFIG = """
run_as_root = true
daemonize = false
pidfile = "{folder}/prosody.pid"
data_path = "{folder}/data"
certificates = "{folder}"
log = {{ {{ levels = {{ min = "info" }}, to = "file", filename = "{folder}/prosody.log" }} }}
modules_enabled = {{ "roster", "saslauth", "disco", "ping", "mam", "blocklist", "offline" }}
modules_disabled = {{ "s2s", "tls" }}
c2s_ports = {{ {port} }}
c2s_interfaces = {{ "127.0.0.1" }}
c2s_require_encryption = false
authentication = "internal_plain"
default_archive_policy = true
archive_expires_after = "never"
VirtualHost "{domain}"
"""


def executable() -> str | None:
    """Return where Prosody is, or None; on Debian: `apt-get install prosody`."""
    return shutil.which("prosody")


@dataclass(slots=True)
class Prosody:
    """A server that can be stopped, and started again with what it kept."""

    folder: Path
    port: int
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        config = self.folder / "prosody.cfg.lua"
        config.write_text(CONFIG.format(folder=self.folder, port=self.port, domain=DOMAIN))
        self.process = await asyncio.create_subprocess_exec(
            executable() or "prosody", "--config", str(config), "-F", stdout=DEVNULL, stderr=DEVNULL
        )
        async with asyncio.timeout(START_SECONDS):
            while not await self._answers():
                if self.process.returncode is not None:
                    raise RuntimeError((self.folder / "prosody.log").read_text())
                await asyncio.sleep(0.02)

    def set_password(self, name: str, password: str) -> None:
        """Let an account have this password from its next login on."""
        file = self.folder / "data" / DOMAIN / "accounts" / f"{name}.dat"
        file.write_text(f'return {{ ["password"] = "{password}"; }};\n')

    async def stop(self) -> None:
        """Stop it at once, as a crash would."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        await writer.wait_closed()
        return True


@asynccontextmanager
async def running_prosody(folder: Path, passwords: Mapping[str, str]) -> AsyncIterator[Prosody]:
    """Run a server with an account `<name>@localhost` for each of `passwords`."""
    (folder / "data" / DOMAIN / "accounts").mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    server = Prosody(folder, port)
    for name, password in passwords.items():
        server.set_password(name, password)
    try:
        await server.start()
        yield server
    finally:
        await server.stop()
