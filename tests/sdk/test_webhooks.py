"""A receiver with the TypeScript client takes what Chat4All signed, and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chat4all.domain.webhook_signature import new_secret, signed_headers
from tests.client.test_webhooks import AT, BODY, NEW, NOW, OLD
from tests.sdk.node_client import NodeClient, ThrownError, node_client


@pytest.fixture
async def node(folder: Path) -> AsyncIterator[NodeClient]:
    async with node_client(folder) as client:
        yield client


async def test_either_secret_verifies_while_they_are_rotated(node: NodeClient) -> None:
    signed = signed_headers([NEW, OLD], "01a2", BODY, AT)
    headers = {name.title(): value for name, value in signed.items()}
    for kept in ([NEW], [OLD], [new_secret(), OLD]):
        event = await node.call("verifyWebhook", headers, BODY.decode(), kept, {"now": NOW})
        assert (event["id"], event["data"]["type"]) == ("01a2", "deleted")


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"webhook-id": "01a3"}, "no signature"),
        ({"webhook-signature": ""}, "no signature"),
        ({"webhook-signature": "v1,é v1,AAAA v2,AAAA"}, "no signature"),
        ({"webhook-timestamp": str(int(NOW) + 1)}, "no signature"),
        ({"webhook-timestamp": str(int(NOW) - 301)}, "too old"),
        ({"webhook-timestamp": str(int(NOW) + 301)}, "too old"),
        ({"webhook-timestamp": "soon"}, "no number"),
        ({"webhook-timestamp": ""}, "missing"),
    ],
)
async def test_what_was_changed_or_is_old_is_refused(
    node: NodeClient, changed: dict[str, str], why: str
) -> None:
    headers = {**signed_headers([NEW], "01a2", BODY, AT), **changed}
    with pytest.raises(ThrownError, match=f"WrongSignature.*{why}"):
        await node.call("verifyWebhook", headers, BODY.decode(), [NEW], {"now": NOW})


async def test_another_body_and_another_secret_verify_nothing(node: NodeClient) -> None:
    headers = signed_headers([NEW], "01a2", BODY, AT)
    changed = BODY.decode().replace("0198", "0199")
    for body, secrets in ((changed, [NEW]), (BODY.decode(), [OLD]), (BODY.decode(), [])):
        with pytest.raises(ThrownError, match=r"WrongSignature.*no signature"):
            await node.call("verifyWebhook", headers, body, secrets, {"now": NOW})
