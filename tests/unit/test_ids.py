"""Ids of the server: in order, and never twice, whoever makes them at the same time."""

from __future__ import annotations

import subprocess
import sys
import threading
import uuid

from chat4all.domain.ids import new_id

MANY = 2_000
FORKED = """
import os
from chat4all.domain.ids import new_id
new_id()
child = os.fork()
if child:
    os.waitpid(child, 0)
print(*[new_id() for _ in range(20)], flush=True)
"""


def test_ids_are_uuids_of_version_7_in_the_order_they_were_made() -> None:
    made = [new_id() for _ in range(MANY)]

    assert made == sorted(made)
    assert {(one.version, one.variant) for one in map(uuid.UUID, made)} == {(7, uuid.RFC_4122)}


def test_threads_make_no_id_twice() -> None:
    made: list[str] = []

    def make() -> None:
        made.extend([new_id() for _ in range(MANY)])

    threads = [threading.Thread(target=make) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert len(_random_parts(made)) == 8 * MANY


def test_a_forked_process_draws_random_numbers_of_its_own() -> None:
    told = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, check=True)
    ours, theirs = told.stdout.decode().splitlines()

    assert len(theirs.split()) == len(ours.split()) == 20
    assert _random_parts(theirs.split()).isdisjoint(_random_parts(ours.split()))


def _random_parts(ids: list[str]) -> set[str]:
    return {one[19:] for one in ids}
