"""The worker: a process of its own, for a decoder that is fooled may crash, hang or be taken over.

`python -m chat4all.adapters.media.worker CPU_SECONDS MEMORY_BYTES READ_BYTES`. It is given a
line of JSON for each file, `{"size": N, "mime_type": "..."}`, and answers as `found.py` says.
It writes no file, and opens no more than one at a time; its environment holds no secrets.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import sys
from collections.abc import Callable
from typing import IO, BinaryIO

from chat4all.adapters.media.asked_file import asked_file
from chat4all.adapters.media.found import Found
from chat4all.adapters.media.limits import MAX_THUMBNAIL_BYTES

Look = Callable[[IO[bytes], str], Found]

OPEN_FILES = 5
"""Standard input, two nulls, the pipe to answer by; one more, for FFmpeg's random seed."""


def main() -> None:
    """Look into files until nobody asks any more."""
    cpu_seconds, memory_bytes, read_bytes = map(int, sys.argv[1:])
    questions, answers = sys.stdin.buffer, _answers()
    looks = _looks()
    _confine(memory_bytes)
    while line := questions.readline():
        task = json.loads(line)
        _allow_cpu(cpu_seconds)
        data = asked_file(questions, answers, size=task["size"], budget=read_bytes)
        found = _look(looks.get(task["mime_type"]), data, task["mime_type"])
        _tell(answers, found)


def _answers() -> BinaryIO:
    """Return the pipe to answer by, where no library can print to."""
    pipe = os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)
    return pipe


def _looks() -> dict[str, Look]:
    """Return who looks into which type: of what is installed, loaded while files may be opened."""
    looks: dict[str, Look] = {}
    with contextlib.suppress(ImportError):
        from PIL import Image  # noqa: PLC0415 - it is an extra

        from chat4all.adapters.media import pictures  # noqa: PLC0415

        Image.init()
        looks |= dict.fromkeys(pictures.FORMATS, pictures.look_at)
    with contextlib.suppress(ImportError):
        from chat4all.adapters.media import recordings  # noqa: PLC0415 - it is an extra

        looks |= dict.fromkeys(recordings.DEMUXERS, recordings.listen_to)
    return looks


def _confine(memory_bytes: int) -> None:
    for what, bound in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
    ):
        with contextlib.suppress(ValueError, OSError):  # a system that knows no such limit
            resource.setrlimit(what, (bound, bound))


def _allow_cpu(seconds: int) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    until = int(used.ru_utime + used.ru_stime) + seconds + 1
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (until, hard))


def _look(look: Look | None, data: IO[bytes], mime_type: str) -> Found:
    if look is None:
        return Found()
    try:
        return look(data, mime_type)
    except Exception:  # noqa: BLE001 - whatever a decoder raises at hostile bytes
        return Found()


def _tell(answers: BinaryIO, found: Found) -> None:
    thumbnail = found.thumbnail or b""
    if len(thumbnail) > MAX_THUMBNAIL_BYTES:
        thumbnail = b""
    told = {"found": found.as_json(), "thumbnail": len(thumbnail)}
    answers.write(json.dumps(told).encode() + b"\n" + thumbnail)
    answers.flush()


if __name__ == "__main__":
    main()
