"""Sends a file with tuspy as it is, and goes on with what an earlier run began.

`python tuspy_send.py` with a job in JSON as its standard input.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from tusclient.client import TusClient
from tusclient.storage.filestorage import FileStorage

storage: Any = FileStorage  # it has no types


def main() -> None:
    job = json.load(sys.stdin)
    client = TusClient(job["endpoint"], headers=job["headers"])
    uploader: Any = client.uploader(
        job["file"],
        chunk_size=job["chunk"],
        metadata=job["metadata"],
        retries=60,
        retry_delay=0.5,
        store_url=True,
        url_storage=storage(job["memory"]),
    )
    while uploader.offset < uploader.get_file_size():
        uploader.upload_chunk()
        time.sleep(job["pause"])


if __name__ == "__main__":
    main()
