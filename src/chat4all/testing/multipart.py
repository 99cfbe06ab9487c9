"""The parts of a `multipart/form-data` body, for simulators. RFC 7578."""

from __future__ import annotations

from dataclasses import dataclass
from email.parser import BytesParser
from email.policy import HTTP


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One field of a form; `filename` is None for one that is no file."""

    name: str
    filename: str | None
    content_type: str
    data: bytes


def read_multipart(content_type: str, body: bytes) -> list[Part]:
    """Return the parts of a body. Raises `ValueError` for one that is cut or no multipart."""
    head = BytesParser(policy=HTTP).parsebytes(f"content-type: {content_type}\r\n\r\n".encode())
    boundary = head.get_param("boundary", header="content-type")
    if not isinstance(boundary, str) or not boundary:
        raise ValueError("there is no boundary")
    delimiter = b"\r\n--" + boundary.encode()
    sections = (b"\r\n" + body).split(delimiter)
    if not sections[-1].startswith(b"--"):
        raise ValueError("the body ends before its last boundary")
    return [_part(section) for section in sections[1:-1]]


def _part(section: bytes) -> Part:
    head, blank, data = section.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    headers = BytesParser(policy=HTTP).parsebytes(head + b"\r\n\r\n")
    name = headers.get_param("name", header="content-disposition")
    if not blank or not isinstance(name, str):
        raise ValueError("a part without a name")
    return Part(
        name=name,
        filename=headers.get_filename(),
        content_type=headers.get_content_type(),
        data=data,
    )
