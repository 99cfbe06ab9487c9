"""What the file calls of the REST API stand on; the composition root fills it in."""

from __future__ import annotations

from dataclasses import dataclass

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from chat4all.gateway.rest.body_stream import Patience
from chat4all.services.complete_file import CompleteFile
from chat4all.services.delete_file import DeleteFile
from chat4all.services.file_access import FileAccess
from chat4all.services.file_library import FileLibrary
from chat4all.services.file_links import FileLinks
from chat4all.services.initiate_file import InitiateFile
from chat4all.services.presign_part import PresignPart
from chat4all.services.spool import Spool
from chat4all.services.upload_file import UploadFile


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTools:
    """Services of files. `address` is where clients reach the calls that carry bytes."""

    access: FileAccess
    initiate: InitiateFile
    uploads: UploadFile
    presign: PresignPart
    complete: CompleteFile
    delete: DeleteFile
    library: FileLibrary
    links: FileLinks
    spool: Spool
    address: str
    patience: Patience

    def upload_url(self, file_id: str) -> str:
        """Return the address at which the bytes of an upload are taken."""
        return f"{self.address}/v1/files/uploads/{file_id}"


Files = NamedDependency[SkipValidation[FileTools]]
"""A handler takes it as `files`."""
