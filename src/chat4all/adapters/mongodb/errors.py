"""What MongoDB and its driver say, in the words of our error tree.

No text of the driver stands in an error: it may name the address, and that the password.
https://www.mongodb.com/docs/manual/reference/error-codes/
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    ConnectionFailure,
    DocumentTooLarge,
    OperationFailure,
    PyMongoError,
    WTimeoutError,
)

from chat4all.domain.errors import BadSettings, EngineMissing, StorageFull, TooLarge, Unavailable

SETTING = "CHAT4ALL_MESSAGES_URL"
DUPLICATE = 11000
_DISK_FULL = 14031
_REFUSED = frozenset({13, 18})  # Unauthorized, AuthenticationFailed


@contextmanager
def translated() -> Iterator[None]:
    """Turn what the driver raises into an error of ours; a mistake of ours stays as it is."""
    try:
        yield
    except DocumentTooLarge as error:
        raise TooLarge("this does not fit into one document of MongoDB (16 MiB)") from error
    except (ConnectionFailure, WTimeoutError) as error:
        raise Unavailable(f"MongoDB does not answer ({type(error).__name__})") from error
    except OperationFailure as error:
        if error.code == _DISK_FULL:
            raise StorageFull("the disk of MongoDB is full: free some space there") from error
        raise Unavailable(f"MongoDB refuses ({_name(error)})") from error
    except PyMongoError as error:
        raise Unavailable(f"MongoDB cannot be used now ({type(error).__name__})") from error


def duplicates_only(error: BulkWriteError) -> bool:
    """Say whether all that went wrong is that some documents were there already."""
    details = error.details
    failed = details.get("writeErrors", [])
    return not details.get("writeConcernErrors") and all(
        one.get("code") == DUPLICATE for one in failed
    )


def refused(error: Exception, place: str) -> BadSettings:
    """Return why the start ends: what is wrong with MongoDB at `place`, and what to do."""
    if isinstance(error, OperationFailure) and error.code in _REFUSED:
        return BadSettings(
            f"{SETTING}: MongoDB at {place} refuses the user name or password, or the user may "
            "not read and write this database"
        )
    if isinstance(error, AutoReconnect):
        return EngineMissing(
            f"{SETTING}: MongoDB at {place} does not answer ({type(error).__name__}); start it, "
            "or correct the address"
        )
    return BadSettings(f"{SETTING}: MongoDB at {place} cannot be used ({_name(error)})")


def _name(error: Exception) -> str:
    details = getattr(error, "details", None) or {}
    return str(details.get("codeName") or getattr(error, "code", None) or type(error).__name__)
