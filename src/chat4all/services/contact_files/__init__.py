"""Address books as files: CSV and vCard, read and written."""

from chat4all.services.contact_files.card import Card, Cards, FileFormat, UnreadableContacts
from chat4all.services.contact_files.reading import read_cards
from chat4all.services.contact_files.writing import Written, write_cards

__all__ = [
    "Card",
    "Cards",
    "FileFormat",
    "UnreadableContacts",
    "Written",
    "read_cards",
    "write_cards",
]
