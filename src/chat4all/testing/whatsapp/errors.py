"""What can go wrong in the simulator, in WhatsApp's words and in ours.

    Exception
    ├── GraphError             a business asked for something that the API refuses
    ├── ConnectionLost         the answer to a business is to be lost on purpose
    └── SimulationError        a person cannot do this
        ├── NoSuchParticipant  ... because there is no such person, number or message
        └── ChallengeFailed    a callback address did not answer the challenge

Codes and titles: https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes
"""

from __future__ import annotations

from typing import Any

TITLES = {
    4: "Application request limit reached",
    80007: "Rate limit hit",
    100: "Invalid parameter",
    130429: "Rate limit hit",
    131000: "Something went wrong",
    131009: "Parameter value is not valid",
    131026: "Message undeliverable",
    131030: "Recipient phone number not in allowed list",
    131047: "Re-engagement message",
    131051: "Unsupported message type",
    131053: "Media upload error",
    131056: "(Business Account, Consumer Account) pair rate limit hit",
    132000: "Number of parameters does not match the expected number of params",
    131008: "Required parameter is missing",
    132001: "Template name does not exist in the translation",
    132012: "Template Parameter Format Mismatch",
    132015: "Template is Paused",
    132018: "Template Parameter Invalid",
    190: "Invalid OAuth access token",
}
DETAILS = {
    130429: "Cloud API message throughput has been reached.",
    131026: "Message Undeliverable.",
    131047: "Message failed to send because more than 24 hours have passed since the customer "
    "last replied to this number.",
    131056: "Too many messages sent from this phone number to the same recipient in a short "
    "period of time.",
}
ERROR_CODES = "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/"


class GraphError(Exception):
    """An answer that is an `error` object. `retry_after` (seconds) becomes a header."""

    def __init__(
        self,
        code: int,
        details: str = "",
        *,
        status: int = 400,
        retry_after: int | None = None,
        subcode: int | None = None,
    ) -> None:
        super().__init__(f"{code} {details}")
        self.code = code
        self.details = details or DETAILS.get(code, "")
        self.status = status
        self.retry_after = retry_after
        self.subcode = subcode

    def body(self, trace: str) -> dict[str, Any]:
        """Return the JSON of the answer."""
        error: dict[str, Any] = {
            "message": f"(#{self.code}) {title(self.code)}",
            "type": "OAuthException",
            "code": self.code,
            "fbtrace_id": trace,
        }
        if self.subcode is not None:
            error["error_subcode"] = self.subcode
        if self.details:
            error["error_data"] = {"messaging_product": "whatsapp", "details": self.details}
        return {"error": error}


class ConnectionLost(Exception):
    """The connection is to be cut instead of answering."""


class SimulationError(Exception):
    """A person tried what the WhatsApp app would not let them do."""


class NoSuchParticipant(SimulationError):
    """The person, number or message does not exist."""


class ChallengeFailed(SimulationError):
    """A callback address that is not accepted, as it did not answer the challenge."""


def title(code: int) -> str:
    """Return the title of an error code."""
    return TITLES.get(code, "Unknown error")


def status_error(code: int) -> dict[str, Any]:
    """Return one of the `errors` of a failed status."""
    return {
        "code": code,
        "title": title(code),
        "message": title(code),
        "error_data": {"details": DETAILS.get(code, title(code))},
        "href": ERROR_CODES,
    }
