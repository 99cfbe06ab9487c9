"""The npm packages with which the TypeScript client is made and checked."""

from __future__ import annotations

from pathlib import Path

from tests.servers.npm_packages import NpmPackages

SDK = Path(__file__).parents[2] / "sdk" / "typescript"
PACKAGES = NpmPackages("sdk", SDK)
