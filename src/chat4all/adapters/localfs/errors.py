"""What the file system says, in the words of our error tree."""

from __future__ import annotations

import errno

from chat4all.domain.errors import Chat4AllError, StorageFull, Unavailable

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def translate(error: OSError) -> Chat4AllError:
    """Return the error of our tree for one of the system."""
    if error.errno in _FULL:
        return StorageFull(
            f"the folder of the stored files takes no more ({error.strerror}); free some space, "
            "then go on from the offset that is kept"
        )
    return Unavailable(f"the folder of the stored files: {error.strerror}; repeat the request")
