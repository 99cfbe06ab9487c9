"""Redis's errors as ours, at the edge."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from redis.exceptions import (
    AuthenticationError,
    ConnectionError,  # noqa: A004 - the driver calls it so
    NoPermissionError,
    OutOfMemoryError,
    RedisError,
    TimeoutError,  # noqa: A004
)

from chat4all.domain.errors import BadSettings, EngineMissing, StorageFull, Unavailable


@contextmanager
def translated() -> Iterator[None]:
    """Turn what Redis raises into `StorageFull` or `Unavailable`; no text of a key stands in it.

    A cancellation that the driver lost is raised at the end: it waits by `asyncio.wait_for`,
    which in Python 3.11 drops one that comes as the call ends, and who cancelled would wait
    for ever (https://github.com/python/cpython/issues/86296).
    """
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    try:
        yield
    except OutOfMemoryError as error:
        raise StorageFull("Redis is full: give it more memory (maxmemory)") from error
    except (ConnectionError, TimeoutError, OSError) as error:
        raise Unavailable(f"Redis does not answer ({type(error).__name__})") from error
    except RedisError as error:
        raise Unavailable(f"Redis refuses ({type(error).__name__})") from error
    finally:
        if task is not None and task.cancelling() > before:
            raise asyncio.CancelledError


def refused(error: Exception, place: str) -> BadSettings:
    """Return why the start ends: what is wrong with Redis at `place`, and what to do."""
    if isinstance(error, (AuthenticationError, NoPermissionError)):
        return BadSettings(
            f"CHAT4ALL_EPHEMERAL_URL: Redis at {place} refuses the user name or password"
        )
    return EngineMissing(
        f"CHAT4ALL_EPHEMERAL_URL: Redis at {place} does not answer ({type(error).__name__}); "
        "start it, or correct the address"
    )
