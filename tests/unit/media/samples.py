"""Small real files of many kinds, made by code; and hostile ones."""

from __future__ import annotations

import io
import itertools
import struct
import zipfile
import zlib
from collections.abc import AsyncIterator
from fractions import Fraction
from typing import Any

import av
from PIL import Image, ImageCms

from chat4all.ports.media import Bytes

RED, BLUE = (200, 30, 30), (30, 30, 200)
IDENTITY = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
QUARTER_TURN = struct.pack(">9i", 0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000)


def bytes_of(content: bytes) -> Bytes:
    """Return a file in memory as the inspector asks for it."""

    async def read(*, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        stop = len(content) if end is None else end
        for at in range(start, stop, 1 << 20):
            yield content[at : min(stop, at + (1 << 20))]

    return read


def picture(kind: str = "JPEG", size: tuple[int, int] = (640, 400), **options: object) -> bytes:
    """Return a picture that is red on its left and blue on its right."""
    image = Image.new("RGB", size, RED)
    image.paste(BLUE, (size[0] // 2, 0, size[0], size[1]))
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def photo_on_its_side() -> bytes:
    """Return a photo with an orientation, a place, and a colour profile."""
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    exif[0x010F] = "Secret camera"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return picture(exif=exif, icc_profile=profile, comment=b"Secret comment")


def film(
    suffix: str = "mp4", codec: str = "libx264", *, seconds: int = 2, live: bool = False
) -> bytes:
    """Return a film of 320 x 240, ten frames a second."""
    out = io.BytesIO()
    with av.open(out, "w", format=suffix, options={"live": "1"} if live else {}) as container:
        stream: Any = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for number in range(seconds * 10):
            image = Image.new("RGB", (320, 240), RED)
            image.paste(BLUE, (0, 0, 160, 240))
            frame: Any = av.VideoFrame.from_image(image)  # type: ignore[no-untyped-call] # of PyAV
            frame.pts = number
            frame.time_base = Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()


def sound(suffix: str, codec: str, *, seconds: int = 2, live: bool = False) -> bytes:
    """Return silence."""
    out = io.BytesIO()
    with av.open(out, "w", format=suffix, options={"live": "1"} if live else {}) as container:
        stream: Any = container.add_stream(codec, rate=48_000, layout="mono")
        size = stream.codec_context.frame_size or 1024
        kind = stream.codec_context.format.name
        for at in range(0, seconds * 48_000, size):
            frame = av.AudioFrame(format=kind, layout="mono", samples=size)
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            frame.sample_rate, frame.pts = 48_000, at
            frame.time_base = Fraction(1, 48_000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()


def film_on_its_side() -> bytes:
    """Return a film as a phone held upright makes it."""
    plain = film()
    header = plain.index(b"tkhd")
    at = plain.index(IDENTITY, header)
    return plain[:at] + QUARTER_TURN + plain[at + len(IDENTITY) :]


def halves_of_a_film_of(size: int) -> tuple[bytes, bytes]:
    """Return how a film of `size` bytes begins and ends; between them are zeros.

    Its index is at its end, as a camera writes it.
    """
    whole = film()
    gap, begin = size - len(whole), whole.index(b"mdat") - 4
    index = whole.index(b"stco") + 8
    (count,) = struct.unpack_from(">I", whole, index)
    moved = [at + gap for at in struct.unpack_from(f">{count}I", whole, index + 4)]
    end = index + 4 + 4 * count
    last = whole[begin : index + 4] + struct.pack(f">{count}I", *moved) + whole[end:]
    return whole[:begin] + struct.pack(">I4s", gap, b"free"), last


def png_that_says(width: int, height: int, rows: bytes = b"") -> bytes:
    """Return a PNG whose header says a size, over so much data."""

    def chunk(name: bytes, data: bytes) -> bytes:
        body = name + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(rows)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


def gif_of_many_frames(count: int) -> bytes:
    """Return a GIF with `count` frames of one pixel, 20 bytes each."""
    head = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6)
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    return head + frame * count + b"\x3b"


def nested_boxes(depth: int) -> bytes:
    """Return an MP4 whose boxes lie in each other."""
    inner = b""
    for _ in range(depth):
        inner = struct.pack(">I4s", len(inner) + 8, b"moov") + inner
    return struct.pack(">I4s4sI4s", 20, b"ftyp", b"isom", 0, b"isom") + inner


def zip_bomb(megabytes: int = 64) -> bytes:
    """Return an archive that unpacks to much more than it is, named as a document."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(megabytes // 8):
            archive.writestr(f"word/{number}.xml", bytes(8 << 20))
    return out.getvalue()


def billion_laughs() -> bytes:
    """Return an SVG whose entities would unfold to gigabytes."""
    names = "abcdefghij"
    entities = '<!ENTITY a "ha">' + "".join(
        f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in itertools.pairwise(names)
    )
    return f'<?xml version="1.0"?><!DOCTYPE svg [{entities}]><svg>&j;</svg>'.encode()
