"""The caller's address book."""

from __future__ import annotations

from typing import Annotated, Literal

from litestar import Controller, Response, delete, get, patch, post
from litestar.params import JSONBody, QueryParameter
from msgspec import UnsetType

from chat4all.domain.ids import UserId
from chat4all.gateway.rest import pages
from chat4all.gateway.rest.bearer import MANAGING, Caller
from chat4all.gateway.rest.changes import given
from chat4all.gateway.rest.deps import Deps
from chat4all.gateway.rest.file_response import FileBody, begun
from chat4all.gateway.rest.request import ApiRequest, media_type_of
from chat4all.gateway.rest.schemas.contact_import import ImportedContacts
from chat4all.gateway.rest.schemas.text import SearchWords, UuidPath
from chat4all.gateway.rest.schemas.users import Contact, ContactChange, ContactPage, NewContact
from chat4all.services.contact_files import FileFormat
from chat4all.services.contact_files.card import MAX_FILE_BYTES
from chat4all.services.import_contacts import ContactsFile
from chat4all.services.unset import UNSET

DryRun = Annotated[bool, QueryParameter(description="Tell what would become of it; do nothing.")]
Region = Annotated[
    str | None,
    QueryParameter(
        max_length=2,
        pattern="^[A-Za-z]{2}\\Z",
        description="Country of the numbers that name none, such as BR; else the server's.",
    ),
]
NumberPlatform = Annotated[
    str | None,
    QueryParameter(
        max_length=32,
        pattern="^[a-z][a-z0-9_-]*\\Z",
        description="Where the phone numbers are reached; needed where several platforms do.",
    ),
]


Format = Annotated[
    Literal["csv", "vcard"],
    QueryParameter(name="format", description="What the file shall be."),
]
ENDINGS = {FileFormat.CSV: "csv", FileFormat.VCARD: "vcf"}


class Contacts(Controller):
    """`/v1/contacts`."""

    path = "/v1/contacts"
    tags = ("Contacts",)
    opt = MANAGING

    @post("/", operation_id="createContact", problems=(409,))
    async def create(self, data: JSONBody[NewContact], deps: Deps, caller: Caller) -> Contact:
        """Add somebody who is reached through channels."""
        card = await deps.contacts.create(
            caller.user_id,
            display_name=data.display_name,
            addresses=[one.to_domain() for one in data.channels],
        )
        return Contact.of(card)

    @post(
        "/import",
        operation_id="importContacts",
        status_code=200,
        body_type="text/csv text/vcard",
        problems=(400, 413, 415),
        request_max_body_size=MAX_FILE_BYTES,
    )
    async def import_file(
        self,
        request: ApiRequest,
        deps: Deps,
        caller: Caller,
        dry_run: DryRun = False,  # noqa: FBT002 - a parameter of the address
        region: Region = None,
        platform: NumberPlatform = None,
    ) -> ImportedContacts:
        """Take in a file of contacts, CSV or vCard; the same file again changes nothing.

        At most 10 MiB and 50,000 contacts. A file that is not well-formed is refused whole.
        """
        format_ = FileFormat(media_type_of(request, *FileFormat))
        file = ContactsFile(
            body=await request.body(),
            format=format_,
            charset=request.content_type[1].get("charset", ""),
            region=region,
            platform=platform,
        )
        report = await deps.import_contacts(caller.user_id, file, dry_run=dry_run)
        return ImportedContacts.of(report)

    @get("/", operation_id="listContacts")
    async def list(
        self,
        deps: Deps,
        caller: Caller,
        words: SearchWords = "",
        limit: pages.Limit = 50,
        cursor: pages.AfterId = None,
    ) -> ContactPage:
        """Return one's contacts."""
        found = await deps.contacts.search(
            caller.user_id,
            words,
            after=None if cursor is None else UserId(cursor.lower()),
            limit=limit + 1,
        )
        page, more = pages.cut(found, limit)
        return ContactPage(
            items=[Contact.of(one) for one in page],
            next=page[-1].user.id if more else None,
        )

    @get(
        "/export",
        operation_id="exportContacts",
        opt={"produces": "*/*", "file_types": [*FileFormat]},
    )
    async def export_file(
        self, deps: Deps, caller: Caller, format_: Format = "csv"
    ) -> Response[bytes]:
        """Return all contacts as a file, CSV or vCard 4.0, which an import takes back.

        Imported again it changes nothing. Fields that a spreadsheet would take for a formula
        have an apostrophe before them in CSV, which an import takes away.
        """
        kind = FileFormat[format_.upper()]
        file = await begun(deps.export_contacts(caller.user_id, kind))
        headers = {
            "Content-Type": f"{kind}; charset=utf-8",
            "Content-Disposition": f'attachment; filename="contacts.{ENDINGS[kind]}"',
            "Cache-Control": "private, no-store",
            "X-Content-Type-Options": "nosniff",
        }
        return FileBody(file, status_code=200, headers=headers)

    @get("/{contact_id:str}", operation_id="getContact")
    async def get_contact(self, contact_id: UuidPath, deps: Deps, caller: Caller) -> Contact:
        """Return one contact, with the time that each channel leaves to answer."""
        card = await deps.contacts.get(caller.user_id, UserId(contact_id.lower()))
        windows = {one.id: await deps.windows.of(one) for one in card.channels}
        return Contact.of(card, windows)

    @patch("/{contact_id:str}", operation_id="changeContact", problems=(409,))
    async def change(
        self, contact_id: UuidPath, data: JSONBody[ContactChange], deps: Deps, caller: Caller
    ) -> Contact:
        """Change a contact; `channels` replaces all of them."""
        channels = data.channels
        card = await deps.contacts.change(
            caller.user_id,
            UserId(contact_id.lower()),
            display_name=given(data.display_name),
            preferred_channel=given(data.preferred_channel),
            addresses=(
                UNSET if isinstance(channels, UnsetType) else [one.to_domain() for one in channels]
            ),
        )
        return Contact.of(card)

    @delete("/{contact_id:str}", operation_id="deleteContact")
    async def remove(self, contact_id: UuidPath, deps: Deps, caller: Caller) -> None:
        """Forget a contact; messages stay."""
        await deps.contacts.delete(caller.user_id, UserId(contact_id.lower()))
