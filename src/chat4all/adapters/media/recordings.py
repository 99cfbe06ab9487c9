"""Lengths of sound and video, sizes and a poster frame of video, by PyAV. Runs in the worker."""

from __future__ import annotations

from fractions import Fraction
from typing import IO

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream
from PIL import Image

from chat4all.adapters.media.found import Found
from chat4all.adapters.media.limits import MAX_PIXELS, THUMBNAIL_SIDE
from chat4all.adapters.media.pictures import thumbnail_of

DEMUXERS = {
    "audio/aac": "aac",
    "audio/amr": "amr",
    "audio/flac": "flac",
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
    "video/x-msvideo": "avi",
    **dict.fromkeys(("audio/ogg", "video/ogg"), "ogg"),
    **dict.fromkeys(
        ("audio/mp4", "audio/x-m4a", "audio/3gpp", "video/mp4", "video/quicktime", "video/3gpp"),
        "mov",
    ),
    **dict.fromkeys(
        ("audio/webm", "audio/x-matroska", "video/webm", "video/x-matroska"), "matroska"
    ),
}
"""The demuxers that strangers' bytes may reach, by the type that the bytes have. Never those
that follow references to other files, such as playlists."""
_PICTURES = ("h264", "hevc", "vp8", "vp9", "av1", "libdav1d", "mpeg4", "h263", "mjpeg", "theora")
_SOUNDS = (
    "aac", "alac", "amrnb", "amrwb", "flac", "mp3", "mp3float", "opus", "libopus", "vorbis",
    "pcm_s16le", "pcm_s24le", "pcm_f32le", "pcm_u8",
)  # fmt: skip
_OPTIONS = {"protocol_whitelist": "none", "codec_whitelist": ",".join((*_PICTURES, *_SOUNDS))}
_POSTER_AT = 0.1
_QUARTER = 90


def listen_to(data: IO[bytes], mime_type: str) -> Found:
    """Return the length of a recording; of a video also its size as it is seen, and a poster."""
    with av.open(
        data, "r", format=DEMUXERS[mime_type], options=_OPTIONS, metadata_errors="ignore"
    ) as container:
        stated = _stated_duration(container)
        stream = next(filter(_moves, container.streams.video), None)
        if stream is None:
            return Found(duration=stated or _walked_duration(container), video=False)
        seen, turned = _size(stream), False
        poster = None
        try:
            poster, turned = _poster(container, stream, stated)
        except (av.FFmpegError, MemoryError, ValueError):
            poster = None  # the rest is worth knowing without it
        width, height = reversed(seen) if turned else seen
        duration = stated or _walked_duration(container)
        return Found(width=width, height=height, duration=duration, video=True, thumbnail=poster)


def _moves(stream: VideoStream) -> bool:
    return not stream.disposition & Disposition.attached_pic and stream.width > 0


def _size(stream: VideoStream) -> tuple[int, int]:
    """Return the size of a frame with square pixels."""
    ratio = stream.sample_aspect_ratio or Fraction(1)
    return round(stream.width * ratio), stream.height


def _stated_duration(container: InputContainer) -> float | None:
    if container.duration is not None and container.duration > 0:
        return container.duration / av.time_base
    lengths = [
        float(one.duration * one.time_base)
        for one in container.streams
        if one.duration is not None and one.time_base is not None
    ]
    return max(lengths, default=None)


def _walked_duration(container: InputContainer) -> float | None:
    """Return when the last packet ends: recordings of a browser do not state their length."""
    end = 0.0
    for packet in container.demux():
        if packet.pts is not None and packet.time_base is not None:
            end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
    return end or None


def _poster(
    container: InputContainer, stream: VideoStream, duration: float | None
) -> tuple[bytes | None, bool]:
    """Return a frame early in the film, and whether the film is played on its side."""
    codec = stream.codec_context
    if codec.name not in _PICTURES or stream.width * stream.height > MAX_PIXELS:
        return None, False
    codec.thread_count = 1
    codec.skip_frame = "NONKEY"
    if duration is not None:
        container.seek(int(duration * _POSTER_AT * av.time_base))
    frame = next(container.decode(stream), None)
    if frame is None:
        return None, False
    width, height = _size(stream)
    scale = min(1.0, THUMBNAIL_SIDE / max(width, height))
    small = frame.reformat(
        width=max(1, round(width * scale)), height=max(1, round(height * scale)), format="rgb24"
    )
    picture: Image.Image = small.to_image()  # type: ignore[no-untyped-call] # PyAV's own
    upright = picture.rotate(frame.rotation, expand=True)
    return thumbnail_of(upright), frame.rotation % (2 * _QUARTER) == _QUARTER
