"""Sends and fetches one large body over a plain socket, as cheaply as a client can."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

PIECE = 1 << 20
PATIENCE = 300.0


class Refused(Exception):
    """The server answered with another status than it should."""


def send(method: str, url: str, headers: Mapping[str, str], file: Path, expected: int) -> None:
    """Send a file as the body of a request; return once the answer is there."""
    size = file.stat().st_size
    with _connected(url) as link, file.open("rb") as body:
        told = {**headers, "Content-Length": str(size)}
        link.sendall(_head(method, url, told))
        link.sendfile(body)
        _status(_answer(link)[0], expected)


def fetch(url: str, headers: Mapping[str, str]) -> int:
    """Fetch a body, look at none of it, and return its length."""
    room = bytearray(PIECE)
    with _connected(url) as link:
        link.sendall(_head("GET", url, headers))
        head, came = _answer(link)
        _status(head, 200)
        length = _length(head)
        received = came
        while received < length:
            got = link.recv_into(room)
            if not got:
                raise Refused(f"the body ended after {received} of {length} bytes")
            received += got
        while link.recv_into(room):  # @tus/server ends when its client closes first
            pass
    return received


def _connected(url: str) -> socket.socket:
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname or "", parts.port or 80), PATIENCE)


def _head(method: str, url: str, headers: Mapping[str, str]) -> bytes:
    parts = urlsplit(url)
    lines = [f"{method} {parts.path} HTTP/1.1", f"Host: {parts.netloc}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def _answer(link: socket.socket) -> tuple[bytes, int]:
    """Return the head of the answer, and how much of the body came with it."""
    text = b""
    while b"\r\n\r\n" not in text:
        got = link.recv(65_536)
        if not got:
            raise Refused(f"no answer: {text[:200]!r}")
        text += got
    head, _, body = text.partition(b"\r\n\r\n")
    return head, len(body)


def _status(head: bytes, expected: int) -> None:
    if int(head.split()[1]) != expected:
        raise Refused(head.decode(errors="replace"))


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise Refused("the answer does not tell its length")
