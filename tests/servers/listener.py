"""A server of HTTP in this process, for what others are to call."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call gets."""

    status: int = 200
    body: bytes = b""
    type: str = "application/json"


@contextmanager
def listening(answer: Callable[[str, Message, bytes], Answer]) -> Iterator[str]:
    """Answer GET and POST on a free port until the block ends; yield the address.

    `answer` gets the path, the headers and the body; calls run in threads.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            told = answer(self.path, self.headers, body)
            self.send_response(told.status)
            self.send_header("content-type", told.type)
            self.send_header("content-length", str(len(told.body)))
            self.end_headers()
            self.wfile.write(told.body)

        do_GET = do_POST  # noqa: N815 - the name that the base class looks for

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - of the base class
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
