"""What became of a file of contacts."""

from __future__ import annotations

from typing import Self

from msgspec import Struct

from chat4all.services.contact_matching import Row, RowStatus
from chat4all.services.import_contacts import ContactsReport


class ImportedRow(Struct, frozen=True, kw_only=True):
    """An entry of the file, by the line on which it begins.

    `detail` is why it was refused, or what of it was left out. `contact_id` is null for one
    that was refused, or that a dry run would make.
    """

    line: int
    status: RowStatus
    contact_id: str | None
    detail: str | None

    @classmethod
    def of(cls, row: Row) -> Self:
        """Return `row` as the API shows it."""
        return cls(line=row.line, status=row.status, contact_id=row.contact, detail=row.detail)


class ImportedContacts(Struct, frozen=True, kw_only=True):
    """What an import did, or with `dry_run` would do; `ignored` are columns without a meaning."""

    dry_run: bool
    created: int
    merged: int
    unchanged: int
    refused: int
    ignored: list[str]
    rows: list[ImportedRow]

    @classmethod
    def of(cls, report: ContactsReport) -> Self:
        """Return `report` as the API shows it."""
        counts = report.counts
        return cls(
            dry_run=report.dry_run,
            created=counts[RowStatus.CREATED],
            merged=counts[RowStatus.MERGED],
            unchanged=counts[RowStatus.UNCHANGED],
            refused=counts[RowStatus.REFUSED],
            ignored=list(report.ignored),
            rows=[ImportedRow.of(row) for row in report.rows],
        )
