"""What every `ObjectStore` must do. Bind it in about ten lines: see tests/contract/."""

from __future__ import annotations

import asyncio
import sys
import tracemalloc
from collections.abc import AsyncIterator, Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat4all.domain.errors import UploadBusy
from chat4all.ports.object_store import ObjectStore, UploadToken
from chat4all.testing.object_store_course import UploadCourse
from chat4all.testing.object_store_reading import ReadingContract
from chat4all.testing.object_store_storage import began, pieces, source, whole
from chat4all.testing.object_store_uploads import UploadsContract

PATIENCE = 60.0  # seconds after which something that should have come is a failure
KILLS = 3
_WRITER = "\nfrom chat4all.testing.object_store_writer import write\nwrite(store)\n"


class ObjectStoreContract(UploadsContract, ReadingContract):
    """All of it: writing, reading, and what neither kills nor chance may break."""

    @settings(
        max_examples=15,
        deadline=None,
        suppress_health_check=[
            HealthCheck.function_scoped_fixture,
            HealthCheck.differing_executors,
            HealthCheck.too_slow,
        ],
    )
    @given(
        steps=st.lists(
            st.tuples(
                st.sampled_from(["append", "append", "break", "cancel", "elsewhere"]),
                st.integers(0, 1000),
            ),
            max_size=8,
        )
    )
    async def test_any_course_of_an_upload_ends_with_the_bytes_sent(
        self, store: ObjectStore, peer: ObjectStore, steps: Sequence[tuple[str, int]]
    ) -> None:
        scaled = [(name, wish * self.scale * 3 // 1000) for name, wish in steps]
        await UploadCourse((store, peer), self.scale * 4 + 321).run(scaled)

    async def test_another_node_goes_on_where_a_killed_process_stood(
        self, store: ObjectStore, in_a_process: str
    ) -> None:
        self._needs("processes")
        size = self.scale * 14
        key, token = await began(store, size)
        for _ in range(KILLS):
            at = await store.uploads.offset(token)
            await _kill_in_the_middle(in_a_process, token, at, at + self.scale * 4)
            kept = await _free_again(store, token)
            assert at < kept <= at + self.scale * 4
        at = await store.uploads.offset(token)
        await store.uploads.append(token, at, pieces(at, size))
        await store.uploads.complete(token)
        assert await whole(store, key) == source(0, size)

    async def test_a_large_append_takes_little_memory(self, store: ObjectStore) -> None:
        size = self.most_memory * 4
        piece = 65_536

        async def fresh() -> AsyncIterator[bytes]:
            for at in range(0, size, piece):
                yield at.to_bytes(8, "big") * (piece // 8)

        _, token = await began(store, size)
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            assert await store.uploads.append(token, 0, fresh()) == size
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak - before < self.most_memory


async def _kill_in_the_middle(program: str, token: UploadToken, start: int, end: int) -> None:
    """Let a process of its own append from `start` on; kill it before it gave all up to `end`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        program + _WRITER,
        token,
        str(start),
        str(end),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        while line := await process.stdout.readline():
            if int(line) >= start + (end - start) * 3 // 4:
                break
        process.kill()
        while await process.stdout.read(65_536):
            pass
        assert await process.wait() < 0, "the process ended before it was killed"


async def _free_again(store: ObjectStore, token: UploadToken) -> int:
    """Wait until the upload is nobody's any more; return what is kept of it."""
    async with asyncio.timeout(PATIENCE):
        while True:
            at = await store.uploads.offset(token)
            try:
                return await store.uploads.append(token, at, pieces(at, at))
            except UploadBusy:
                await asyncio.sleep(0.1)
