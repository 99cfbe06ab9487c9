"""Looks are found by workers, which may be lost; a file costs bounded time and memory."""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from PIL import Image

from chat4all.adapters.media.limits import MAX_SIDE, THUMBNAIL_SIDE, Limits
from chat4all.adapters.media.worker_inspector import WorkerInspector
from chat4all.domain.errors import Unavailable
from chat4all.domain.files import Looks
from chat4all.ports.media import Bytes, Inspection
from tests.unit.media import samples
from tests.unit.media.samples import bytes_of

PATIENT = Limits(seconds=60.0)
SHORT = Limits(workers=1, seconds=8.0)
NOTHING = Looks()


async def look(
    inspector: WorkerInspector, content: bytes, *, name: str = "file", claimed: str = ""
) -> Inspection:
    return await inspector.inspect(bytes_of(content), size=len(content), name=name, claimed=claimed)


@pytest.fixture
async def inspector() -> AsyncIterator[WorkerInspector]:
    async with WorkerInspector(PATIENT) as inspector:
        yield inspector


def opened(thumbnail: bytes | None) -> Image.Image:
    assert thumbnail is not None
    image = Image.open(io.BytesIO(thumbnail))
    assert image.format == "WEBP"
    image.load()
    return image


def children() -> set[int]:
    """Return the workers of this process that run."""
    found = subprocess.run(
        [shutil.which("ps") or "ps", "-o", "pid=,args=", "--ppid", str(os.getpid())],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return {
        int(line.split()[0])
        for line in found.stdout.splitlines()
        if "chat4all.adapters.media.worker" in line
    }


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - the system tells of no event
        await asyncio.sleep(0.01)


def limits_of(pid: int) -> dict[str, str]:
    """Return the soft limits of a process by their names."""
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    return {line[:25].strip(): line[25:].split()[0] for line in lines}


def environment_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


def is_red(pixel: object) -> bool:
    assert isinstance(pixel, tuple)
    return bool(pixel[0] > 150 and pixel[2] < 80)


async def test_a_picture_has_a_size_and_a_small_picture_of_it(inspector: WorkerInspector) -> None:
    for kind in ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "BMP", "TIFF"):
        seen = await look(inspector, samples.picture(kind, (1200, 800)))
        assert seen.looks == Looks(width=1200, height=800, thumbnail=True), kind
        small = opened(seen.thumbnail)
        assert small.size == (THUMBNAIL_SIDE, 320)
        assert is_red(small.getpixel((10, 10)))
        assert not is_red(small.getpixel((470, 10)))


async def test_a_small_picture_is_not_blown_up(inspector: WorkerInspector) -> None:
    seen = await look(inspector, samples.picture("PNG", (40, 30)))
    assert opened(seen.thumbnail).size == (40, 30)


async def test_a_photo_taken_sideways_is_upright(inspector: WorkerInspector) -> None:
    seen = await look(inspector, samples.photo_on_its_side())
    assert (seen.looks.width, seen.looks.height) == (400, 640)
    small = opened(seen.thumbnail)
    assert small.size == (300, THUMBNAIL_SIDE)
    assert is_red(small.getpixel((150, 10)))  # what lay to the left is on top


async def test_nothing_that_a_photo_tells_of_its_taker_is_in_the_thumbnail(
    inspector: WorkerInspector,
) -> None:
    photo = samples.photo_on_its_side()
    assert b"Secret camera" in photo
    seen = await look(inspector, photo)
    small = opened(seen.thumbnail)
    assert dict(small.getexif()) == {}
    assert not {"exif", "icc_profile", "xmp", "comment"} & set(small.info)
    assert seen.thumbnail is not None
    assert b"Secret" not in seen.thumbnail


async def test_what_is_clear_stays_clear(inspector: WorkerInspector) -> None:
    out = io.BytesIO()
    Image.new("RGBA", (100, 100), (0, 0, 0, 0)).save(out, "PNG")
    seen = await look(inspector, out.getvalue())
    assert opened(seen.thumbnail).getpixel((50, 50)) == (0, 0, 0, 0)


async def test_a_film_has_a_length_a_size_and_a_poster(inspector: WorkerInspector) -> None:
    for suffix, codec, mime_type in (
        ("mp4", "libx264", "video/mp4"),
        ("mov", "mpeg4", "video/quicktime"),
        ("webm", "libvpx", "video/webm"),
        ("matroska", "libvpx-vp9", "video/x-matroska"),
        ("avi", "mpeg4", "video/x-msvideo"),
    ):
        seen = await look(inspector, samples.film(suffix, codec))
        assert seen.mime_type == mime_type
        assert (seen.looks.width, seen.looks.height) == (320, 240)
        assert seen.looks.duration == pytest.approx(2, abs=0.2)
        assert opened(seen.thumbnail).size == (320, 240)


async def test_a_film_of_a_phone_held_upright_is_upright(inspector: WorkerInspector) -> None:
    seen = await look(inspector, samples.film_on_its_side())
    assert (seen.looks.width, seen.looks.height) == (240, 320)
    small = opened(seen.thumbnail)
    assert small.size == (240, 320)
    assert not is_red(small.getpixel((120, 10)))  # blue lay to the left, and is on top


async def test_a_voice_note_has_a_length_and_is_no_film(inspector: WorkerInspector) -> None:
    for suffix, codec, mime_type in (
        ("mp3", "libmp3lame", "audio/mpeg"),
        ("ogg", "libopus", "audio/ogg"),
        ("flac", "flac", "audio/flac"),
        ("wav", "pcm_s16le", "audio/wav"),
        ("webm", "libopus", "audio/webm"),
        ("ipod", "aac", "audio/mp4"),
    ):
        seen = await look(inspector, samples.sound(suffix, codec))
        assert seen.mime_type == mime_type
        assert seen.thumbnail is None
        assert seen.looks == Looks(duration=seen.looks.duration)
        assert seen.looks.duration == pytest.approx(2, abs=0.1)


async def test_a_recording_of_a_browser_which_does_not_say_its_length_has_one(
    inspector: WorkerInspector,
) -> None:
    voice = await look(inspector, samples.sound("webm", "libopus", live=True))
    assert voice.looks.duration == pytest.approx(2, abs=0.1)
    film = await look(inspector, samples.film("webm", "libvpx", live=True))
    assert film.looks.duration == pytest.approx(2, abs=0.2)
    assert film.looks.thumbnail


async def test_of_a_film_of_2_gib_only_the_parts_that_are_needed_are_read(
    inspector: WorkerInspector,
) -> None:
    size = 2 * 1024**3
    first, last = samples.halves_of_a_film_of(size)
    read = 0

    async def data(*, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        nonlocal read
        stop, tail = end or size, size - len(last)
        for at in range(start, stop, 65536):
            until = min(stop, at + 65536)
            zeros = bytes(max(0, min(until, tail) - max(at, len(first))))
            piece = first[at:until] + zeros + last[max(0, at - tail) : max(0, until - tail)]
            read += len(piece)
            yield piece

    seen = await inspector.inspect(data, size=size, name="a.mp4", claimed="")
    assert seen.looks == Looks(width=320, height=240, duration=2.0, thumbnail=True)
    assert read < 4 * 1024**2


BOMBS = {
    "a picture of 50,000 x 50,000": samples.png_that_says(50_000, 50_000, bytes(150_001)),
    "a picture that is not there": samples.png_that_says(4000, 4000),
    "a broken picture": samples.picture()[:400],
    "boxes in boxes": samples.nested_boxes(20_000),
    "an archive": samples.zip_bomb(),
    "laughing entities": samples.billion_laughs(),
    "a film of noise": samples.film()[:40] + bytes(range(256)) * 4000,
    "a sound of noise": b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f" + bytes(range(256)) * 4000,
}


@pytest.mark.parametrize("name", BOMBS)
async def test_a_bomb_has_no_looks_and_the_next_file_has(
    inspector: WorkerInspector, name: str
) -> None:
    seen = await look(inspector, BOMBS[name])
    assert seen.looks == NOTHING
    assert seen.thumbnail is None
    assert (await look(inspector, samples.picture())).looks.thumbnail


async def test_of_a_million_frames_only_the_first_is_looked_at(inspector: WorkerInspector) -> None:
    seen = await look(inspector, samples.gif_of_many_frames(1_000_000))
    assert seen.looks == Looks(width=1, height=1, thumbnail=True)


async def test_a_picture_too_large_to_be_decoded_has_a_size_all_the_same(
    inspector: WorkerInspector,
) -> None:
    seen = await look(inspector, samples.png_that_says(20_000, 20_000, bytes(60_001)))
    assert seen.looks == Looks(width=20_000, height=20_000)
    assert MAX_SIDE > 20_000


async def test_more_memory_than_a_worker_may_take_costs_the_looks_alone() -> None:
    async with WorkerInspector(Limits(seconds=60.0, memory_bytes=256 * 1024**2)) as small:
        large = samples.picture("PNG", (7000, 7000))
        assert (await look(small, large)).looks == NOTHING
        assert (await look(small, samples.picture())).looks.thumbnail


async def test_more_bytes_than_may_be_read_cost_the_looks_alone() -> None:
    noise = Image.effect_noise((900, 900), 90).convert("RGB")
    out = io.BytesIO()
    noise.save(out, "PNG")
    async with WorkerInspector(Limits(seconds=60.0, read_bytes=300_000)) as short:
        assert len(out.getvalue()) > 500_000
        assert (await look(short, out.getvalue())).looks == NOTHING
        assert (await look(short, samples.picture())).looks.thumbnail


@pytest.mark.parametrize("how", [signal.SIGSTOP, signal.SIGKILL])
async def test_a_worker_that_hangs_or_dies_is_replaced(how: signal.Signals) -> None:
    photo = samples.picture()
    victims: list[int] = []

    async def data(*, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        for pid in children():
            victims.append(pid)
            os.kill(pid, how)
        yield photo[start:end]

    async with WorkerInspector(SHORT) as inspector:
        seen = await inspector.inspect(data, size=len(photo), name="a.jpg", claimed="")
        assert (seen.mime_type, seen.looks) == ("image/jpeg", NOTHING)
        assert len(victims) == 1
        assert not children() & set(victims)
        assert (await look(inspector, photo)).looks.thumbnail


async def test_a_worker_that_died_while_idle_is_not_asked() -> None:
    async with WorkerInspector(SHORT) as inspector:
        assert (await look(inspector, samples.picture())).looks.thumbnail
        [idle] = children()
        os.kill(idle, signal.SIGKILL)
        await until(lambda: idle not in children())
        assert (await look(inspector, samples.picture())).looks.thumbnail


async def test_what_goes_wrong_in_the_store_goes_on_to_the_caller() -> None:
    photo = samples.picture()
    asked = 0

    async def data(*, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        nonlocal asked
        asked += 1
        if asked > 1:  # the head was read
            raise Unavailable("the store does not answer")
        yield photo[start:end]

    async with WorkerInspector(SHORT) as inspector:
        with pytest.raises(Unavailable):
            await inspector.inspect(data, size=len(photo), name="a.jpg", claimed="")
        assert (await look(inspector, photo)).looks.thumbnail


async def gated(
    inspector: WorkerInspector, gate: asyncio.Event, count: int
) -> tuple[list[asyncio.Task[Inspection]], list[int]]:
    """Begin to look at many files, whose bytes come once the gate is open."""
    photo = samples.picture()
    at_once = [0, 0]

    def file() -> Bytes:
        asked = 0

        async def data(*, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
            nonlocal asked
            asked += 1
            if asked == 2:
                at_once[0] += 1
                at_once[1] = max(at_once)
                await gate.wait()
                at_once[0] -= 1
            yield photo[start:end]

        return data

    tasks = [
        asyncio.create_task(inspector.inspect(file(), size=len(photo), name="a.jpg", claimed=""))
        for _ in range(count)
    ]
    return tasks, at_once


async def test_no_more_workers_run_than_may() -> None:
    gate = asyncio.Event()
    async with WorkerInspector(Limits(workers=2, seconds=60.0)) as inspector:
        tasks, at_once = await gated(inspector, gate, 6)
        await until(lambda: at_once[0] == 2)
        assert len(children()) == 2
        gate.set()
        assert all([(await task).looks.thumbnail for task in tasks])
        assert at_once[1] == 2
        assert len(children()) == 2


async def test_a_file_that_finds_the_queue_full_has_no_looks_and_does_not_wait() -> None:
    gate = asyncio.Event()
    async with WorkerInspector(Limits(workers=1, waiting=1, seconds=60.0)) as inspector:
        tasks, at_once = await gated(inspector, gate, 2)
        await until(lambda: at_once[0] == 1)
        assert (await look(inspector, samples.picture())).looks == NOTHING
        gate.set()
        assert all([(await task).looks.thumbnail for task in tasks])


async def test_a_caller_who_goes_away_leaves_no_worker_in_mid_sentence() -> None:
    gate = asyncio.Event()
    async with WorkerInspector(SHORT) as inspector:
        [task], at_once = await gated(inspector, gate, 1)
        await until(lambda: at_once[0] == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await look(inspector, samples.picture())).looks.thumbnail


async def test_workers_end_when_there_is_nothing_to_do_and_with_the_inspector() -> None:
    async with WorkerInspector(Limits(seconds=60.0, idle_seconds=0.05)) as inspector:
        await look(inspector, samples.picture())
        await until(lambda: not children())
        assert (await look(inspector, samples.picture())).looks.thumbnail
    assert children() == set()


async def test_a_worker_is_replaced_after_many_files() -> None:
    async with WorkerInspector(Limits(workers=1, seconds=60.0, files_per_worker=2)) as inspector:
        pids = []
        for _ in range(4):
            await look(inspector, samples.picture())
            pids.append(children())
        assert pids[0]
        assert not pids[0] & pids[2]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
async def test_a_worker_is_bounded_by_the_system_and_knows_no_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CHAT4ALL_TELEGRAM_TOKEN", "123:secret")
    async with WorkerInspector(PATIENT) as inspector:
        await look(inspector, samples.picture())
        [pid] = children()
        soft = limits_of(pid)
        assert 0 < int(soft["Max cpu time"]) <= PATIENT.cpu_seconds + 5
        assert int(soft["Max address space"]) == PATIENT.memory_bytes
        assert soft["Max file size"] == soft["Max core file size"] == "0"
        assert int(soft["Max open files"]) < 10
        assert b"secret" not in environment_of(pid)
