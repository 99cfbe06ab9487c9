"""The type of a file is what its bytes say; the sender only chooses among what they allow."""

import io
import re
import tarfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat4all.adapters.media.sniff import HEAD_BYTES, type_of
from tests.unit.media import samples

HTML = b"<!DOCTYPE html><script>alert(1)</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n"
INLINE = re.compile(r"(image/(?!svg)|audio/|video/|application/pdf)")


def archive(*names: str, first: bytes = b"x") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name in names:
            made.writestr(name, first)
    return out.getvalue()


def tar() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as made:
        made.addfile(tarfile.TarInfo("a"))
    return out.getvalue()


def sniffed(content: bytes, claimed: str = "", name: str = "") -> str:
    return type_of(content[:HEAD_BYTES], name=name, claimed=claimed)


@pytest.mark.parametrize(
    ("kind", "mime_type"),
    [
        ("JPEG", "image/jpeg"),
        ("PNG", "image/png"),
        ("GIF", "image/gif"),
        ("WEBP", "image/webp"),
        ("AVIF", "image/avif"),
        ("BMP", "image/bmp"),
        ("TIFF", "image/tiff"),
        ("ICO", "image/vnd.microsoft.icon"),
    ],
)
def test_a_picture_is_known_by_its_bytes(kind: str, mime_type: str) -> None:
    assert sniffed(samples.picture(kind), "text/html", "page.html") == mime_type


def test_archives_and_documents_are_told_apart() -> None:
    word = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    assert sniffed(archive("a.txt")) == "application/zip"
    assert sniffed(archive("[Content_Types].xml", "_rels/.rels", "word/document.xml")) == word
    assert sniffed(archive("docProps/a.xml"), word) == word
    text = "application/vnd.oasis.opendocument.text"
    assert sniffed(archive("mimetype", first=text.encode())) == text
    assert sniffed(archive("a"), "application/java-archive") == "application/java-archive"
    assert sniffed(tar()) == "application/x-tar"
    assert sniffed(PDF) == "application/pdf"


@pytest.mark.parametrize("claimed", ["image/png", "text/plain", "application/pdf", "", "video/mp4"])
@pytest.mark.parametrize(
    ("content", "mime_type"),
    [
        (HTML, "text/html"),
        (b"\xef\xbb\xbf \n\t" + HTML, "text/html"),
        ("<html>".encode("utf-16"), "text/html"),
        (b"<!-- harmless --><p onclick=alert(1)>", "text/html"),
        (b"<ScRiPt>alert(1)</ScRiPt>", "text/html"),
        (SVG, "image/svg+xml"),
        (
            b'<?xml version="1.0"?>\n<!-- -->\n<!DOCTYPE svg [<!ENTITY a "]">]>\n' + SVG,
            "image/svg+xml",
        ),
        (b'<s:svg xmlns:s="http://www.w3.org/2000/svg"/>', "image/svg+xml"),
        (
            b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"/>',
            "application/xhtml+xml",
        ),
        (b'<?xml version="1.0"?><feed/>', "application/xml"),
        (b'<?xml version="1.0"?><!--' + b"x" * HEAD_BYTES + b"-->" + SVG, "application/xml"),
        (b"<!--" + b"x" * HEAD_BYTES + b"-->" + SVG, "text/html"),
        (b"#!/bin/sh\nrm -rf /\n", "text/x-shellscript"),
        (b"<?php system($_GET['x']);", "application/x-httpd-php"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_a_browser_might_run_is_told_whatever_is_claimed(
    content: bytes, mime_type: str, claimed: str
) -> None:
    assert sniffed(content, claimed, "holiday.jpg") == mime_type


@pytest.mark.parametrize(
    ("content", "mime_type"),
    [
        (b"GIF89a/*" + samples.picture("GIF")[8:] + b"*/=1;alert(1)", "image/gif"),
        (b"GIF89a=1;alert(1)//" + b" " * 40, "text/plain"),
        (PDF + archive("a.txt"), "application/pdf"),
        (archive("a.txt") + PDF, "application/zip"),
        (samples.picture(comment=b"<html><script>alert(1)</script>"), "image/jpeg"),
        (samples.picture() + HTML, "image/jpeg"),
        (samples.picture("PNG") + archive("evil.js"), "image/png"),
        (HTML + samples.picture(), "text/html"),
        (b"BM" + HTML, "text/plain"),
        (b"BMW builds cars.\n", "text/plain"),
        (b"MZ is how it begins.\n", "text/plain"),
        (b"ID3 is a tag.\n", "text/plain"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_polyglot_is_what_its_first_bytes_say(content: bytes, mime_type: str) -> None:
    assert sniffed(content, name="x.bin") == mime_type


def test_text_takes_the_name_that_the_sender_gives_it() -> None:
    assert sniffed(b"a,b\n1,2\n", name="table.csv") == "text/csv"
    assert sniffed(b'{"a": 1}', "application/json; charset=utf-8") == "application/json"
    assert sniffed("olá\n".encode(), "application/octet-stream", "a.txt") == "text/plain"
    assert sniffed("olá\n".encode("latin-1")) == "text/plain"
    assert sniffed(b"alert(1)", "text/javascript") == "text/javascript"
    assert sniffed(b"", "image/png") == "text/plain"


def test_bytes_of_no_known_kind_are_no_picture_whatever_is_claimed() -> None:
    noise = bytes(range(256)) * 4
    for claimed in ("image/png", "image/heic", "video/mp4", "text/html", "application/pdf"):
        assert sniffed(noise, claimed) == "application/octet-stream"
    assert sniffed(noise, "application/x-blender") == "application/x-blender"
    assert sniffed(noise, "no type at all\r\nX: y") == "application/octet-stream"


@given(
    start=st.sampled_from([HTML, SVG, b"<script>", b"<body onload=x>", b"<!--", b"<?xml ?><svg>"]),
    rest=st.binary(max_size=200),
    claimed=st.sampled_from(["image/png", "application/pdf", "video/mp4", "text/plain"]),
)
def test_no_page_is_ever_taken_for_something_that_is_shown(
    start: bytes, rest: bytes, claimed: str
) -> None:
    assert not INLINE.match(sniffed(start + rest, claimed))


@given(content=st.binary(max_size=600), claimed=st.text(max_size=30), name=st.text(max_size=30))
def test_every_file_has_a_type_that_can_stand_in_a_header(
    content: bytes, claimed: str, name: str
) -> None:
    assert re.fullmatch(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+", sniffed(content, claimed, name))
