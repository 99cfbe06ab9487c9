"""The OpenAPI document is as Redocly's linter recommends; what is switched off has its reason."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from chat4all.gateway.rest.app import openapi_document
from tests.servers.cache import Missing, skip_for
from tests.servers.redocly_packages import PACKAGES

CONFIG = PACKAGES.source / "redocly.yaml"


def found(folder: Path, document: bytes) -> list[tuple[str, str, str]]:
    """Return the rule, the severity and the words of each problem in a document."""
    try:
        place = PACKAGES.folder()
    except Missing as missing:
        skip_for(missing)
    (folder / "api.json").write_bytes(document)
    program = place / "node_modules" / ".bin" / "redocly"
    done = subprocess.run(
        [program, "lint", "api.json", "--config", CONFIG, "--format", "json"],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "REDOCLY_TELEMETRY": "off",
            "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    problems = json.loads(done.stdout)["problems"]
    return [(one["ruleId"], one["severity"], one["message"]) for one in problems]


def test_the_linter_of_redocly_finds_no_error_and_nothing_to_warn_of(tmp_path: Path) -> None:
    assert found(tmp_path, openapi_document()) == []


def test_the_linter_looks(tmp_path: Path) -> None:
    document: dict[str, Any] = json.loads(openapi_document())
    del document["paths"]["/v1/messages"]["post"]["operationId"]
    [(rule, severity, _)] = found(tmp_path, json.dumps(document).encode())
    assert (rule, severity) == ("operation-operationId", "warn")
