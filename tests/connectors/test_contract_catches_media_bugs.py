"""Deliberate bugs in a connector that carries files, each found by the check that promises it.

The list stands in docs/howto/write-a-connector.md too.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from chat4all.testing.conformance_run import Check, run_conformance

SOUND = Path(__file__).with_name("media_on_paper.py")
GUIDE = Path(__file__).parents[2] / "docs" / "howto" / "write-a-connector.md"
PICTURE = {"id": "7", "from": "ana", "at": 1767225600}
EXPECTED = {
    "event": "IncomingMessage",
    "external_id": "7",
    "address": "ana",
    "author": "ana",
    "author_name": "ana",
    "payload": {"type": "image"},
    "sent_at": "2026-01-01T00:00:00Z",
    "attachment": {"reference": "7", "mime_type": "image/png"},
}


@dataclass(frozen=True, slots=True)
class Bug:
    """Put `wrong` in the place of `right`, and `found_by` fails."""

    name: str
    right: str
    wrong: str
    found_by: str


WHOLE = "every kind of file is carried whole"
READS = 'data = b"".join([piece async for piece in file.read()])'
BUGS = (
    Bug("of a file the first piece is sent", READS,
        'data = b"".join([piece async for piece in file.read()][:1])', WHOLE),
    Bug("the caption is forgotten", '("", data, caption)', '("", data, None)', WHOLE),
    Bug("the size of a file is left to the platform", "size=file.size,", "size=1,",
        "a file that is too large is refused before it is sent"),
    Bug("the type of a file is left to the platform", "mime_type=file.mime_type)",
        'mime_type="image/png")',
        "a type of file that is not carried is refused before it is sent"),
    Bug("the length of a caption is left to the platform",
        'if obstacle or len(caption or "") > self.capabilities.caption_of(kind):', "if obstacle:",
        "a caption that is too long is refused before it is sent"),
    Bug("what could be read of a file is sent", READS,
        'data = b""\n'
        "        try:\n"
        "            async for piece in file.read():\n"
        "                data += piece\n"
        "        except Exception:\n"
        "            pass",
        "a file that cannot be read on is tried again"),
    Bug("a file that is gone is asked for again", '"it is gone", retry=False', '"?", retry=True',
        "a file that is gone is told from one that is late"),
    Bug("too large to fetch is any refusal", 'reason="media_too_large"', 'reason="refused"',
        "a file that is too large to fetch is told as such"),
    Bug("a file is fetched in one piece", "PIECE = 256 * 1024", "PIECE = 64 * 1024**2",
        "a file that came is fetched whole and in pieces"),
    Bug("half of a download passes for the file",
        'raise ChannelError("it broke off", retry=True, reason="network")', "return",
        "a download that breaks off is no whole file"),
    Bug("the secret stands in the error of a fetch", '"paper is out"', 'f"out of {SECRET}"',
        "a fetch that fails is worth another and shows no secret"),
    Bug("a picture comes without its file",
        'attachment=Attachment(reference=name, mime_type="image/png")', "attachment=None",
        "a file that comes can be fetched"),
)  # fmt: skip


def checked(folder: Path, source: str, *, only: str = "") -> Sequence[Check]:
    """Run the checks of files, or one check, on a connector."""
    expected = folder / "payloads" / "expected"
    expected.mkdir(parents=True)
    (folder / "payloads" / "picture.json").write_text(json.dumps(PICTURE))
    (expected / "picture.json").write_text(json.dumps([EXPECTED]))
    module = folder / "conformance.py"
    module.write_text(source, "utf-8")
    named = (
        f"test_{only.replace(' ', '_')}"
        if only
        else "file or media or caption or fetch or recorded"
    )
    return run_conformance([str(module), "-k", named])


def test_the_connector_without_a_bug_passes(tmp_path: Path) -> None:
    checks = checked(tmp_path, SOUND.read_text("utf-8"))
    assert {bug.found_by for bug in BUGS} <= {one.promise for one in checks if one.passed}
    assert [one.failures for one in checks if one.failures] == []


@pytest.mark.parametrize("bug", BUGS, ids=[bug.name for bug in BUGS])
def test_a_bug_is_found(tmp_path: Path, bug: Bug) -> None:
    source = SOUND.read_text("utf-8")
    assert source.count(bug.right) == 1
    [check] = checked(tmp_path, source.replace(bug.right, bug.wrong), only=bug.found_by)
    assert check.promise == bug.found_by
    assert check.result == "failed"


def test_the_guide_lists_every_bug() -> None:
    table = [line.split("|")[1:3] for line in GUIDE.read_text("utf-8").splitlines()]
    listed = {(row[0].strip(), row[1].strip()) for row in table if len(row) == len(("bug", "by"))}
    assert {(bug.name.capitalize(), bug.found_by) for bug in BUGS} <= listed
