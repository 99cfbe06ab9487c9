"""Deliberate bugs in a connector that works, each found by the check that promises it.

The list stands in docs/howto/write-a-connector.md; a bug that got through belongs into both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from chat4all.cli.connector_skeleton import write_skeleton
from chat4all.testing import connector_faults
from chat4all.testing.conformance_run import Check, run_conformance

GUIDE = Path(__file__).parents[2] / "docs" / "howto" / "write-a-connector.md"


@dataclass(frozen=True, slots=True)
class Bug:
    """Put `wrong` in the place of `right`, in one file, and `found_by` fails."""

    name: str
    file: str
    right: str
    wrong: str
    found_by: str


RETRIES = 'retry=reason == "rate_limited" or answer.is_server_error'
OF_ACCOUNT = "of_account=answer.status_code in REASONS"
CHECKS_SIGNATURE = "if not hmac.compare_digest(given, expected):"
BUGS = (
    Bug("no signature check", "connector", CHECKS_SIGNATURE, "if False:",
        "a callback without proof is rejected"),
    Bug("only the start of the signature is compared", "connector", CHECKS_SIGNATURE,
        "if not given or not expected.startswith(given):",
        "a callback with a wrong proof is rejected"),
    Bug("the signature's case is ignored", "connector", CHECKS_SIGNATURE,
        "if given.lower() != expected:", "a callback with a wrong proof is rejected"),
    Bug("a signature that is no ASCII ends in an exception", "connector",
        '.encode("utf-8", "surrogatepass")', '.encode("ascii")',
        "a callback with a wrong proof is rejected"),
    Bug("anything signed is taken, read or not", "translate",
        'raise WebhookRejected("the body is not a callback of the platform") from None',
        "return []", "an unreadable callback is rejected"),
    Bug("a body that is nonsense ends in an exception", "translate",
        "except (ValidationError, OverflowError):", "except OverflowError:",
        "a damaged callback is read or rejected"),
    Bug("an update of an unknown kind is rejected", "translate",
        "RootModel[_Message | _Receipt | _Unknown]", "RootModel[_Message | _Receipt]",
        "a recorded callback gives the expected events"),
    Bug("one callback gives its event twice", "translate",
        "return [message]", "return [message, message]", "one callback gives no event twice"),
    Bug("a repeated callback is answered from memory", "connector",
        "return events_of(body)",
        "seen = self.__dict__.setdefault('seen', set())\n"
        "        new = body not in seen\n"
        "        seen.add(body)\n"
        "        return events_of(body) if new else []",
        "a repeated callback gives equal events"),
    Bug("a callback that comes late is dropped", "connector",
        "return events_of(body)",
        "last = self.__dict__.get('last', b'')\n"
        "        self.__dict__['last'] = max(body, last)\n"
        "        return events_of(body) if body >= last else []",
        "callbacks mean the same in any order"),
    Bug("the time is that of this machine", "translate",
        "sent_at=_utc(self.at)", "sent_at=datetime.now(UTC)",
        "a recorded callback gives the expected events"),
    Bug("a callback is thrown away when our clock is wrong", "translate",
        "return _Callback.model_validate_json(body).root.events()",
        "import time\n        if abs(time.time() - _NOW) > 3600:\n            return []\n"
        "        return _Callback.model_validate_json(body).root.events()",
        "the clock of this machine means nothing"),
    Bug("times do not say where they count from", "translate",
        "return at.astimezone(UTC)", "return at.replace(tzinfo=None)",
        "every time says where it counts from"),
    Bug("texts are cut without a word", "connector",
        'message.payload.text or ""', '(message.payload.text or "")[:500]',
        "a text arrives as it was written"),
    Bug("texts that are too long are cut and sent", "connector",
        'message.payload.text or ""', '(message.payload.text or "")[: CAPABILITIES.max_text]',
        "a longer text is refused before it is sent"),
    Bug("the length is left to the platform", "connector",
        "if len(words) > CAPABILITIES.max_text:", "if False:",
        "a longer text is refused before it is sent"),
    Bug("a location is sent as an empty text", "connector",
        "if message.payload.type not in CAPABILITIES.payloads:", "if False:",
        "what the capabilities do not name is refused"),
    Bug("every message has the same id", "connector",
        'external_id=str(answer["id"])', 'external_id="1"', "two messages have two ids"),
    Bug("refused for good is tried again", "connector",
        RETRIES, "retry=True",
        "a fault says whether to try again"),
    Bug("a fault of the platform is final", "connector",
        RETRIES, 'retry=reason == "rate_limited"',
        "a fault says whether to try again"),
    Bug("the wish to wait is forgotten", "connector",
        "retry_after=float(wish) if wish.isdecimal() else None", "retry_after=None",
        "a fault says whether to try again"),
    Bug("a token that is refused is tried again", "connector",
        RETRIES, 'retry=reason != "refused" or answer.is_server_error',
        "a fault says whether to try again"),
    Bug("a limit of the account counts for one chat", "connector",
        OF_ACCOUNT, "of_account=answer.status_code == 401",
        "a fault says whether it concerns the whole account"),
    Bug("somebody who blocked us stops the account", "connector",
        OF_ACCOUNT, "of_account=answer.is_client_error",
        "a fault says whether it concerns the whole account"),
    Bug("a token that is refused is any refusal", "connector",
        "reason=reason,", 'reason=reason.replace("unauthorized", "refused"),',
        "a fault says whether it concerns the whole account"),
    Bug("the time-out is longer than anybody waits", "connector",
        "answer = await self._http.post(path, json=body)",
        "answer = await __import__('asyncio').sleep(3_600) or "
        "await self._http.post(path, json=body)",
        "a fault says whether to try again"),
    Bug("the library's own exception comes through", "connector",
        "except httpx.TransportError as error:", "except httpx.PoolTimeout as error:",
        "a fault says whether to try again"),
    Bug("the token stands in the error", "connector",
        'f"the platform answers {answer.status_code}"',
        'f"the platform answers {answer.status_code} to {dict(self._http.headers)}"',
        "a fault shows no secret"),
    Bug("the secret stands in a log line", "connector",
        "return events_of(body)",
        "import logging\n        logging.getLogger('x').debug('read with %s', self._secret)\n"
        "        return events_of(body)",
        "work shows no secret"),
    Bug("the reason is a sentence", "connector",
        "reason=reason,", 'reason="The platform said no.",',
        "a fault has a reason of one word"),
    Bug("the capabilities promise more than there is", "config",
        "replies=True,", "replies=True,\n    edits=True,",
        "the capabilities are those of the methods"),
)  # fmt: skip


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where packages lie that can be imported."""
    monkeypatch.syspath_prepend(str(tmp_path / "src"))
    return tmp_path


def checked(folder: Path, name: str, *, only: str = "") -> Sequence[Check]:
    """Run the suite, or one check of it, on the package `name`."""
    narrowed = ["-k", f"test_{only.replace(' ', '_')}"] if only else []
    return run_conformance([str(folder / "src" / f"chat4all_{name}" / "conformance.py"), *narrowed])


def test_the_connector_without_a_bug_passes_everything(path: Path) -> None:
    write_skeleton("sound", path)
    checks = checked(path, "sound")
    assert len(checks) > 25
    assert [one.failures for one in checks if one.failures] == []


@pytest.mark.parametrize("number", range(len(BUGS)), ids=lambda number: BUGS[number].name)
def test_a_bug_is_found(path: Path, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    bug, name = BUGS[number], f"buggy{number}"
    if "sleep" in bug.wrong:  # it would be waited for at every fault
        monkeypatch.setattr(connector_faults, "GIVES_UP", 1.0)
    write_skeleton(name, path)
    file = path / "src" / f"chat4all_{name}" / f"{bug.file}.py"
    source = file.read_text("utf-8")
    assert source.count(bug.right) == 1
    broken = source.replace(bug.right, bug.wrong)
    if "_NOW" in bug.wrong:
        broken += "\nimport time\n\n_NOW = time.time()\n"
    file.write_text(broken, "utf-8")
    [check] = checked(path, name, only=bug.found_by)
    assert check.promise == bug.found_by
    assert check.result == "failed"


def test_the_guide_lists_every_bug() -> None:
    table = [line.split("|")[1:3] for line in GUIDE.read_text("utf-8").splitlines()]
    listed = {(row[0].strip(), row[1].strip()) for row in table if len(row) == len(("bug", "by"))}
    assert {(bug.name.capitalize(), bug.found_by) for bug in BUGS} <= listed
