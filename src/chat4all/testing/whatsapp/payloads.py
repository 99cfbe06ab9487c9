"""The bodies of callbacks.

https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages
"""

from __future__ import annotations

from collections.abc import Sequence

from chat4all.testing.whatsapp.errors import status_error
from chat4all.testing.whatsapp.model import WINDOW_SECONDS, Chat, ChatMessage, Json, Number


def callback(number: Number, values: Sequence[Json]) -> Json:
    """Return the body that tells `values`, each as an entry of its own."""
    return {
        "object": "whatsapp_business_account",
        "entry": [
            {
                "id": number.business_account_id,
                "changes": [{"value": value, "field": "messages"}],
            }
            for value in values
        ],
    }


def message_value(
    chat: Chat,
    *,
    message_id: str,
    at: float,
    kind: str,
    content: object,
    reply_to: str | None = None,
) -> Json:
    """Return the value that tells what the person did."""
    person = chat.person
    message: Json = {
        "from": person.phone,
        "from_user_id": person.user_id,
        "id": message_id,
        "timestamp": str(int(at)),
        "type": kind,
        kind: content,
    }
    if reply_to is not None:
        about = chat.messages.get(reply_to)
        author = person.phone if about and about.mine else _digits(chat.number)
        message["context"] = {"from": author, "id": reply_to}
    return {**_about(chat), "messages": [message]}


def status_value(chat: Chat, message: ChatMessage, *, at: float, status: str) -> Json:
    """Return the value that tells how far a message of the business has come."""
    told: Json = {
        "id": message.id,
        "status": status,
        "timestamp": str(int(at)),
        "recipient_id": chat.person.phone,
        "recipient_user_id": chat.person.user_id,
    }
    if status == "failed":
        told["errors"] = [status_error(message.error or 131000)]
    else:
        told["conversation"] = {"id": _conversation(chat), "origin": {"type": "service"}}
        told["pricing"] = {
            "billable": False,
            "pricing_model": "PMP",
            "category": "service",
            "type": "free_customer_service",
        }
    if status == "sent":
        told["conversation"]["expiration_timestamp"] = str(int(at + WINDOW_SECONDS))
    return {**_about(chat), "statuses": [told]}


def _about(chat: Chat) -> Json:
    person, number = chat.person, chat.number
    return {
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": _digits(number),
            "phone_number_id": number.phone_number_id,
        },
        "contacts": [
            {"profile": {"name": person.name}, "wa_id": person.phone, "user_id": person.user_id}
        ],
    }


def _digits(number: Number) -> str:
    return "".join(one for one in number.display_phone_number if one.isdigit())


def _conversation(chat: Chat) -> str:
    return f"{int(chat.number.phone_number_id) ^ int(chat.person.phone):032x}"
