"""What the text after the author means: a file, a place, a deleted message, or just text.

WhatsApp writes these in the phone's language. English, Portuguese (both), German, Spanish,
French and Italian are known here; in another language such a line stays a text, never lost.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from chat4all.services.chat_export.records import MessageKind
from chat4all.services.chat_export.safe_text import inner_path, on_earth
from chat4all.services.chat_export.whatsapp_header import DIRECTION_MARKS

_LEFT_TO_RIGHT_MARK = "\u200e"

_DELETED = re.compile(
    r"(?:this message was deleted(?: by admin .+)?|you deleted this message(?: as admin)?"
    r"|(?:mensagem|(?:esta|essa) mensagem foi) (?:apagada|eliminada)"
    r"|(?:você )?(?:apagou|eliminou) (?:esta|essa) mensagem"
    r"|diese nachricht wurde (?:von .+ )?gelöscht|du hast diese nachricht gelöscht"
    r"|(?:se eliminó este mensaje|este mensaje fue eliminado|eliminaste este mensaje)"
    r"|(?:ce message a été supprimé|vous avez supprimé ce message)"
    r"|(?:questo messaggio è stato eliminato|hai eliminato questo messaggio))\.?",
    re.IGNORECASE,
)
_EDITED = re.compile(
    r"[ ]?\u200e?<(?:this message was edited|mensagem editada|esta mensagem foi editada"
    r"|diese nachricht wurde bearbeitet|se editó este mensaje|ce message a été modifié"
    r"|questo messaggio è stato modificato)\.?>\Z",
    re.IGNORECASE,
)
_IOS_FILE = re.compile(
    r"(?P<caption>.*?)\s?\u200e?"
    r"<(?:attached|anexado|anhang|angehängt|adjunto|pièce jointe|allegato)\s?: (?P<name>[^<>\n]+)>",
    re.IGNORECASE | re.DOTALL,
)
_ANDROID_FILE = re.compile(
    r"\u200e?(?P<name>[^\n]+\.\w{1,8}) "
    r"\((?:file attached|arquivo anexado|ficheiro anexado|datei angehängt|archivo adjunto"
    r"|fichier joint|file allegato)\)(?:\n(?P<caption>.*))?",
    re.IGNORECASE | re.DOTALL,
)
_MAP_LINK = re.compile(
    r"[^\s:]+\s?: https?://(?:maps\.google\.com/|www\.google\.com/maps)\?q="
    r"(?P<latitude>-?\d{1,2}(?:\.\d+)?),(?P<longitude>-?\d{1,3}(?:\.\d+)?)",
    re.ASCII | re.IGNORECASE,
)
_POLL = re.compile(
    r"(?:poll|enquete|sondagem|umfrage|encuesta|sondage|sondaggio)\s?:", re.IGNORECASE
)
_OMITTED = {
    MessageKind.IMAGE: "image omitted|imagem ocultada|imagem não revelada|bild weggelassen"
    "|imagen omitida|image absente|immagine omessa",
    MessageKind.VIDEO: "video omitted|video note omitted|gif omitted|vídeo omitido"
    "|vídeo ocultado|gif omitido|video weggelassen|videonachricht weggelassen|gif weggelassen"
    "|video omitido|vidéo absente|video omesso",
    MessageKind.AUDIO: "audio omitted|áudio ocultado|áudio omitido|audio weggelassen"
    "|audio omitido|audio omis|audio omesso",
    MessageKind.STICKER: "sticker omitted|figurinha omitida|sticker weggelassen|sticker omitido",
    MessageKind.DOCUMENT: "document omitted|documento omitido|dokument weggelassen"
    "|<media omitted>|<mídia oculta>|<arquivo de mídia oculto>|<ficheiro não revelado>"
    "|<medien ausgeschlossen>|<multimedia omitido>|<médias omis>|<media omessi>",
    MessageKind.CONTACT: "contact card omitted|cartão do contato omitido"
    "|kontaktkarte ausgelassen|kontaktkarte weggelassen",
}
_OMITTED_KIND = {
    phrase: kind for kind, phrases in _OMITTED.items() for phrase in phrases.split("|")
}
_KIND_BY_ENDING = {
    ending: kind
    for kind, endings in {
        MessageKind.IMAGE: "jpg jpeg png gif heic webp",
        MessageKind.VIDEO: "mp4 mov 3gp m4v mkv avi webm",
        MessageKind.AUDIO: "opus ogg mp3 m4a aac amr wav",
        MessageKind.CONTACT: "vcf",
    }.items()
    for ending in endings.split()
}
_STICKER_NAME = re.compile(r"^STK-|-STICKER-", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The meaning of one message's text; see `ExportedMessage` for the fields."""

    kind: MessageKind
    text: str
    media_name: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    edited: bool = False


def read_body(text: str, *, bracket: bool) -> Body:
    """Return what `text` says. `bracket` tells an iOS export from an Android one.

    iOS begins what it wrote itself, rather than the author, with U+200E: such a line that
    is no file, no place and no poll is a notice ("Missed voice call").
    """
    text, edits = _EDITED.subn("", text) if text.endswith(">") else (text, 0)
    body = _special_body(text.lstrip(DIRECTION_MARKS))
    if body is None:
        by_program = bracket and text.startswith(_LEFT_TO_RIGHT_MARK)
        bare = text.lstrip(DIRECTION_MARKS) if by_program else text
        is_notice = by_program and not _POLL.match(bare)
        body = Body(kind=MessageKind.NOTICE if is_notice else MessageKind.TEXT, text=bare)
    if not edits:
        return body
    return replace(body, edited=True)


def kind_of_file(name: str) -> MessageKind:
    """Return what a file is, by the way WhatsApp names it."""
    if _STICKER_NAME.search(name):
        return MessageKind.STICKER
    return _KIND_BY_ENDING.get(name.rpartition(".")[2].lower(), MessageKind.DOCUMENT)


def _special_body(text: str) -> Body | None:
    if _DELETED.fullmatch(text):
        return Body(kind=MessageKind.DELETED, text=text)
    # `report.pdf • 2 pages <U+200E>document omitted`
    omitted = _OMITTED_KIND.get(text.rpartition(_LEFT_TO_RIGHT_MARK)[2].casefold())
    if omitted is not None:
        return Body(kind=omitted, text=text.replace(_LEFT_TO_RIGHT_MARK, ""))
    # Most texts have neither mark, and looking for one is cheap.
    file = (text.endswith(">") and _IOS_FILE.fullmatch(text)) or (
        ")" in text and _ANDROID_FILE.fullmatch(text)
    )
    if file:
        name = file["name"].strip()
        return Body(
            kind=kind_of_file(name), text=file["caption"] or "", media_name=inner_path(name) or None
        )
    return _place(text)


def _place(text: str) -> Body | None:
    found = _MAP_LINK.fullmatch(text)
    if found is None:
        return None
    latitude, longitude = float(found["latitude"]), float(found["longitude"])
    if not on_earth(latitude, longitude):
        return None
    return Body(kind=MessageKind.LOCATION, text=text, latitude=latitude, longitude=longitude)
