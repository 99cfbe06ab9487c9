"""Sizes and thumbnails of pictures, by Pillow. Runs in the worker."""

from __future__ import annotations

import io
from typing import IO

from PIL import Image, ImageCms, ImageOps

from chat4all.adapters.media.found import Found
from chat4all.adapters.media.limits import MAX_PIXELS, MAX_SIDE, THUMBNAIL_SIDE

FORMATS = {
    "image/avif": "AVIF",
    "image/bmp": "BMP",
    "image/gif": "GIF",
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/tiff": "TIFF",
    "image/webp": "WEBP",
}
"""The decoders that strangers' bytes may reach, by the type that the bytes have."""
_ORIENTATION, _TURNED = 0x0112, (5, 6, 7, 8)
_QUALITY = 80

Image.MAX_IMAGE_PIXELS = None  # `look_at` decides, by what would be decoded


def look_at(data: IO[bytes], mime_type: str) -> Found:
    """Return the size of a picture as it is seen, and a small one of its first frame."""
    with Image.open(data, formats=[FORMATS[mime_type]]) as image:
        width, height = image.size
        if max(width, height) > MAX_SIDE:
            return Found()
        # A JPEG is decoded at an eighth of its size, when that is enough.
        image.draft("RGB", (2 * THUMBNAIL_SIDE, 2 * THUMBNAIL_SIDE))
        if image.width * image.height > MAX_PIXELS:
            return Found(width=width, height=height)
        if image.getexif().get(_ORIENTATION) in _TURNED:
            width, height = height, width
        return Found(width=width, height=height, thumbnail=thumbnail_of(image))


def thumbnail_of(image: Image.Image) -> bytes:
    """Return a small WebP: upright, in sRGB, and with nothing else that the picture carried."""
    profile = image.info.get("icc_profile")
    image.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), reducing_gap=2.0)
    upright = ImageOps.exif_transpose(image)
    clear = upright.has_transparency_data
    small = _in_srgb(upright, profile, "RGBA" if clear else "RGB")
    out = io.BytesIO()
    small.save(out, "WEBP", quality=_QUALITY, exif=b"", icc_profile=None, xmp=b"")
    return out.getvalue()


def _in_srgb(image: Image.Image, profile: bytes | None, mode: str) -> Image.Image:
    if profile and image.mode in ("RGB", "CMYK", "L"):
        try:
            given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            wanted = ImageCms.createProfile("sRGB")
            turned = ImageCms.profileToProfile(image, given, wanted, outputMode="RGB")
        except (ImageCms.PyCMSError, OSError, ValueError):
            turned = None  # a broken profile: the colours are a little off
        if turned is not None:
            image = turned
    plain = image.convert(mode)
    plain.info = {}
    return plain
