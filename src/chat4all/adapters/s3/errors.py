"""What an S3 server or the way to it says, in the words of our error tree.

https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import ClientError as HttpError
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from chat4all.domain.errors import StorageFull, Unavailable

_FULL = frozenset({"XMinioStorageFull", "InsufficientStorage", "XMinioAdminBucketQuotaExceeded"})
_FULL_STATUS = 507
_OF_SERVER = 500
_DENIED = frozenset(
    {
        "AccessDenied",
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "ExpiredToken",
        "InvalidToken",
        "403",
    }
)


class Absent(Exception):
    """There is no such object or upload; never leaves this folder."""


class Refused(Exception):
    """A condition of the request did not hold; never leaves this folder."""


class OutOfRange(Exception):
    """The object has no byte of the range; never leaves this folder."""


_EXPECTED: dict[str, type[Exception]] = {
    "NoSuchKey": Absent,
    "NoSuchUpload": Absent,
    "404": Absent,
    "PreconditionFailed": Refused,
    "ConditionalRequestConflict": Refused,
    "412": Refused,
    "InvalidRange": OutOfRange,
    "416": OutOfRange,
}


@contextmanager
def translated() -> Iterator[None]:
    """Turn what the library raises into errors of our tree; none repeats an address or a key."""
    try:
        yield
    except ClientError as error:
        raise _of_answer(error) from error
    except NoCredentialsError as error:
        raise Unavailable(
            "there are no credentials for the object store; set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY"
        ) from error
    except (BotoCoreError, HttpError, OSError, TimeoutError) as error:
        raise Unavailable(
            f"the object store does not answer ({type(error).__name__}); repeat the request"
        ) from error


def may_come(error: Unavailable) -> bool:
    """Return whether it is the server that is not there yet, and not we who are refused."""
    told = error.__cause__
    if isinstance(told, ClientError):
        return int(told.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) >= _OF_SERVER
    return not isinstance(told, NoCredentialsError)


def _of_answer(error: ClientError) -> Exception:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    call = error.operation_name
    if code in _FULL or status == _FULL_STATUS:
        return StorageFull(
            f"the object store takes no more ({code}); free some space, then go on from the "
            "offset that is kept"
        )
    if code in _DENIED:
        return Unavailable(
            f"the object store does not let us ({call}: {code}); check AWS_ACCESS_KEY_ID, "
            "AWS_SECRET_ACCESS_KEY and what they are allowed"
        )
    if code in _EXPECTED:
        return _EXPECTED[code](code)
    return Unavailable(
        f"the object store refused {call} ({code or 'no code'}, HTTP {status}); repeat the request"
    )
