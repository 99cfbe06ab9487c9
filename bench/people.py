"""The people of the bench, registered and signed in through the API like any others."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from bench.job import Lane

SENDERS = ("ana", "bruno", "carla", "davi")
RECIPIENTS = ("elisa", "fabio", "gabi", "hugo")
CHECK_SECONDS = 600.0
PASSWORD = "a password for the bench alone"  # noqa: S105 - of a server that lives a minute


def lanes(
    url: str,
    senders: Sequence[str] = SENDERS,
    each: int = 2,
    recipients: Sequence[str] = RECIPIENTS,
) -> list[Lane]:
    """Return private conversations of people with one of the recipients, `each` of every sender.

    By default there are 8: each of 8 people sends in two, or receives in two. On data that
    has them already, they sign in and find their conversations again.
    """
    with httpx.Client(base_url=url, timeout=60) as client:
        people = {name: _sign_in(client, name) for name in (*senders, *recipients)}
        found = []
        for number, sender in enumerate(senders):
            for step in range(each):
                recipient = recipients[(number + step) % len(recipients)]
                found.append(_lane(client, people[sender], people[recipient]))
        return found


def check(url: str, folder: Path) -> dict[str, int]:
    """Have the product check everything it has, as its operator; return findings by check."""
    key = json.loads((folder / "operator.json").read_text())
    form = {
        "grant_type": "client_credentials",
        "client_id": key["client_id"],
        "client_secret": key["client_secret"],
    }
    with httpx.Client(base_url=url, timeout=CHECK_SECONDS) as client:
        token = _json(client.post("/v1/auth/token", data=form))["access_token"]
        bearer = {"authorization": f"Bearer {token}"}
        found = _json(client.get("/v1/admin/integrity/check", headers=bearer))["findings"]
        return {name: int(count) for name, count in found.items()}


def _sign_in(client: httpx.Client, name: str) -> tuple[str, str]:
    """Return id and access token."""
    form = {"grant_type": "password", "username": name, "password": PASSWORD}
    registration = {"username": name, "password": PASSWORD}
    if client.post("/v1/auth/register", json=registration).status_code not in (201, 409):
        raise RuntimeError(f"cannot register {name}")
    token: str = _json(client.post("/v1/auth/token", data=form))["access_token"]
    me = _json(client.get("/v1/users/me", headers={"authorization": f"Bearer {token}"}))
    return me["id"], token


def _lane(client: httpx.Client, sender: tuple[str, str], recipient: tuple[str, str]) -> Lane:
    made = client.post(
        "/v1/conversations",
        json={"type": "private", "member_ids": [recipient[0]]},
        headers={"authorization": f"Bearer {sender[1]}"},
    )
    return Lane(
        conversation_id=_json(made)["id"],
        sender_id=sender[0],
        sender_token=sender[1],
        recipient_id=recipient[0],
        recipient_token=recipient[1],
    )


def _json(answer: httpx.Response) -> Any:
    return answer.raise_for_status().json()
