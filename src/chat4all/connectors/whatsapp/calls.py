"""One call of the Graph API, and what its failures mean.

The calls are pywa's; the address, the time limit and the meaning of a failure are ours.
https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import AsyncIterator, Awaitable, Mapping
from http import HTTPStatus
from typing import Any

import httpx
from pywa_async.api import GraphAPIAsync
from pywa_async.errors import WhatsAppError

from chat4all.connectors.whatsapp.config import WhatsAppConfig
from chat4all.connectors.whatsapp.contents import text_at
from chat4all.connectors.whatsapp.failures import (
    code_of,
    concerns_account,
    passes,
    reason_of,
    told,
    wait_of,
)
from chat4all.connectors.whatsapp.media import PIECE, SLOWEST, UploadForm, checksum_of
from chat4all.connectors.whatsapp.templates import Approved, approved_of
from chat4all.domain.errors import ChannelError
from chat4all.domain.outgoing import FileRef

GRAPH_HOST = "graph.facebook.com"
MEDIA_HOSTS = ("fbsbx.com", "facebook.com", "fbcdn.net", "whatsapp.net")
"""Whose hosts the token may be shown to for a file, over TLS."""
LONGEST_WAIT = 24 * 3600.0
MOST_PAGES = 60
"""Of 100 templates; a business account has at most 6,000."""
_TEMPLATE_FIELDS = ("components", "parameter_format")


class HostTransport(httpx.AsyncHTTPTransport):
    """Sends what is for Meta's host of the API to `base`: pywa knows no other.

    A path in `base` goes before that of the request.
    """

    def __init__(self, base: str) -> None:
        super().__init__()
        self._base = httpx.URL(base.rstrip("/"))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See `httpx.AsyncBaseTransport`."""
        base = self._base
        if request.url.host != GRAPH_HOST:  # files are elsewhere
            return await super().handle_async_request(request)
        path = base.raw_path.rstrip(b"/") + request.url.raw_path
        request.url = base.copy_with(raw_path=path)
        request.headers["Host"] = base.netloc.decode("ascii")
        return await super().handle_async_request(request)


class Graph:
    """The calls that one phone number makes.

    A time-out leaves open whether WhatsApp took the message. It counts as worth a retry:
    a message that comes twice is better than one that never comes.
    """

    def __init__(self, config: WhatsAppConfig) -> None:
        self._token = config.access_token.get_secret_value()
        self._number = config.phone_number_id
        self._base = httpx.URL(config.api_base)
        self._timeout = config.timeout
        self._business = config.business_account_id
        self._session = httpx.AsyncClient(
            # The environment's proxies and .netrc must not see the token of a number.
            trust_env=False,
            timeout=config.timeout,
            transport=HostTransport(config.api_base),
        )
        self._api = GraphAPIAsync(
            self._token, self._session, api_version=float(config.api_version.removeprefix("v"))
        )

    async def send(self, address: str, kind: str, body: Any, *, reply_to: str | None = None) -> str:
        """Send one message of a kind; return its id, `wamid...`."""
        answer = await self._made(
            "messages",
            self._api.send_message(
                sender=self._number,
                **recipient(address),
                typ=kind,
                msg=body,
                reply_to_message_id=reply_to,
            ),
        )
        try:
            taken: object = answer["messages"][0]["id"]
        except (KeyError, IndexError, TypeError):
            taken = None
        if not isinstance(taken, str) or not taken:
            raise _unreadable("messages")
        return taken

    async def number(self) -> str:
        """Return how the phone number is written, such as `+55 71 99999-0000`."""
        answer = await self._made(
            "phone number",
            self._api.get_business_phone_number(
                self._number, fields=("display_phone_number", "verified_name")
            ),
        )
        shown = answer.get("display_phone_number")
        if not isinstance(shown, str) or not shown:
            raise _unreadable("phone number")
        return shown

    async def upload(self, file: FileRef) -> str:
        """Upload a file; return its id, which holds for 30 days."""
        form = UploadForm(file)
        answer = await self._made(
            "media",
            self._api.send_raw_request(
                method="POST",
                endpoint=f"/{self._number}/media",
                content=form,
                headers=form.headers,
                timeout=httpx.Timeout(self._timeout, read=self._timeout + file.size / SLOWEST),
            ),
        )
        taken = answer.get("id")
        if not isinstance(taken, str) or not taken:
            raise _unreadable("media")
        return taken

    async def download(self, media_id: str) -> AsyncIterator[bytes]:
        """Stream a file by its id, and check what came against its digest."""
        url, checksum = await self._located(media_id)
        digest, failure = hashlib.sha256(), None
        try:
            async with self._session.stream("GET", url) as answer:
                if answer.is_success:
                    async for piece in answer.aiter_bytes(PIECE):
                        digest.update(piece)
                        yield piece
                else:
                    failure = _download_refusal(answer)
        except httpx.TimeoutException:
            failure = _unreached("download", "did not answer in time", "timeout")
        except httpx.HTTPError:
            failure = _unreached("download", "cannot be reached", "network")
        if failure is not None:
            raise failure
        if checksum is not None and checksum != f"sha256:{digest.hexdigest()}":
            raise ChannelError("the file came damaged", retry=True, reason="media_damaged")

    async def _located(self, media_id: str) -> tuple[httpx.URL, str | None]:
        """Return where a file is for the next 5 minutes, and its checksum."""
        try:
            answer = await self._made("media", self._api.get_media_url(media_id))
        except ChannelError as error:
            if error.retry or error.reason == "unauthorized":
                raise
            raise _gone() from error
        try:
            url = httpx.URL(answer["url"])
        except (KeyError, TypeError, httpx.InvalidURL):
            raise _unreadable("media") from None
        ours = (url.scheme, url.host, url.port) == self._origin()
        theirs = url.scheme == "https" and f".{url.host}".endswith(
            tuple(f".{host}" for host in MEDIA_HOSTS)
        )
        if not ours and not theirs:
            raise ChannelError(
                "WhatsApp names a host for the file that is not Meta's",
                retry=False,
                reason="unreadable_answer",
            )
        return url, checksum_of(answer.get("sha256"))

    def _origin(self) -> tuple[str, str, int | None]:
        return self._base.scheme, self._base.host, self._base.port

    async def templates(self) -> list[Approved]:
        """Return the approved templates of the business account, all pages of them."""
        if self._business is None:
            raise ChannelError(
                "templates: set business_account_id in the config of the account",
                retry=False,
                reason="not_configured",
            )
        found: list[Approved] = []
        after: str | None = None
        for _ in range(MOST_PAGES):
            answer = await self._made(
                "templates",
                self._api.get_templates(
                    self._business,
                    fields=("name", "language", "status", "category", *_TEMPLATE_FIELDS),
                    filters={"status": "APPROVED"},
                    pagination={"limit": "100"} | ({"after": after} if after else {}),
                ),
            )
            found += approved_of(answer)
            after = text_at(answer, "paging", "cursors", "after")
            if after is None or text_at(answer, "paging", "next") is None:
                break
        return found

    async def aclose(self) -> None:
        """Close the connections."""
        await self._session.aclose()

    async def _made(self, name: str, call: Awaitable[Any]) -> dict[str, Any]:
        """Await a call; the errors of its libraries hold its headers and stay in here."""
        try:
            answer = await call
        except WhatsAppError as error:
            failure = refusal(name, error.raw, error.raw_response, token=self._token)
        except httpx.TimeoutException:
            failure = _unreached(name, "did not answer in time", "timeout")
        except httpx.HTTPError:
            failure = _unreached(name, "cannot be reached", "network")
        except (ValueError, LookupError, TypeError, AttributeError):  # no JSON, or another's
            failure = ChannelError(
                f"{name}: the answer is not the Cloud API's; check api_base",
                retry=True,
                reason="unavailable",
            )
        else:
            if isinstance(answer, dict):
                return answer
            failure = _unreadable(name)
        # Raised out here so that no cause hangs on it: theirs hold the token.
        raise failure


def recipient(address: str) -> dict[str, Any]:
    """Return how a call names an address: a phone number, a user id such as US.1, or a group.

    https://developers.facebook.com/documentation/business-messaging/whatsapp/business-scoped-user-ids
    """
    number = address.translate(str.maketrans("", "", "+-() "))
    if number.isascii() and number.isdigit():
        return {"to": number, "recipient": None, "recipient_type": "individual"}
    country, dot, _ = address.partition(".")
    if dot and len(country) == 2 and country.isalpha() and country.isupper():  # noqa: PLR2004 - ISO 3166
        return {"to": None, "recipient": address, "recipient_type": "individual"}
    return {"to": address, "recipient": None, "recipient_type": "group"}


def refusal(
    name: str, error: Mapping[str, Any], response: httpx.Response | None, *, token: str = ""
) -> ChannelError:
    """Return what an error object of the Graph API means."""
    status = HTTPStatus.BAD_REQUEST if response is None else response.status_code
    code = code_of(error)
    words = told(error, without=token)
    reason = _reason(code, status)
    wait = _asked_wait(response)
    if wait is None and code is not None:
        wait = wait_of(code)
    return ChannelError(
        f"{name}: WhatsApp says {code or status} {words.get('message', '')}".rstrip(),
        retry=passes(reason),
        reason=reason,
        retry_after=wait,
        platform_error={"status": status, **words},
        of_account=concerns_account(code, reason),
    )


def _reason(code: int | None, status: int) -> str:
    # pywa gives the status as the code where the body has none.
    if code is not None and code != status and (known := reason_of(code)) != "refused":
        return known
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "rate_limited"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "unavailable"
    return "unauthorized" if status == HTTPStatus.UNAUTHORIZED else "refused"


def _asked_wait(response: httpx.Response | None) -> float | None:
    """Return the seconds of `Retry-After`; a date is not understood and means none."""
    try:
        wait = float(response.headers.get("retry-after", "")) if response is not None else -1.0
    except ValueError:
        return None
    return min(wait, LONGEST_WAIT) if math.isfinite(wait) and wait >= 0 else None


def _gone() -> ChannelError:
    return ChannelError("WhatsApp has the file no longer", retry=False, reason="media_gone")


def _download_refusal(answer: httpx.Response) -> ChannelError:
    if answer.status_code in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        return _gone()
    return refusal("download", {}, answer)


def _unreached(name: str, what: str, reason: str) -> ChannelError:
    return ChannelError(f"{name}: WhatsApp {what}", retry=True, reason=reason)


def _unreadable(name: str) -> ChannelError:
    return ChannelError(
        f"{name}: WhatsApp's answer has an unknown form; update Chat4All",
        retry=False,
        reason="unreadable_answer",
    )
