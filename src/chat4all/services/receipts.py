"""What a receipt of a platform says, once our own record of the send is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chat4all.domain.commands import ReportStatus
from chat4all.domain.directory import Account
from chat4all.domain.ids import derived_id
from chat4all.domain.inbound import EarlyReceipt, Receipt
from chat4all.domain.status import StatusEntry
from chat4all.ports.event_log import EARLY_RECEIPTS, Record
from chat4all.services.identities import Identities
from chat4all.services.platform_messages import PlatformMessages
from chat4all.services.records import encode_receipt

EARLY, UNKNOWN = "early_receipt", "unknown_receipt"
"""How a receipt is counted that came before our own record, and one for which none came."""


def early_record(account: Account, receipt: Receipt) -> Record:
    """Return what keeps a receipt that came early; those of one message keep their order."""
    message = derived_id("early-receipt", account.id, receipt.address, receipt.external_id)
    early = EarlyReceipt(account_id=account.id, receipt=receipt)
    return Record(EARLY_RECEIPTS, message, encode_receipt(early))


class ReceiptReports:
    """Turns receipts into commands; a repeat gives the same ones, which the router drops."""

    def __init__(self, messages: PlatformMessages, identities: Identities) -> None:
        self._messages = messages
        self._identities = identities

    async def __call__(
        self, receipt: Receipt, entry: StatusEntry, account: Account
    ) -> Sequence[ReportStatus]:
        """Return what `receipt` says of the message whose way `entry` tells."""
        # Some platforms tell whole seconds; nothing is delivered before it was sent.
        at = max(receipt.at, entry.at)
        return [
            ReportStatus(
                conversation_id=entry.conversation_id,
                entry=replace(one, status=receipt.status, at=at, error=receipt.error, note=None),
            )
            for one in await self._whose(receipt, entry, account)
        ]

    async def _whose(
        self, receipt: Receipt, entry: StatusEntry, account: Account
    ) -> Sequence[StatusEntry]:
        """Return the entries that a receipt is about: in a group, of one person or of all."""
        holders = await self._messages.holders(entry)
        if receipt.author is None or len(holders) == 1:
            return holders
        user = await self._identities.known(account, receipt.author)
        return [one for one in holders if one.user_id == user]
