"""A relay between a program and a server, which stops in the middle and counts."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

PATIENCE = 180.0
UP, DOWN = "up", "down"
_PIECE = 64 * 1024


class GatedProxy:
    """Relays to `target`, a port of this machine, by `port`."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.target = 0
        self.passed = {UP: 0, DOWN: 0}
        self._limit: dict[str, int] = {}
        self._gate, self._held = threading.Event(), threading.Event()
        self._gate.set()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def hold_after(self, direction: str, many: int) -> None:
        """Count anew, and let no more than `many` bytes pass in a direction."""
        self.passed = {UP: 0, DOWN: 0}
        self._held.clear()
        self._gate.clear()
        self._limit = {direction: many}

    def wait_until_held(self) -> None:
        assert self._held.wait(PATIENCE), f"only {self.passed} passed"

    def release(self) -> None:
        """Count anew, and let everything pass."""
        self._limit = {}
        self.passed = {UP: 0, DOWN: 0}
        self._gate.set()

    def close(self) -> None:
        self._gate.set()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.target), timeout=PATIENCE)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            for pair in ((client, server, UP), (server, client, DOWN)):
                threading.Thread(target=self._pump, args=pair, daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, direction: str) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(_PIECE):
                if self.passed[direction] + len(piece) > self._limit.get(direction, 1 << 60):
                    self._held.set()
                    self._gate.wait(PATIENCE)
                sink.sendall(piece)
                self.passed[direction] += len(piece)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        source.close()


@contextlib.contextmanager
def gated_proxy() -> Iterator[GatedProxy]:
    proxy = GatedProxy()
    try:
        yield proxy
    finally:
        proxy.close()
