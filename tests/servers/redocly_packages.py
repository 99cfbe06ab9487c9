"""The npm package that checks OpenAPI documents as Redocly recommends."""

from __future__ import annotations

from pathlib import Path

from tests.servers.npm_packages import NpmPackages

PACKAGES = NpmPackages("redocly", Path(__file__).with_name("redocly_npm"), ("redocly.yaml",))
