"""The types of the TypeScript client, made of what the server declares: `scripts/sdk-types`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from chat4all.gateway.rest.app import openapi_document
from chat4all.gateway.rest.asyncapi import asyncapi_document
from chat4all.gateway.rest.asyncapi_frames import SERVER_FRAMES
from tests.servers.cache import Missing
from tests.servers.sdk_packages import PACKAGES, SDK

GENERATED = SDK / "src" / "generated" / "api.ts"
COMMAND = ("npm", "run", "--silent", "generate")


def document() -> dict[str, Any]:
    """Return the OpenAPI document with the frames of the WebSocket among its schemas."""
    api: dict[str, Any] = json.loads(openapi_document())
    schemas = api["components"]["schemas"]
    for name, schema in asyncapi_document()["components"]["schemas"].items():
        schemas.setdefault(name, schema)
    schemas |= {f"{kind.title()}Frame": frame for kind, frame in SERVER_FRAMES.items()}
    # The generator writes a type that is part of itself as TypeScript does not read it.
    schemas["JsonValue"] = {"description": schemas["JsonValue"]["description"]}
    return api


def generated_types() -> str:
    """Return what the generator makes of the document. Raises `Missing`."""
    packages = PACKAGES.folder()
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "src" / "generated").mkdir(parents=True)
        (folder / "package.json").write_bytes((SDK / "package.json").read_bytes())
        (folder / "node_modules").symlink_to(packages / "node_modules")
        (folder / "api.json").write_text(json.dumps(document()), encoding="utf-8")
        done = subprocess.run(
            COMMAND,
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": name},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return (folder / GENERATED.relative_to(SDK)).read_text(encoding="utf-8")


def main() -> None:
    try:
        PACKAGES.build()
        GENERATED.write_text(generated_types(), encoding="utf-8")
    except Missing as missing:
        sys.exit(f"sdk-types: {missing}")


if __name__ == "__main__":
    main()
