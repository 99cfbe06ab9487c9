"""A clamd of Debian's packages with one signature of our own, for as long as a context lasts."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.cache import Missing, skip_for
from tests.servers.process import free_port

PATIENCE = 30.0  # seconds
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR" + b"-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
"""What every scanner finds, and what harms nobody: https://www.eicar.org"""
FOUND = "Eicar-Test.UNOFFICIAL"
_CONFIG = """
Foreground yes
DatabaseDirectory {folder}/signatures
LocalSocket {socket}
TCPSocket {port}
TCPAddr 127.0.0.1
"""


class ClamdServer:
    """One server, which answers at a port and at a socket."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._folder = folder
        self._port = free_port()
        self._socket = folder / "s"
        signatures = folder / "signatures"
        signatures.mkdir()
        (signatures / "test.ndb").write_text(f"Eicar-Test:0:*:{EICAR.hex()}\n")
        config = _CONFIG.format(folder=folder, socket=self._socket, port=self._port)
        (folder / "clamd.conf").write_text("\n".join([config, *options, ""]))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def tcp(self) -> str:
        return f"tcp://127.0.0.1:{self._port}"

    @property
    def unix(self) -> str:
        return f"unix://{self._socket}"

    def start(self) -> None:
        command = [executable(), "--config-file", str(self._folder / "clamd.conf")]
        with (self._folder / "clamd.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            assert self._process.poll() is None, (self._folder / "clamd.log").read_text()
            assert time.monotonic() < deadline, (self._folder / "clamd.log").read_text()
            time.sleep(0.02)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
            self._socket.unlink(missing_ok=True)

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
            with socket.socket(socket.AF_UNIX) as local:
                local.connect(str(self._socket))
        except OSError:
            return False
        return True


def executable() -> str:
    """Return the program; skip where there is none, and fail where it is asked for."""
    found = shutil.which("clamd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        skip_for(Missing("needs ClamAV (Debian: apt-get install clamav-daemon)"))
    return found


@contextmanager
def clamd_server(folder: Path, *options: str) -> Iterator[ClamdServer]:
    server = ClamdServer(folder, *options)
    server.start()
    try:
        yield server
    finally:
        server.stop()
