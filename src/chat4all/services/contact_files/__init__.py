"""Address books as files: CSV and vCard."""

from chat4all.services.contact_files.card import Card, Cards, FileFormat
from chat4all.services.contact_files.reading import read_cards
from chat4all.services.contact_files.writing import Written, one_line, write_cards

__all__ = [
    "Card",
    "Cards",
    "FileFormat",
    "Written",
    "one_line",
    "read_cards",
    "write_cards",
]
